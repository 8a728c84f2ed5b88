/**
 * Makes this Linux look to the program like another system, as far as the
 * program asks: to be preloaded. OTHER_SYSTEM says which.
 *
 * @module
 */

// Paths stay those of this system.
import "../../src/std/path.ts";

const os = Deno.env.get("OTHER_SYSTEM") as typeof Deno.build.os;
const windows = os === "windows";

function replace<K extends keyof typeof Deno>(
  key: K,
  value: (typeof Deno)[K],
): void {
  // As writable as the real one: loading an app puts a guard in its place.
  Object.defineProperty(Deno, key, {
    value,
    writable: true,
    configurable: true,
  });
}

/** What is not there, or cannot be done, for some arguments of a function. */
function refuse<K extends keyof typeof Deno>(
  key: K,
  refused: (first: unknown) => boolean,
  error: new (message: string) => Error,
): void {
  const real = Deno[key] as (...given: unknown[]) => unknown;
  const fake = (...given: unknown[]): unknown => {
    if (refused(given[0])) throw new error(`not on ${os}: Deno.${key}`);
    return real(...given);
  };
  replace(key, fake as (typeof Deno)[K]);
}

const inProc = (path: unknown): boolean => String(path).startsWith("/proc");
const isUnix = (options: unknown): boolean =>
  windows && typeof options === "object" && options !== null &&
  "path" in options;

replace("build", { ...Deno.build, os });
refuse("dlopen", () => true, Deno.errors.NotFound);
for (
  const key of ["readTextFileSync", "readFileSync", "readDirSync"] as const
) {
  refuse(key, inProc, Deno.errors.NotFound);
}
refuse("serve", isUnix, Deno.errors.NotSupported);
refuse("listen", isUnix, Deno.errors.NotSupported);
refuse("connect", isUnix, Deno.errors.NotSupported);
const signals = windows ? ["SIGINT", "SIGBREAK", "SIGHUP"] : null;
refuse(
  "addSignalListener",
  (signal) => signals !== null && !signals.includes(String(signal)),
  TypeError,
);
if (windows) {
  replace("uid", () => null);
  replace("gid", () => null);
  refuse("chownSync", () => true, Deno.errors.NotSupported);
}
