/**
 * What a process without rights may read, for tests that root may run.
 *
 * @module
 */

const NOBODY = 65534;

/**
 * Runs `work` so that modes of files count, also for root: this thread alone
 * looks at files as nobody meanwhile (setfsuid(2)).
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (Deno.uid() !== 0) return await work();
  const libc = Deno.dlopen("libc.so.6", {
    setfsuid: { parameters: ["u32"], result: "i32" },
  });
  libc.symbols.setfsuid(NOBODY);
  try {
    return await work();
  } finally {
    libc.symbols.setfsuid(0);
    libc.close();
  }
}

/** False where root cannot be kept from reading. */
export const MODES_COUNT: boolean = Deno.build.os !== "windows" &&
  (Deno.uid() !== 0 || Deno.build.os === "linux");
