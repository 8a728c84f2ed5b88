/**
 * The ZIP format (PKWARE's APPNOTE 6.3.10) for archives that are streamed:
 * members are stored uncompressed, and their checksums follow them.
 *
 * The npm package client-zip (2.5.1) is not used: it writes a count of 65,535
 * for more members, local times that wrap before 1980, no times in UTC, and
 * only correct checksums, while a file that vanished must get a wrong one.
 */

import { concat } from "../../std/bytes.ts";
import { encodeName } from "../../system/file_names.ts";

/** A file or directory in an archive. */
export interface ZipMember {
  /**
   * From the top of the archive, with `/` between its parts and after a
   * directory. Bytes that are not UTF-8 are as in file_names.ts.
   */
  readonly path: string;
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Executable by its owner. */
  readonly executable: boolean;
}

/** Sums up the length of an archive. Members are added in their order. */
export class ZipLength {
  #count = 0;
  #offset = 0;
  #directory = 0;

  /** Adds a member, and its record in the directory. */
  add(member: ZipMember): void {
    const wide = (isLarge(member) ? 16 : 0) +
      (this.#offset >= MAX_32 ? 8 : 0);
    this.#directory += 46 + nameLength(member) + (wide > 0 ? 4 + wide : 0);
    this.#offset += lengthOf(member);
    this.#count++;
  }

  /** Bytes of an archive of what has been added. */
  get total(): number {
    return this.#offset + this.#directory +
      endOfArchive(this.#count, this.#directory, this.#offset).length;
  }
}

/** Bytes of a member with its header and data descriptor. */
export function lengthOf(member: ZipMember): number {
  return 30 + nameLength(member) + member.size + (isLarge(member) ? 44 : 16);
}

const ASCII = /^[\0-\x7f]*$/;
/** Bytes of {@linkcode timeExtra}, unless empty. */
const TIME_EXTRA = 9;

/** Bytes of a member's name and {@linkcode timeExtra}. */
function nameLength({ path, mtime }: ZipMember): number {
  const name = ASCII.test(path) ? path.length : encodeName(path).length;
  return name + (hasTime(mtime) ? TIME_EXTRA : 0);
}

/** A field of a record: its value, and its width in bytes. */
type Field = readonly [value: number, width: 2 | 4 | 8];

/** Larger numbers are in ZIP64 records (4.4.1.4), and these in their place. */
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
/** Versions needed to extract a stored file, and ZIP64 (4.4.3.2). */
const PLAIN = 20;
const ZIP64 = 45;
const UNIX = 3;
/** Bits of the flags (4.4.4): the checksum follows, the name is UTF-8. */
const CHECKSUM_FOLLOWS = 1 << 3;
const UTF_8 = 1 << 11;

/** The local file header, before a member's data (4.3.7). */
export function localHeader(member: ZipMember): Uint8Array {
  const name = encodeName(member.path);
  const large = isLarge(member);
  // Checksum and sizes follow the data (4.4.4, bit 3). For ZIP64, 0xffffffff
  // here announces that the sizes have 8 bytes there (4.3.9.2).
  const size = large ? MAX_32 : 0;
  const extra = concat([
    timeExtra(member),
    large ? record([1, 2], [16, 2], [0, 8], [0, 8]) : NOTHING,
  ]);
  return concat([
    record(
      [0x04034b50, 4],
      [large ? ZIP64 : PLAIN, 2],
      ...commonFields(member, 0, size, size),
      [name.length, 2],
      [extra.length, 2],
    ),
    name,
    extra,
  ]);
}

/** The checksum and sizes, after a member's data (4.3.9). */
export function dataDescriptor(member: ZipMember, crc: number): Uint8Array {
  const width = isLarge(member) ? 8 : 4;
  return record(
    [0x08074b50, 4],
    [crc, 4],
    [member.size, width],
    [member.size, width],
  );
}

/** A central directory header; the local one is at `offset` (4.3.12). */
export function directoryRecord(
  member: ZipMember,
  crc: number,
  offset: number,
): Uint8Array {
  const name = encodeName(member.path);
  const size = Math.min(member.size, MAX_32);
  const wide: Field[] = [];
  if (isLarge(member)) wide.push([member.size, 8], [member.size, 8]);
  if (offset >= MAX_32) wide.push([offset, 8]);
  const extra = concat([
    timeExtra(member),
    wide.length > 0 ? record([1, 2], [8 * wide.length, 2], ...wide) : NOTHING,
  ]);
  const isDirectory = member.path.endsWith("/");
  const mode = isDirectory ? 0o040755 : member.executable ? 0o100755 : 0o100644;
  return concat([
    record(
      [0x02014b50, 4],
      [UNIX << 8 | ZIP64, 2],
      [wide.length > 0 ? ZIP64 : PLAIN, 2],
      ...commonFields(member, crc, size, size),
      [name.length, 2],
      [extra.length, 2],
      // No comment, first disk, no internal attributes.
      [0, 2],
      [0, 2],
      [0, 2],
      // The mode in Unix, and the directory attribute of MS-DOS.
      [mode * 0x10000 + (isDirectory ? 0x10 : 0), 4],
      [Math.min(offset, MAX_32), 4],
    ),
    name,
    extra,
  ]);
}

/**
 * The end of an archive with `count` members, whose central directory has
 * `size` bytes and is at `offset` (4.3.14 to 4.3.16).
 */
export function endOfArchive(
  count: number,
  size: number,
  offset: number,
): Uint8Array {
  const end = record(
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [Math.min(count, MAX_16), 2],
    [Math.min(count, MAX_16), 2],
    [Math.min(size, MAX_32), 4],
    [Math.min(offset, MAX_32), 4],
    [0, 2],
  );
  if (count < MAX_16 && size < MAX_32 && offset < MAX_32) return end;
  return concat([
    record(
      [0x06064b50, 4],
      // The bytes that follow in this record.
      [44, 8],
      [UNIX << 8 | ZIP64, 2],
      [ZIP64, 2],
      [0, 4],
      [0, 4],
      [count, 8],
      [count, 8],
      [size, 8],
      [offset, 8],
    ),
    record([0x07064b50, 4], [0, 4], [offset + size, 8], [1, 4]),
    end,
  ]);
}

function isLarge({ size }: ZipMember): boolean {
  return size >= MAX_32;
}

/** The fields that both headers of a member share, from flags to sizes. */
function commonFields(
  { path, mtime }: ZipMember,
  crc: number,
  packed: number,
  unpacked: number,
): Field[] {
  const { time, date } = dosTime(mtime);
  return [
    // Without UTF_8, readers interpret the bytes of the name by themselves.
    [CHECKSUM_FOLLOWS | (path.isWellFormed() ? UTF_8 : 0), 2],
    [0, 2], // stored
    [time, 2],
    [date, 2],
    [crc, 4],
    [packed, 4],
    [unpacked, 4],
  ];
}

/** A time in UTC in the format of MS-DOS (4.4.6): 1980 to 2107, by 2 s. */
function dosTime(mtime: number): { time: number; date: number } {
  const clipped = Math.min(Math.max(mtime, 315532800), 4354819198);
  const moment = new Date(clipped * 1000);
  return {
    time: moment.getUTCHours() << 11 | moment.getUTCMinutes() << 5 |
      moment.getUTCSeconds() >> 1,
    date: moment.getUTCFullYear() - 1980 << 9 |
      moment.getUTCMonth() + 1 << 5 | moment.getUTCDate(),
  };
}

/** The "UT" extra field: the time in seconds, known to be in UTC. */
function timeExtra({ mtime }: ZipMember): Uint8Array {
  if (!hasTime(mtime)) return NOTHING;
  return concat([
    record([0x5455, 2], [5, 2]),
    Uint8Array.of(1),
    record([mtime, 4]),
  ]);
}

/** Whether {@linkcode timeExtra} can hold a time. */
function hasTime(mtime: number): boolean {
  return mtime >= 0 && mtime < 2 ** 31;
}

const NOTHING = new Uint8Array();

/** Fields in their order, little-endian (4.4.1.1). */
function record(...fields: Field[]): Uint8Array {
  const bytes = new Uint8Array(
    fields.reduce((length, [, width]) => length + width, 0),
  );
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, width] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}
