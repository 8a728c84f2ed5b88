/**
 * Texts that are UTF-8, and texts that are not.
 *
 * @module
 */

import {
  binary,
  checkFrames,
  type FrameRow,
  hex,
  MORE,
  more,
  NOT_UTF8,
  ping,
  text,
} from "./frame_rows.ts";

/** By what they show; each is a whole text. */
const GOOD: Record<string, string> = {
  "ASCII with all control characters": "00 01 09 0a 0d 1f 7f",
  "the first characters of two, three and four bytes":
    "c2 80 e0 a0 80 f0 90 80 80",
  "the last characters of one, two and three bytes": "7f df bf ef bf bf",
  "the characters beside the surrogates": "ed 9f bf ee 80 80",
  "the last character, U+10FFFF": "f4 8f bf bf",
  "noncharacters": "ef bf be f0 9f bf be",
  "the replacement character": "ef bf bd",
  "a byte order mark, which stays,": "ef bb bf 61",
  "Greek with an accent": "ce ba e1 bd b9 cf 83 ce bc ce b5",
};

/** By what is wrong with them. */
const BAD: Record<string, string> = {
  "a continuation byte by itself": "80",
  "the last continuation byte by itself": "bf",
  "six continuation bytes": "80 bf 80 bf 80 bf",
  "a first byte of two without a second": "c3 20",
  "a first byte of three with one more": "e2 82 20",
  "a first byte of four with two more": "f0 9f 98 20",
  "a text that ends after the first of two bytes": "61 c3",
  "a text that ends after two of three bytes": "61 e2 82",
  "a text that ends after three of four bytes": "61 f0 9f 98",
  "the slash in two bytes": "c0 af",
  "the slash in three bytes": "e0 80 af",
  "the slash in four bytes": "f0 80 80 af",
  "NUL in two bytes": "c0 80",
  "U+007F in two bytes": "c1 bf",
  "U+07FF in three bytes": "e0 9f bf",
  "U+FFFF in four bytes": "f0 8f bf bf",
  "a high surrogate": "ed a0 80",
  "the last high surrogate": "ed af bf",
  "a low surrogate": "ed b0 80",
  "a pair of surrogates": "ed a0 bd ed b8 80",
  "U+110000": "f4 90 80 80",
  "a first byte above all characters": "f5 80 80 80",
  "a form of five bytes": "f8 88 80 80 80",
  "a form of six bytes": "fc 84 80 80 80 80",
  "the byte FE": "fe",
  "the byte FF": "ff",
  "good text before and after": "ce ba 61 ed a0 80 65 64",
};

/** A text as fragments of one byte, the last of them empty or not. */
function byByte(bytes: Uint8Array, emptyEnd: boolean): Uint8Array[] {
  return [...bytes].map((byte, i) => {
    const flaws = emptyEnd || i < bytes.length - 1 ? MORE : {};
    return (i === 0 ? text : more)(Uint8Array.of(byte), flaws);
  }).concat(emptyEnd ? [more()] : []);
}

for (const [title, digits] of Object.entries(GOOD)) {
  const bytes = hex(digits);
  const told = [new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)];
  const row = { title, rfc: "5.6", told };
  Deno.test(`UTF-8: ${title} can be read, whole and byte by byte (RFC 6455, 5.6; PAGI.md 67)`, async () => {
    await checkFrames({ ...row, sends: [text(bytes)] });
    await checkFrames({ ...row, sends: byByte(bytes, false) });
    await checkFrames({ ...row, sends: byByte(bytes, true) });
  });
}

for (const [title, digits] of Object.entries(BAD)) {
  const row = { title, rfc: "8.1", end: NOT_UTF8 };
  Deno.test(`no UTF-8: ${title} ends with 1007 (RFC 6455, 8.1; PAGI.md 69)`, () =>
    checkFrames({ ...row, sends: [text(hex(digits)), text("late")] }));

  // A character that only lacks its end is the exception below.
  if (title.startsWith("a text that ends")) continue;
  Deno.test(`no UTF-8: ${title}, byte by byte, ends with 1007 (RFC 6455, 8.1; PAGI.md 69)`, () =>
    checkFrames({ ...row, sends: byByte(hex(digits), false) }));
}

const OTHERS: FrameRow[] = [
  {
    title: "an unfinished text that is wrong already ends with 1007",
    rfc: "8.1",
    sends: [text(hex("61 ff"), MORE), ping()],
    end: NOT_UTF8,
  },
  {
    title: "a wrong middle fragment ends with 1007 before the last one",
    rfc: "8.1",
    sends: [text(hex("61"), MORE), more(hex("ed a0 80"), MORE), ping()],
    end: NOT_UTF8,
  },
  {
    title: "a character cut by a ping is whole again after it",
    rfc: "5.4",
    sends: [text(hex("f0 9f"), MORE), ping("p"), more(hex("98 80"))],
    back: ["pong p"],
    told: ["😀"],
  },
  {
    title: "messages before the wrong one still arrive",
    rfc: "8.1",
    sends: [text("a"), binary(hex("ff")), text(hex("ff"))],
    told: ["a", hex("ff")],
    end: NOT_UTF8,
  },
  {
    title: "binary messages may hold any bytes",
    rfc: "5.6",
    sends: [binary(hex("ed a0 80"), MORE), more(hex("ff c0"))],
    told: [hex("ed a0 80 ff c0")],
  },
];

for (const row of OTHERS) {
  Deno.test(`${row.title} (RFC 6455, ${row.rfc}; PAGI.md 69)`, () =>
    checkFrames(row));
}

for (const cut of ["c3", "e2 82", "f0 9f 98"]) {
  Deno.test(`a character of which ${cut} came before its message's fragments end is left out (RFC 6455, 8.1; PAGI.md 69, exception)`, () =>
    checkFrames({
      title: cut,
      rfc: "8.1",
      sends: [text("a", MORE), more(hex(cut), MORE), more()],
      told: ["a"],
    }));
}
