import {
  dataDescriptor,
  directoryRecord,
  endOfArchive,
  lengthOf,
  localHeader,
  ZipLength,
} from "../../../src/apps/files/zip_format.ts";
import { assertEquals } from "../../../src/std/assert.ts";

const FILE = { path: "ü", size: 5, mtime: 1e9, executable: false };
const LARGE = { ...FILE, size: 2 ** 32 };

function u16(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer).getUint16(at, true);
}
function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer).getUint32(at, true);
}
function u64(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer).getBigUint64(at, true);
}

Deno.test("names are UTF-8, times are kept to the second, and the checksum follows", () => {
  const header = localHeader(FILE);
  assertEquals(u16(header, 4), 20);
  assertEquals(u16(header, 6), 0x0808);
  assertEquals(new TextDecoder().decode(header.subarray(30, 32)), "ü");
  assertEquals(u16(header, 32), 0x5455);
  assertEquals(u32(header, 37), 1e9);
  const descriptor = dataDescriptor(FILE, 0xfedcba98);
  assertEquals(descriptor.length, 16);
  assertEquals(u32(descriptor, 4), 0xfedcba98);
  assertEquals(u32(descriptor, 12), 5);
});

Deno.test("a file of 4 GiB takes ZIP64, one of a byte less than its limit does not", () => {
  assertEquals(dataDescriptor({ ...FILE, size: 2 ** 32 - 2 }, 0).length, 16);
  assertEquals(dataDescriptor({ ...FILE, size: 2 ** 32 - 1 }, 0).length, 24);
  assertEquals(u16(localHeader(LARGE), 4), 45);
  assertEquals(u64(dataDescriptor(LARGE, 0), 8), 2n ** 32n);
  const record = directoryRecord(LARGE, 0, 7);
  assertEquals(u32(record, 24), 0xffffffff);
  assertEquals(u32(record, 42), 7);
  // Behind the name and the time: size twice, no offset.
  assertEquals([u16(record, 57), u16(record, 59)], [1, 16]);
  assertEquals(u64(record, 61), 2n ** 32n);
});

Deno.test("a small file behind 4 GiB has its offset in ZIP64 only", () => {
  const record = directoryRecord(FILE, 0, 2 ** 33);
  assertEquals([u32(record, 24), u32(record, 42)], [5, 0xffffffff]);
  assertEquals([u16(record, 57), u16(record, 59)], [1, 8]);
  assertEquals(u64(record, 61), 2n ** 33n);
});

Deno.test("the end has ZIP64 records from 65,535 members or 4 GiB on", () => {
  assertEquals(endOfArchive(65_534, 100, 100).length, 22);
  assertEquals(endOfArchive(0, 0, 0).length, 22);
  for (
    const end of [
      endOfArchive(65_535, 100, 1000),
      endOfArchive(1, 100, 2 ** 32),
    ]
  ) {
    assertEquals(end.length, 56 + 20 + 22);
    assertEquals(u32(end, 0), 0x06064b50);
    assertEquals(u32(end, 56), 0x07064b50);
  }
  const end = endOfArchive(70_000, 100, 1000);
  assertEquals([u64(end, 32), u16(end, 86)], [70_000n, 0xffff]);
  assertEquals(u64(end, 64), 1100n);
});

Deno.test("lengths that are added up are those of what is written", () => {
  const members = [
    FILE,
    { ...FILE, path: "folder/", size: 0, mtime: -1 },
    LARGE,
    { ...FILE, path: "é".repeat(200), mtime: 2 ** 33 },
    { ...LARGE, path: "\udce9" },
  ];
  const length = new ZipLength();
  let offset = 0;
  let directory = 0;
  for (const member of members) {
    length.add(member);
    directory += directoryRecord(member, 0, offset).length;
    const own = localHeader(member).length + member.size +
      dataDescriptor(member, 0).length;
    assertEquals(lengthOf(member), own);
    offset += own;
  }
  const end = endOfArchive(members.length, directory, offset).length;
  assertEquals(length.total, offset + directory + end);
});

Deno.test("a name that is not UTF-8 is its bytes, and is not said to be UTF-8", () => {
  const header = localHeader({ ...FILE, path: "caf\udce9" });
  assertEquals(u16(header, 6), 0x0008);
  assertEquals([...header.subarray(30, 34)], [0x63, 0x61, 0x66, 0xe9]);
});

Deno.test("times that MS-DOS does not have are its first and last", () => {
  const dateOf = (mtime: number) => u16(localHeader({ ...FILE, mtime }), 12);
  assertEquals(dateOf(0), 1 << 5 | 1);
  assertEquals(dateOf(-1e10), 1 << 5 | 1);
  assertEquals(dateOf(1e11), 127 << 9 | 12 << 5 | 31);
});
