/**
 * Another user, who has a folder and puts links in the place of what root makes
 * there, for root_races_test.ts. Arguments: the folder, a file and a folder of
 * root's, how often to try. Ends with its standard input, too.
 *
 * @module
 */

const [folder, secret, rootFolder] = Deno.args;
const rounds = Number(Deno.args[3]);
const inner = `${folder}/inner`;
let over = false;

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // Root was faster, or the name is taken.
  }
}

Deno.stdin.read(new Uint8Array(1)).then(() => over = true);
console.log("ready");
for (let round = 0; round < rounds && !over; round++) {
  attempt(() => {
    for (const { name } of Deno.readDirSync(inner)) {
      const path = `${inner}/${name}`;
      // Whatever it is: root means to go on with this name.
      attempt(() => Deno.renameSync(path, `${folder}/taken`));
      attempt(() => Deno.symlinkSync(secret, path));
    }
  });
  attempt(() => Deno.renameSync(inner, `${folder}/real`));
  attempt(() => Deno.symlinkSync(rootFolder, inner));
  attempt(() => Deno.removeSync(inner));
  attempt(() => Deno.renameSync(`${folder}/real`, inner));
  if (round % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
Deno.exit(0);
