/**
 * Reads `multipart/form-data` (RFC 7578) as a stream: no part is held in memory,
 * whatever its size.
 */

import { concat } from "../../std/bytes.ts";
import { WriteRefused } from "./refusal.ts";

/** A part; its body must be read before the next part. */
export interface Part {
  /** The name of the form's field. */
  readonly name: string;
  /** With folders in front, where the browser sends them; null for a value. */
  readonly fileName: string | null;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Bytes of the header fields of one part. */
const MAX_HEAD = 16 * 1024;
/** Parts of one body. */
const MAX_PARTS = 10_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The boundary in a content-type; null for anything but such a form. */
export function boundaryOf(contentType: string | null): string | null {
  const match =
    /^multipart\/form-data *;(?:.*;)? *boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i
      .exec(contentType ?? "");
  return match === null ? null : match[1] ?? match[2];
}

function malformed(what: string): WriteRefused {
  return new WriteRefused(400, `The form cannot be read: ${what}.`);
}

/** The unread bytes of a body. */
class Source {
  #held = new Uint8Array();
  readonly #next: () => Promise<Uint8Array | null>;

  constructor(next: () => Promise<Uint8Array | null>) {
    this.#next = next;
  }

  get held(): Uint8Array {
    return this.#held;
  }

  async more(): Promise<void> {
    const chunk = await this.#next();
    if (chunk === null) throw malformed("it ends before its last boundary");
    this.#held = this.#held.length === 0
      ? chunk as Uint8Array<ArrayBuffer>
      : concat([this.#held, chunk]);
  }

  take(count: number): Uint8Array {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }
}

/**
 * The parts of a body, in order. What the reader of a part leaves of it is
 * skipped.
 *
 * @param next The next bytes of the body; null after the last.
 * @throws {WriteRefused} 400 for what is no such form.
 */
export async function* readParts(
  boundary: string,
  next: () => Promise<Uint8Array | null>,
): AsyncGenerator<Part> {
  const source = new Source(next);
  const delimiter = encoder.encode(`\r\n--${boundary}`);
  // The first delimiter may lack the line break.
  const first = delimiter.subarray(2);
  while (source.held.length < first.length) await source.more();
  if (!startsWith(source.held, first)) {
    throw malformed("it does not begin with its boundary");
  }
  source.take(first.length);
  for (let count = 0; await isFollowed(source); count++) {
    if (count === MAX_PARTS) {
      throw malformed(`it has more than ${MAX_PARTS} parts`);
    }
    const fields = await readHead(source);
    const body = readBody(source, delimiter);
    yield { ...fields, body };
    for await (const _ of body);
  }
}

/** After a boundary: whether another part follows. */
async function isFollowed(source: Source): Promise<boolean> {
  while (source.held.length < 2) await source.more();
  const [a, b] = source.take(2);
  if (a === 0x2d && b === 0x2d) return false;
  if (a === 0x0d && b === 0x0a) return true;
  throw malformed("a boundary does not end its line");
}

const HEAD_END = encoder.encode("\r\n\r\n");

async function readHead(
  source: Source,
): Promise<{ name: string; fileName: string | null }> {
  let end: number;
  while ((end = indexOf(source.held, HEAD_END, 0)) < 0) {
    if (source.held.length > MAX_HEAD) {
      throw malformed("the head of a part is too long");
    }
    await source.more();
  }
  let text: string;
  try {
    text = decoder.decode(source.take(end + 4));
  } catch {
    throw malformed("a name in it is not UTF-8");
  }
  const field = /^content-disposition: *form-data *;(.*)$/im.exec(text)?.[1];
  if (field === undefined) throw malformed("a part has no name");
  const parameters = parametersOf(field);
  const name = parameters.get("name");
  if (name === undefined) throw malformed("a part has no name");
  return { name, fileName: parameters.get("filename") ?? null };
}

const PARAMETER = /; *([\w*-]+) *= *(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/gy;

/**
 * The parameters as browsers write them: a quote is `%22`, line breaks are `%0D`
 * and `%0A`, and nothing else is escaped (HTML, "multipart/form-data"); curl puts
 * a backslash before a quote. Other programs leave the quotes out (RFC 2183), or
 * send `filename*` (RFC 8187), which RFC 7578 forbids.
 */
function parametersOf(field: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [, name, quoted, token] of `;${field}`.matchAll(PARAMETER)) {
    const value = token ?? quoted.replace(/\\(["\\])/g, "$1").replace(
      /%(22|0D|0A)/gi,
      (_, digits) => String.fromCharCode(parseInt(digits, 16)),
    );
    parameters.set(name.toLowerCase(), value);
  }
  const extended = parameters.get("filename*");
  if (extended !== undefined) {
    parameters.set("filename", extendedValue(extended));
  }
  return parameters;
}

/** The text of `utf-8''%e2%82%ac.txt`. */
function extendedValue(value: string): string {
  const [, text] = /^utf-8'[^']*'(.*)$/i.exec(value) ?? [];
  try {
    if (text !== undefined) return decodeURIComponent(text);
  } catch {
    // It is refused as other encodings are.
  }
  throw malformed("a name in it is not UTF-8");
}

/** The bytes up to the next delimiter, which is taken too. */
async function* readBody(
  source: Source,
  delimiter: Uint8Array,
): AsyncGenerator<Uint8Array> {
  while (true) {
    const at = indexOf(source.held, delimiter, 0);
    if (at >= 0) {
      if (at > 0) yield source.take(at);
      source.take(delimiter.length);
      return;
    }
    // The beginning of a delimiter may be among the last bytes.
    const sure = source.held.length - delimiter.length + 1;
    if (sure > 0) yield source.take(sure);
    await source.more();
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array, at = 0): boolean {
  for (let i = 0; i < start.length; i++) {
    if (bytes[at + i] !== start[i]) return false;
  }
  return true;
}

/** The index of `wanted` in `bytes`, or -1. */
function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(wanted[0], from); at >= 0 && at <= last;) {
    if (startsWith(bytes, wanted, at)) return at;
    at = bytes.indexOf(wanted[0], at + 1);
  }
  return -1;
}
