/**
 * Becomes another user and tells what is left of root, for
 * privileges_test.ts. Its arguments: uid, gid, whether to keep low ports.
 *
 * @module
 */

import { dropPrivileges, handOnLowPorts } from "../../src/system/privileges.ts";

const [uid, gid] = Deno.args.slice(0, 2).map(Number);
const identity = { uid, gid };
const keep = Deno.args[2] === "keep";

/** What /proc tells of the rights of a thread or process. */
export type Rights = Record<string, string>;

function rights(status: string): Rights {
  const lines = status.matchAll(
    /^(Uid|Gid|Groups|Cap\w+):[ \t]*(.*?)[ \t]*$/gm,
  );
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

/** What a program that this one starts may do. */
function startedRights(): Rights {
  const { stdout } = new Deno.Command("cat", { args: ["/proc/self/status"] })
    .outputSync();
  return rights(new TextDecoder().decode(stdout));
}

function canListen(port: number): boolean {
  try {
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    return false;
  }
}

function canRead(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** Tells whether a thread of its own may bind a port below 1024. */
function canListenInWorker(): Promise<boolean> {
  const code = `
    try { Deno.listen({ port: 81, hostname: "127.0.0.1" }).close(); self.postMessage(true); }
    catch (error) { self.postMessage(error instanceof Deno.errors.AddrInUse); }`;
  const worker = new Worker(
    `data:text/javascript,${encodeURIComponent(code)}`,
    {
      type: "module",
    },
  );
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => {
      worker.terminate();
      resolve(data);
    };
  });
}

/** What the child prints. */
export interface Report {
  error: string | null;
  threads: Rights[];
  canBecomeRoot: boolean;
  canReadShadow: boolean;
  canListen: boolean;
  canListenInWorker: boolean;
  startedByRoot: Rights;
  started: Rights;
  startedWithPorts: Rights;
  startedAfter: Rights;
}

const startedByRoot = handOnLowPorts(startedRights);
let error: string | null = null;
try {
  dropPrivileges(identity, keep);
  dropPrivileges(identity, keep); // a second time does nothing
} catch (thrown) {
  error = `${thrown}`;
}

const libc = Deno.dlopen("libc.so.6", {
  setuid: { parameters: ["u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
}).symbols;

const report: Report = {
  error,
  threads: [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
    rights(Deno.readTextFileSync(`/proc/self/task/${name}/status`))
  ),
  canBecomeRoot: libc.setuid(0) === 0 || libc.setresuid(0, 0, 0) === 0,
  canReadShadow: canRead("/etc/shadow"),
  canListen: canListen(81),
  canListenInWorker: await canListenInWorker(),
  startedByRoot,
  started: startedRights(),
  startedWithPorts: handOnLowPorts(startedRights),
  startedAfter: startedRights(),
};
console.log(JSON.stringify(report));
