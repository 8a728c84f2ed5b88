/**
 * Looks at files in the folder given, and says what it is told wrong. To be
 * run with and without the permission for FFI.
 *
 * @module
 */

import { FileStamp } from "../../src/system/file_stamp.ts";
import { holdFileLibrary } from "../../src/system/file_names.ts";

const [folder] = Deno.args;
const library = holdFileLibrary();
const path = `${folder}/caf\u00e9 \u{1F600}`;
const other = `${folder}/other`;
const link = `${folder}/link`;

function fresh(name: string): FileStamp {
  for (const each of [path, other, link]) {
    try {
      Deno.removeSync(each);
    } catch { /* was not there */ }
  }
  Deno.writeTextFileSync(path, "one");
  Deno.symlinkSync(path, link);
  return new FileStamp(name, Deno.statSync(path));
}

const changes: Record<string, () => void> = {
  "content of another length": () => Deno.writeTextFileSync(path, "three"),
  "another time of change": () => Deno.utimeSync(path, 1, 1),
  "another file in its place": () => {
    Deno.writeTextFileSync(other, "two");
    Deno.renameSync(other, path);
  },
  "no file": () => Deno.removeSync(path),
  "a folder in its place": () => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
};

for (const name of [path, link]) {
  for (const [what, change] of Object.entries(changes)) {
    const look = fresh(name);
    Deno.readTextFileSync(path);
    if (!look.isUnchanged()) console.log(`${name} changed before ${what}`);
    change();
    if (look.isUnchanged()) console.log(`${name} is the same with ${what}`);
  }
}
const look = fresh(path);
Deno.writeTextFileSync(other, "one");
if (new FileStamp(other, Deno.statSync(path)).isUnchanged()) {
  console.log("another file than the one given is the same");
}
if (!look.isUnchanged()) console.log("the last one changed");
library[Symbol.dispose]();
if (!look.isUnchanged()) console.log("the last one changed with the library");
Deno.writeTextFileSync(path, "three");
if (look.isUnchanged()) console.log("nothing is seen without the library");
