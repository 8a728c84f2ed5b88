/**
 * Range requests (RFC 9110, section 14).
 *
 * @module
 */

/** The bytes from `start` to `end`, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

const BYTES = /^bytes=(.*)$/i;
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * What a `range` field asks for of `size` bytes: one range, clipped to the
 * size; or `unsatisfiable` (status 416); or null where the whole is the answer:
 * unknown units, several ranges, and anything that cannot be understood. Of an
 * empty resource, too: programs that always ask for parts take a 416 for an
 * error, and a part of nothing is nothing (as Go's and nginx's servers do).
 */
export function parseRange(
  field: string,
  size: number,
): ByteRange | "unsatisfiable" | null {
  const specs = BYTES.exec(field)?.[1].split(",").map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs?.length !== 1) return null;
  const match = RANGE.exec(specs[0]);
  if (match === null) return null;
  if (size === 0) return null;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    if (Number(suffix) === 0) return "unsatisfiable";
    return { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= size) return "unsatisfiable";
  return {
    start,
    end: last === "" ? size - 1 : Math.min(Number(last), size - 1),
  };
}
