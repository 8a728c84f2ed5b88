/**
 * The C library that Deno itself is linked with.
 *
 * Constants and struct layouts in this directory are those of Linux, and the
 * same on x86_64 and aarch64. Variadic functions (open, fcntl, prctl) are
 * declared with the arguments that they get: for integers and pointers, that
 * makes no difference there.
 *
 * @module
 */

const PATH = "libc.so.6";

/** Closes a descriptor in the programs that this process starts. */
export const O_CLOEXEC = 0o2000000;
/** Gives a descriptor that refers to a file without opening it: open(2). */
export const O_PATH = 0o10000000;

/** The C library, to be closed or disposed of. */
export type Libc<S extends Deno.ForeignLibraryInterface> =
  & Deno.DynamicLibrary<S>
  & Disposable;

/**
 * Opens the C library for the functions in `symbols`, in milliseconds the first
 * time.
 *
 * @returns null on other systems than Linux, in a Deno built for another C
 * library than glibc, and without the permission (nobody is asked for it)
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Libc<S> | null {
  if (Deno.build.os !== "linux") return null;
  const ffi = Deno.permissions.querySync({ name: "ffi", path: PATH });
  if (ffi.state !== "granted") return null;
  try {
    const libc = Deno.dlopen(PATH, symbols);
    return Object.assign(libc, { [Symbol.dispose]: () => libc.close() });
  } catch {
    return null; // not there, or without one of the functions
  }
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

/** Tells whether both are the same file, whatever its name. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The system refuses something: a sentence for the person who asked for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
}
