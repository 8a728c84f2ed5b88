/**
 * What listings do beyond what a page does without a script: a box that
 * filters, and times of the reader's zone.
 *
 * @module
 */

/** JavaScript, to stand in the page itself. */
export const LISTING_SCRIPT = `
const box = document.querySelector("input");
const shown = document.querySelector("[role=status]");
const rows = [...document.querySelectorAll("tbody tr:not(.up)")]
  .map((row) => ({ row, name: row.cells[0].textContent.toLowerCase() }));
if (box) {
  box.parentNode.hidden = false;
  const filter = () => {
    const words = box.value.toLowerCase().split(/\\s+/);
    let count = 0;
    for (const { row, name } of rows) {
      row.hidden = !words.every((word) => name.includes(word));
      if (!row.hidden) count++;
    }
    shown.textContent = box.value.trim() === ""
      ? ""
      : count + " of " + rows.length + " shown";
  };
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; filter(); }
    if (event.key !== "Enter") return;
    const first = rows.find(({ row }) => !row.hidden);
    if (box.value.trim() !== "" && first) first.row.querySelector("a").click();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === box) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });
  // A browser that comes back to the page fills the box in again.
  addEventListener("pageshow", filter);
}
const two = (number) => String(number).padStart(2, "0");
for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  if (isNaN(at)) continue;
  time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  time.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" +
    two(at.getDate()) + " " + two(at.getHours()) + ":" + two(at.getMinutes());
}
for (const zone of document.querySelectorAll(".utc")) zone.remove();
`;
