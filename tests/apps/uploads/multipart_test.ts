import { boundaryOf, readParts } from "../../../src/apps/uploads/multipart.ts";
import { WriteRefused } from "../../../src/apps/uploads/refusal.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../../src/std/assert.ts";

const encoder = new TextEncoder();

/** The parts of a body that arrives `size` bytes at a time. */
async function partsOf(
  body: string | Uint8Array,
  size = 7,
): Promise<[name: string, fileName: string | null, text: string][]> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  let at = 0;
  const next = () => {
    if (at >= bytes.length) return Promise.resolve(null);
    return Promise.resolve(bytes.subarray(at, at += size));
  };
  const parts: [string, string | null, string][] = [];
  for await (const { name, fileName, body } of readParts("AaB", next)) {
    let text = "";
    for await (const chunk of body) text += new TextDecoder().decode(chunk);
    parts.push([name, fileName, text]);
  }
  return parts;
}

function file(fileName: string, content: string): string {
  return `--AaB\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\n` +
    `Content-Type: text/plain\r\n\r\n${content}\r\n`;
}

const END = "--AaB--\r\n";

Deno.test("the parts of a form are the same in chunks of every size", async () => {
  const contents = ["", "a", "\r\n--Aa", "\r\n--AaC\r\n", "\r\n\r\n-\r\n--"];
  const body = contents.map((text, i) => file(`${i}.txt`, text)).join("") + END;
  const expected = contents.map((text, i) => ["file", `${i}.txt`, text]);
  for (let size = 1; size <= 40; size++) {
    assertEquals(await partsOf(body, size), expected as never, `${size}`);
  }
});

Deno.test("names of files are read as browsers and curl write them", async () => {
  for (
    const [written, name] of [
      ["a%22b.txt", 'a"b.txt'],
      ['a\\"b.txt', 'a"b.txt'],
      ["a%0Ab", "a\nb"],
      ["100%.txt", "100%.txt"],
      ["a;b=c.txt", "a;b=c.txt"],
      ["größe/日本.txt", "größe/日本.txt"],
      ["", ""],
    ]
  ) {
    assertEquals(await partsOf(file(written, "x") + END), [[
      "file",
      name,
      "x",
    ]]);
  }
});

Deno.test("names of files without quotes, and in the form of RFC 8187, are read", async () => {
  const part = (parameters: string) =>
    `--AaB\r\nContent-Disposition: form-data; ${parameters}\r\n\r\nx\r\n${END}`;
  for (
    const [written, name] of [
      ["name=file; filename=a.txt", "a.txt"],
      ['name="file";filename = "a b.txt"', "a b.txt"],
      ["name=\"file\"; filename*=utf-8''%e2%82%ac.txt", "€.txt"],
      ["filename=\"_.txt\"; filename*=UTF-8'en'%C3%A9; name=file", "é"],
      ['filename="a; name=b"; name="file"', "a; name=b"],
    ]
  ) {
    assertEquals(await partsOf(part(written)), [["file", name, "x"]], written);
  }
  for (const value of ["iso-8859-1''%e9", "utf-8''%e9", "é.txt"]) {
    const written = part(`name="file"; filename*=${value}`);
    await assertRejects(() => partsOf(written), WriteRefused, "UTF-8");
  }
});

Deno.test("a value has no file name", async () => {
  const body =
    '--AaB\r\nContent-Disposition: form-data; name="to"\r\n\r\nhere\r\n--AaB--';
  assertEquals(await partsOf(body), [["to", null, "here"]]);
});

for (
  const [what, body] of [
    ["has no boundary", "hello, this is no form at all"],
    ["ends in a part", file("a", "b")],
    ["ends in a head", "--AaB\r\nContent-Disposition: form"],
    ["has a part without a name", "--AaB\r\nX: y\r\n\r\nz\r\n--AaB--"],
    ["has an endless head", "--AaB\r\n" + "x".repeat(40_000)],
    ["has a boundary in a line", "--AaBx\r\n\r\n--AaB--"],
    ["is empty", ""],
  ]
) {
  Deno.test(`a form that ${what} is refused with 400`, async () => {
    const error = await assertRejects(() => partsOf(body, 1000), WriteRefused);
    assertEquals(error.status, 400);
    assertStringIncludes(error.message, "The form cannot be read");
  });
}

Deno.test("only a form of files has a boundary", () => {
  assertEquals(boundaryOf("multipart/form-data; boundary=abc"), "abc");
  assertEquals(
    boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b"'),
    "a b",
  );
  for (const type of [null, "text/plain", "multipart/mixed; boundary=a"]) {
    assertEquals(boundaryOf(type), null);
  }
});
