import { parseIf } from "../../../src/apps/webdav/if_header.ts";
import {
  elementsOf,
  innerXml,
  parseXml,
} from "../../../src/apps/webdav/xml.ts";
import { WriteRefused } from "../../../src/apps/uploads/refusal.ts";
import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../../src/std/assert.ts";

const parse = (text: string) => parseXml(new TextEncoder().encode(text));

Deno.test("elements have their namespaces, whatever the prefixes", () => {
  for (
    const text of [
      '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><a xmlns="x:"/></prop></propfind>',
      "\ufeff<!-- c --><D:propfind xmlns:D=\"DAV:\"\n xmlns:b='x:'><D:prop><b:a></b:a></D:prop></D:propfind>\n",
    ]
  ) {
    const root = parse(text);
    assertEquals([root.space, root.name], ["DAV:", "propfind"]);
    const [prop] = elementsOf(root, "prop");
    const [{ space, name }] = elementsOf(prop);
    assertEquals([space, name], ["x:", "a"]);
  }
});

Deno.test("values are kept with their namespaces and characters", () => {
  const root = parse(
    '<v xmlns:t="t:" xml:lang="en">1 &lt; 2 &#x1F600;<t:a t:k="&quot;"><![CDATA[<&>]]></t:a></v>',
  );
  const again = parse(`<v>${innerXml(root)}</v>`);
  assertEquals(innerXml(again), innerXml(root));
  assertStringIncludes(innerXml(root), "1 &lt; 2 😀");
  assertStringIncludes(innerXml(root), "&lt;&amp;&gt;");
});

Deno.test("anything but small, plain XML is refused with 400", () => {
  const deep = "<a>".repeat(100) + "</a>".repeat(100);
  for (
    const text of [
      "",
      "text",
      "<a>",
      "<a></b>",
      "<a/><b/>",
      "<a b></a>",
      '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
      "<a>&x;</a>",
      "<a>&#0;</a>",
      "<p:a/>",
      '<a xmlns:p=""/>',
      '<a b="<"/>',
      '<a b="1" b="2"/>',
      '<a xmlns:p="n" xmlns:q="n" p:b="1" q:b="2"/>',
      "<1a/>",
      "<a\x01/>",
      deep,
      `<a>${"<b/>".repeat(5000)}</a>`,
      `<a xmlns:p="${"n".repeat(30_000)}">${"<p:b/>".repeat(10)}</a>`,
      `<a ${
        Array.from({ length: 200 }, (_, i) => `xmlns:p${i}="n"`).join(" ")
      }/>`,
    ]
  ) {
    const error = assertThrows(() => parse(text), WriteRefused);
    assertEquals((error as WriteRefused).status, 400, text);
  }
  assertThrows(() => parseXml(new Uint8Array([0x3c, 0xff])), WriteRefused);
});

Deno.test("the field if has lists of tokens and tags", () => {
  assertEquals(parseIf(null), null);
  assertEquals(
    parseIf('<http://h/a> (<urn:x> ["e"]) (Not <DAV:no-lock> [W/"f"])'),
    [
      {
        resource: "http://h/a",
        conditions: [
          { not: false, kind: "token", value: "urn:x" },
          { not: false, kind: "etag", value: '"e"' },
        ],
      },
      {
        resource: "http://h/a",
        conditions: [
          { not: true, kind: "token", value: "DAV:no-lock" },
          { not: false, kind: "etag", value: 'W/"f"' },
        ],
      },
    ],
  );
  for (const field of ["", "()", "(x)", "<a>", '("e")', "(<a>", "(<a>) x"]) {
    assertThrows(() => parseIf(field), WriteRefused);
  }
});
