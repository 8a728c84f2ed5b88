/**
 * The least that an access log and a guard of connections cost in this engine,
 * whatever server they belong to.
 *
 * @module
 */

/** Bytes that are written at a time. */
const BATCH = 64 * 1024;
/** As long as what ours writes. */
const LINE = new TextEncoder().encode(
  '127.0.0.1 - - [22/Nov/2026:13:07:00 +0000] "GET /" 200 0.000s\n',
);

/** What is told of each request. */
interface AccessLog {
  write(info: Deno.ServeHandlerInfo<Deno.NetAddr>): void;
}

/**
 * A log in the file that `BENCH_LOG` names; null without it. Each request reads
 * what no line can do without and the engine has to be asked for, which is the
 * client's address and the time, before and after. It adds a line that is ready
 * and as long as one of ours: to put one together takes nothing of the engine.
 */
export function accessLog(): AccessLog | null {
  const path = Deno.env.get("BENCH_LOG");
  if (path === undefined) return null;
  const file = Deno.openSync(path, { append: true, create: true });
  const batch = new Uint8Array(BATCH);
  let filled = 0;
  let seconds = 0;
  return {
    write({ remoteAddr: { hostname } }) {
      const start = Date.now();
      if (filled + LINE.length > BATCH) {
        file.writeSync(batch.subarray(0, filled));
        filled = 0;
      }
      batch.set(LINE, filled);
      filled += LINE.length;
      seconds += hostname.length + Date.now() - start;
    },
  };
}

/** Between two looks at the connections (ms). */
const INTERVAL = 1000;
const [IPPROTO_TCP, TCP_INFO] = [6, 11];

/** What each request passes. */
interface Guard {
  admit(): void;
}

/**
 * A guard, with `BENCH_GUARD`; else null. The engine has no timeouts of
 * connections, does not count them, and reads on from a client that floods it.
 * So somebody has to ask the system for the state of each connection again and
 * again, by one call each, and has to know how many requests came meanwhile. It
 * asks once a second, and leaves out what then would have to be done.
 */
export function guard(): Guard | null {
  if (!Deno.env.has("BENCH_GUARD")) return null;
  const { symbols: { getsockopt } } = Deno.dlopen("libc.so.6", {
    getsockopt: {
      parameters: ["i32", "i32", "i32", "buffer", "buffer"],
      result: "i32",
    },
  });
  const state = new Uint8Array(256);
  const size = new Uint32Array(1);
  let requests = 0;
  setInterval(() => {
    requests = 0;
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      size[0] = state.length;
      getsockopt(Number(name), IPPROTO_TCP, TCP_INFO, state, size);
    }
  }, INTERVAL);
  return { admit: () => void requests++ };
}
