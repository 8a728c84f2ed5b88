/**
 * The C library that Deno itself is linked with.
 *
 * Constants and layouts in this room are Linux's, and those of x86_64 and
 * aarch64 alike.
 *
 * @module
 */

const PATH = "libc.so.6";

/** Opens, and on close: not handed on to other programs. */
export const O_CLOEXEC = 0o2000000;

/**
 * Opens the C library for the functions in `symbols`.
 *
 * @returns null on other systems than Linux, in a Deno built for another C
 * library than glibc, and without the permission (nobody is asked for it).
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S> | null {
  if (Deno.build.os !== "linux") return null;
  const ffi = Deno.permissions.querySync({ name: "ffi", path: PATH });
  if (ffi.state !== "granted") return null;
  try {
    return Deno.dlopen(PATH, symbols);
  } catch {
    return null; // not there, or without one of the functions
  }
}

/**
 * Opens the C library for `what`, which cannot do without.
 *
 * @throws {SystemError} When it cannot be had.
 */
export function requireLibc<const S extends Deno.ForeignLibraryInterface>(
  what: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  const libc = openLibc(symbols);
  if (libc !== null) return libc;
  throw new SystemError(
    `${what} needs Linux with glibc and the permission for FFI (deno run -A).`,
  );
}

/** A refusal by the system, in words for the person who asked for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
}
