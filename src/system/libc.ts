/**
 * The C library that Deno itself is linked with.
 *
 * Constants and struct layouts in this directory are those of Linux, and the
 * same on x86_64 and aarch64. Variadic functions (open, fcntl, prctl) are
 * declared with the arguments that they get: for integers and pointers, that
 * makes no difference there.
 */

const PATH = "libc.so.6";

/** Closes a descriptor in the programs that this process starts. */
export const O_CLOEXEC = 0o2000000;
/** Gives a descriptor that refers to a file without opening it: open(2). */
export const O_PATH = 0o10000000;

/** Functions of the C library, to be closed or disposed of. */
export type Libc<S extends Deno.ForeignLibraryInterface> =
  & Pick<Deno.DynamicLibrary<S>, "symbols" | "close">
  & Disposable;

interface OpenLibrary {
  readonly libc: Deno.DynamicLibrary<Deno.ForeignLibraryInterface>;
  holders: number;
}

/** What is open in this thread, by the functions that were asked for. */
const openLibraries = new Map<Deno.ForeignLibraryInterface, OpenLibrary>();

/**
 * Opens the C library for the functions in `symbols`. Deno compiles a stub for
 * each, which takes up to a millisecond: who asks for the same object while
 * somebody has its functions shares them.
 *
 * @returns null on other systems than Linux, in a Deno built for another C
 * library than glibc, and without the permission (nobody is asked for it)
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Libc<S> | null {
  if (Deno.build.os !== "linux") return null;
  let library = openLibraries.get(symbols);
  if (library === undefined) {
    const ffi = Deno.permissions.querySync({ name: "ffi", path: PATH });
    if (ffi.state !== "granted") return null;
    try {
      library = { libc: Deno.dlopen(PATH, symbols), holders: 0 };
    } catch {
      return null; // not there, or without one of the functions
    }
    openLibraries.set(symbols, library);
  }
  return hold(symbols, library) as Libc<S>;
}

function hold(
  symbols: Deno.ForeignLibraryInterface,
  library: OpenLibrary,
): Libc<Deno.ForeignLibraryInterface> {
  library.holders++;
  let isHeld = true;
  const close = (): void => {
    if (!isHeld) return;
    isHeld = false;
    if (--library.holders > 0) return;
    openLibraries.delete(symbols);
    library.libc.close();
  };
  return { symbols: library.libc.symbols, close, [Symbol.dispose]: close };
}

/**
 * The same for `what`, which is impossible without the library.
 *
 * @throws {SystemError} Where {@linkcode openLibc} returns null.
 */
export function requireLibc<const S extends Deno.ForeignLibraryInterface>(
  what: string,
  symbols: S,
): Libc<S> {
  const libc = openLibc(symbols);
  if (libc !== null) return libc;
  throw new SystemError(
    `${what} needs Linux with glibc and the permission for FFI (deno run -A).`,
  );
}

/** `text` in UTF-8 with a final NUL, as C takes it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** The path of what an open descriptor refers to: proc(5). */
export function descriptorPath(descriptor: number | string): string {
  return `/proc/self/fd/${descriptor}`;
}

/** Whether both are the same file, whatever its name. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The system refuses something: a sentence for the person who asked for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
}
