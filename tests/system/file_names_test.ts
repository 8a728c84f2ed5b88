import {
  closeDescriptor,
  decodeByteString,
  decodeName,
  encodeName,
  exchangeNames,
  FileError,
  holdFileLibrary,
  openDescriptor,
  readDirectory,
  readLinkName,
  statName,
} from "../../src/system/file_names.ts";
import { O_PATH } from "../../src/system/libc.ts";
import { assert, assertEquals, assertThrows } from "../../src/std/assert.ts";
import {
  byteName,
  makeByteTree,
  NAMES_CAN_BE_BYTES,
} from "../helpers/byte_names.ts";
import { TempFolder, tempFolder } from "../helpers/temp_folder.ts";

const NAMES: [bytes: number[], name: string][] = [
  [[0x61], "a"],
  [[0x63, 0xc3, 0xa9], "c\u00e9"],
  [[0x63, 0xe9], "c\udce9"],
  [[0xe9, 0xc3, 0xa9, 0xe9], "\udce9\u00e9\udce9"],
  // Overlong, surrogates in UTF-8, beyond U+10FFFF, cut short.
  [[0xc0, 0xae], "\udcc0\udcae"],
  [[0xe0, 0x80, 0xae], "\udce0\udc80\udcae"],
  [[0xed, 0xb3, 0xa9], "\udced\udcb3\udca9"],
  [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  [[0xf0, 0x9f, 0x98], "\udcf0\udc9f\udc98"],
  [[0xf0, 0x9f, 0x98, 0x80, 0xff], "\u{1F600}\udcff"],
  [[0xef, 0xbb, 0xbf, 0xff], "\ufeff\udcff"],
];

Deno.test("every name of bytes is a string of its own, there and back", () => {
  for (const [bytes, name] of NAMES) {
    assertEquals(decodeName(new Uint8Array(bytes)), name);
    assertEquals(decodeByteString(String.fromCharCode(...bytes)), name);
    assertEquals([...encodeName(name)], bytes);
  }
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const bytes = [first, second, 0x41];
      const again = encodeName(decodeName(new Uint8Array(bytes)));
      if (bytes.some((byte, i) => byte !== again[i])) {
        assertEquals([...again], bytes);
      }
    }
  }
});

Deno.test("names that are not UTF-8 are listed, looked at and opened", {
  ignore: !NAMES_CAN_BE_BYTES,
}, () => {
  const folder = tempFolder();
  try {
    makeByteTree(folder, { "caf\udce9.txt": "latin", "caf\u00e9.txt": "utf" });
    Deno.symlinkSync("caf\u00e9.txt", `${folder}/link`);
    for (const hold of [true, false]) {
      using _held = hold ? holdFileLibrary() : null;
      const entries = [...readDirectory(folder)].flat();
      assertEquals(entries.map(({ name }) => name).sort(), [
        "caf\u00e9.txt",
        "caf\udce9.txt",
        "link",
      ]);
      assertEquals(
        entries.find(({ name }) => name === "link")?.isSymlink,
        true,
      );
      const path = `${folder}/caf\udce9.txt`;
      const stat = statName(path)!;
      assertEquals([stat.isFile, stat.size], [true, 5]);
      assert(Math.abs(stat.mtime - Date.now()) < 3_600_000);
      const descriptor = openDescriptor(path, O_PATH)!;
      const link = `/proc/self/fd/${descriptor}`;
      try {
        assertEquals(Deno.readTextFileSync(link), "latin");
        assertEquals(readLinkName(link), path);
      } finally {
        closeDescriptor(descriptor);
      }
      const missing = `${folder}/${byteName(0xff)}`;
      for (
        const ask of [statName, readLinkName, () => openDescriptor(missing, 0)]
      ) {
        const error = assertThrows(() => ask(missing), FileError);
        assertEquals(error.code, "ENOENT");
      }
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a folder of many entries is read in pieces, and all of it", () => {
  const folder = tempFolder();
  try {
    const names = Array.from(
      { length: 3000 },
      (_, i) => `entry ${i} ${"x".repeat(i % 200)}`,
    );
    for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, "");
    Deno.mkdirSync(`${folder}/sub`);
    const pieces = [...readDirectory(folder)];
    const found = pieces.flat();
    assertEquals(
      found.filter(({ isFile }) => isFile).map(({ name }) => name).sort(),
      names.sort(),
    );
    assertEquals(
      found.filter(({ isDirectory }) => isDirectory).map(({ name }) => name),
      ["sub"],
    );
    // Left early, the folder is closed all the same.
    for (const _ of readDirectory(folder)) break;
    assertThrows(() => [...readDirectory(`${folder}/missing`)]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test({
  name: "a folder and a file exchange their names, or nothing happens",
  ignore: !NAMES_CAN_BE_BYTES,
  fn() {
    using folder = new TempFolder();
    const [a, b] = [`${folder.path}/a`, `${folder.path}/b`];
    Deno.mkdirSync(a);
    Deno.writeTextFileSync(b, "file");
    assert(exchangeNames(a, b));
    assertEquals(Deno.readTextFileSync(a), "file");
    assert(Deno.statSync(b).isDirectory);
    assert(!exchangeNames(a, `${folder.path}/missing`));
    assertEquals(Deno.readTextFileSync(a), "file");
  },
});
