/**
 * What listings do beyond what a page does without a script: a box that
 * filters, and times of the reader's zone.
 *
 * @module
 */

/** JavaScript, to stand in the page itself. */
export const LISTING_SCRIPT = `
const box = document.querySelector("input[type=search]");
const shown = document.querySelector("[role=status]");
const parts = [...document.querySelectorAll("tbody")];
if (box) {
  box.parentNode.hidden = false;
  let groups;
  const filter = () => {
    const words = box.value.toLowerCase().split(/\\s+/);
    groups ??= parts.map((part) => ({ part, rows: [...part.querySelectorAll("tr:not(.up)")]
      .map((row) => ({ row, name: row.cells[0].textContent.toLowerCase() })) }));
    let all = 0;
    let count = 0;
    for (const { part, rows } of groups) {
      const before = count;
      for (const { row, name } of rows) {
        const hidden = !words.every((word) => name.includes(word));
        if (row.hidden !== hidden) row.hidden = hidden;
        if (!hidden) count++;
      }
      all += rows.length;
      part.hidden = part !== parts[0] && count === before;
    }
    shown.textContent = box.value.trim() === ""
      ? ""
      : count + " of " + all + " shown";
  };
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; filter(); }
    if (event.key !== "Enter") return;
    const first = document.querySelector("tbody:not([hidden]) tr:not(.up, [hidden]) a");
    if (box.value.trim() !== "" && first) first.click();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === box) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });
  // A browser that comes back to the page fills the box in again.
  addEventListener("pageshow", () => { if (box.value !== "") filter(); });
}
const two = (number) => String(number).padStart(2, "0");
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const local = (part) => {
  for (const time of part.querySelectorAll("time:not([title])")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = long.format(at);
    time.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" +
      two(at.getDate()) + " " + two(at.getHours()) + ":" + two(at.getMinutes());
  }
};
// What is far away waits until it comes near.
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    local(target);
  }
}, { rootMargin: "50%" });
for (const part of parts) near.observe(part);
if (parts.length > 0) local(parts[0]);
addEventListener("beforeprint", () => parts.forEach(local));
for (const zone of document.querySelectorAll(".utc")) zone.remove();
`;
