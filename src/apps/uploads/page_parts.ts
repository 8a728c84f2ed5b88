/**
 * The forms of a listing whose folder can be changed, which work without a script,
 * and a script that shows progress.
 */

import type { PageParts } from "../files/page_frame.ts";
import type { WriteSettings } from "./tree_writer.ts";

/** The forms, style and script for the options that are on; null for none. */
export function pageParts(settings: WriteSettings): PageParts | null {
  const { upload, uploadTypes, mkdir, rename, delete: deletes } = settings;
  const accept = uploadTypes.length === 0 ? "" : ` accept="${uploadTypes}"`;
  const forms = [
    upload
      ? `<form class="upload" method="post" enctype="multipart/form-data">
<label>Files <input type="file" name="file" multiple required${accept}></label>
<button class="button">Upload</button>
<button class="button" type="button" data-pick="folder" hidden>Upload a folder</button>
</form>`
      : "",
    mkdir
      ? `<form method="post"><input type="hidden" name="action" value="mkdir">
<label>New folder <input name="name" required autocomplete="off"></label>
<button class="button">Make</button></form>`
      : "",
    rename || deletes
      ? `<form class="change" method="post">
<label>Entry <input name="name" required autocomplete="off" list="names"></label>
<datalist id="names"></datalist>
${
        rename
          ? `<label>New name <input name="to" autocomplete="off"></label>
<button class="button" name="action" value="rename">Rename</button>`
          : ""
      }
${
        deletes
          ? `<button class="button" name="action" value="delete">Delete</button>`
          : ""
      }
</form>`
      : "",
  ].filter((form) => form !== "").join("\n");
  if (forms === "") return null;
  return {
    html: `<section class="card changes" aria-label="Change this folder"${
      mkdir ? " data-folders" : ""
    }>
${forms}
<p class="drop" hidden>Files ${
      mkdir ? "and folders " : ""
    }can be dropped anywhere on this page.</p>
<ul class="transfers"></ul>
<p class="outcome" role="status" aria-live="polite"></p>
</section>
`,
    style: STYLE,
    script: SCRIPT,
  };
}

const STYLE = `
.changes { margin-bottom: 1rem; padding: .75rem 1rem; }
.changes form { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; margin: .25rem 0; }
.changes input:not([type=file]) {
  min-height: 2.5rem; padding: .4rem .8rem; font: inherit; color: inherit; max-width: 100%;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
.changes input[type=file] { max-width: 100%; padding: .6rem 0; font: inherit; color: inherit; }
.changes p { margin: .25rem 0; color: var(--soft); }
.changes p:empty { display: none; }
.changes .failed { color: var(--archive); }
.transfers { margin: 0; padding: 0; list-style: none; }
.transfers li { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; padding: .25rem 0; }
.transfers span { flex: 1 1 12rem; overflow-wrap: anywhere; }
body.dropping { outline: 3px dashed var(--link); outline-offset: -6px; }
@media (max-width: 40rem) {
  .changes label { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .5rem; width: 100%; }
  .changes label input { flex: 1; min-height: 2.9rem; }
}
@media print { .changes { display: none; } }
`;

/**
 * Two files are sent at a time; each has a bar and a button that cancels it.
 * The page reloads once all have arrived.
 */
const SCRIPT = `
const area = document.querySelector(".changes");
const list = area.querySelector(".transfers");
const outcome = area.querySelector(".outcome");
const form = area.querySelector("form.upload");
const change = area.querySelector("form.change");
const base = location.pathname.replace(/[^/]*$/, "");
const waiting = [];
let running = 0, done = 0, failed = 0;
const made = new Map();
const addressOf = (path) => base + path.split("/").map(encodeURIComponent).join("/");
// Folders are made one after the other, each once.
const makeFolder = (path) => {
  if (path === "") return Promise.resolve();
  if (!made.has(path)) {
    made.set(path, makeFolder(path.replace(/\\/?[^/]*$/, "")).then(async () => {
      const answer = await fetch(addressOf(path) + "/", { method: "MKCOL" });
      if (!answer.ok && answer.status !== 405) throw new Error(await answer.text());
    }));
  }
  return made.get(path);
};
const tell = () => {
  const left = waiting.length + running;
  outcome.textContent = left > 0
    ? done + " of " + (done + failed + left) + " uploaded"
    : done + " uploaded" + (failed > 0 ? ", " + failed + " not" : "");
  if (left === 0 && done > 0 && failed === 0) location.reload();
};
const next = () => {
  tell();
  while (running < 2 && waiting.length > 0) start(waiting.shift());
};
const start = async (item) => {
  running++;
  try {
    await makeFolder(item.path.replace(/\\/?[^/]*$/, ""));
    if (!item.cancelled) await send(item);
    item.row.remove();
    if (!item.cancelled) done++;
  } catch (error) {
    if (item.cancelled) item.row.remove();
    else {
      failed++;
      item.bar.remove();
      item.button.remove();
      item.label.className = "failed";
      item.label.textContent = item.path + ": " + error.message.trim();
      item.label.setAttribute("role", "alert");
    }
  }
  running--;
  next();
};
const send = (item) => new Promise((resolve, reject) => {
  const request = item.request = new XMLHttpRequest();
  request.open("PUT", addressOf(item.path));
  request.upload.onprogress = ({ loaded, total }) => {
    item.bar.max = Math.max(total, 1);
    item.bar.value = loaded;
  };
  request.onload = () =>
    request.status < 300 ? resolve() : reject(new Error(request.responseText || request.statusText));
  request.onerror = () => reject(new Error("The connection broke; nothing of it was stored."));
  request.onabort = () => reject(new Error("Cancelled."));
  request.send(item.file);
});
const add = (file, path) => {
  const row = document.createElement("li");
  const label = row.appendChild(document.createElement("span"));
  label.textContent = path;
  const bar = row.appendChild(document.createElement("progress"));
  bar.setAttribute("aria-label", "Progress of " + path);
  bar.value = 0;
  const button = row.appendChild(document.createElement("button"));
  button.className = "button";
  button.textContent = "Cancel";
  button.setAttribute("aria-label", "Cancel " + path);
  const item = { file, path, row, label, bar, button };
  button.addEventListener("click", () => {
    item.cancelled = true;
    const at = waiting.indexOf(item);
    if (at >= 0) waiting.splice(at, 1);
    item.request?.abort();
    if (at >= 0) row.remove();
    tell();
  });
  list.append(row);
  waiting.push(item);
};
const addAll = (files) => {
  for (const file of files) add(file, file.webkitRelativePath || file.name);
  next();
};
// What is dropped may be folders, whose entries come in groups.
const addEntry = async (entry, folder) => {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return add(file, folder + entry.name);
  }
  const reader = entry.createReader();
  while (true) {
    const group = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (group.length === 0) return;
    for (const child of group) await addEntry(child, folder + entry.name + "/");
  }
};
if (form) {
  const input = form.querySelector("input");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    addAll(input.files);
    form.reset();
  });
  if ("folders" in area.dataset) {
    const folder = document.createElement("input");
    folder.type = "file";
    folder.webkitdirectory = true;
    folder.addEventListener("change", () => { addAll(folder.files); folder.value = ""; });
    const pick = form.querySelector("[data-pick]");
    pick.hidden = false;
    pick.addEventListener("click", () => folder.click());
  }
  area.querySelector(".drop").hidden = false;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    // Read synchronously: the list is empty after the event.
    const dropped = [...event.dataTransfer.items].filter((item) => item.kind === "file")
      .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    try {
      for (const item of dropped) {
        if (item instanceof File) add(item, item.name);
        else await addEntry(item, "");
      }
    } catch (error) {
      outcome.textContent = "What was dropped could not be read: " + error.message;
    }
    next();
  });
  addEventListener("beforeunload", (event) => {
    if (running > 0) event.preventDefault();
  });
}
if (change) {
  const names = change.querySelector("datalist");
  for (const link of document.querySelectorAll("tbody tr:not(.up) th a")) {
    const option = document.createElement("option");
    option.value = link.textContent.replace(/\\/$/, "");
    names.append(option);
  }
  change.addEventListener("submit", (event) => {
    const name = change.elements.name.value;
    if (event.submitter?.value !== "delete") return;
    if (!confirm("Delete " + name + " for good?")) event.preventDefault();
  });
}
`;
