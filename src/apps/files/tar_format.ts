/** The tar format (POSIX.1-2024, pax: "pax Interchange Format" and "ustar"). */

import { concat } from "../../std/bytes.ts";
import { encodeName } from "../../system/file_names.ts";
import type { ZipMember } from "./zip_format.ts";

/** Bytes of a block: headers are one, and content is padded to whole ones. */
const BLOCK = 512;
const encoder = new TextEncoder();

/** Bytes that a name, a size and a time have in a ustar header. */
const MAX_NAME = 100;
const MAX_SIZE = 0o77777777777;
const MAX_TIME = 0o77777777777;

/** The two empty blocks at the end of an archive. */
export const END_OF_TAR: Uint8Array = new Uint8Array(2 * BLOCK);

/** Bytes of a member with its headers and padding. */
export function tarLengthOf(member: ZipMember): number {
  const records = paxRecords(member).length;
  return (records > 0 ? BLOCK + padded(records) : 0) + BLOCK +
    padded(member.size);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** What follows the content of a member. */
export function tarPadding({ size }: ZipMember): Uint8Array {
  return new Uint8Array(padded(size) - size);
}

/**
 * The headers before a member's content: a ustar header and, for what that
 * cannot hold, a pax header before it.
 */
export function tarHeader(member: ZipMember): Uint8Array {
  const name = encodeName(member.path);
  const isDirectory = member.path.endsWith("/");
  const records = paxRecords(member);
  const header = ustar({
    name,
    mode: isDirectory || member.executable ? 0o755 : 0o644,
    size: Math.min(member.size, MAX_SIZE),
    mtime: Math.min(Math.max(member.mtime, 0), MAX_TIME),
    type: isDirectory ? "5" : "0",
  });
  if (records.length === 0) return header;
  const extended = new Uint8Array(padded(records.length));
  extended.set(records);
  const pax = {
    name: encoder.encode("pax-header"),
    mode: 0o644,
    size: records.length,
    mtime: 0,
    type: "x",
  };
  return concat([ustar(pax), extended, header]);
}

/** The records of a pax header, "LENGTH KEY=VALUE\n" each; empty without any. */
function paxRecords({ path, size, mtime }: ZipMember): Uint8Array {
  const isAscii = /^[\x20-\x7e]*$/.test(path);
  const isText = path.isWellFormed();
  const isLong = path.length > MAX_NAME ||
    !isAscii && encodeName(path).length > MAX_NAME;
  const records: Uint8Array[] = [];
  // A short name that is not UTF-8 stands in the ustar header as it is.
  if (isLong || isText && !isAscii) {
    // A long one is written as GNU tar writes it: as its bytes, without the
    // record "hdrcharset", of which GNU tar would warn.
    records.push(paxRecord("path", path));
  }
  if (size > MAX_SIZE) records.push(paxRecord("size", String(size)));
  if (mtime < 0 || mtime > MAX_TIME) {
    records.push(paxRecord("mtime", String(mtime)));
  }
  return concat(records);
}

function paxRecord(key: string, value: string): Uint8Array {
  const rest = encodeName(` ${key}=${value}\n`);
  // The length counts its own digits.
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) {
    length = rest.length + String(length).length;
  }
  return concat([encoder.encode(String(length)), rest]);
}

interface UstarFields {
  readonly name: Uint8Array;
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
  /** "0" for a file, "5" for a directory, "x" for a pax header. */
  readonly type: string;
}

/** A ustar header; of a long name, its beginning. */
function ustar({ name, mode, size, mtime, type }: UstarFields): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => {
    encoder.encodeInto(text, block.subarray(at));
  };
  const octal = (value: number, digits: number) =>
    value.toString(8).padStart(digits, "0");
  block.set(name.subarray(0, MAX_NAME), 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(mtime, 11), 136);
  put(" ".repeat(8), 148);
  put(type, 156);
  put("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  return block;
}
