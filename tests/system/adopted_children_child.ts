/**
 * Adopts children as the first process of a container does, for
 * adopted_children_test.ts. Its argument says whether it buries them; it prints
 * what became of them and of its own child.
 *
 * @module
 */

import { reapOrphans } from "../../src/system/process.ts";
import { delay } from "../helpers/wait.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const GRACE_MS = 100;

const libc = Deno.dlopen("libc.so.6", {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
});
libc.symbols.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
const stop = Deno.args[0] === "bury" ? reapOrphans(GRACE_MS) : () => {};

const own = new Deno.Command("sleep", { args: ["0.3"] }).spawn();
// The shell ends at once; what it has started is an orphan then.
const { stdout } = await new Deno.Command("sh", {
  args: ["-c", "for i in 1 2 3; do sleep 0.$i >/dev/null & echo $!; done"],
}).output();
const orphans = new TextDecoder().decode(stdout).trim().split("\n");

/** As /proc tells it; "" when the system has forgotten the process. */
function state(pid: string): string {
  try {
    return /\) (\w) /.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))![1];
  } catch {
    return "";
  }
}

const seen = new Set<string>();
const end = performance.now() + 1500;
while (performance.now() < end && orphans.some((pid) => state(pid) !== "")) {
  for (const pid of orphans) seen.add(state(pid));
  await delay(5);
}
stop();
const { success } = await own.status;
console.log(
  JSON.stringify({
    wereDead: seen.has("Z"),
    left: orphans.map(state).join(""),
    own: success,
  }),
);
