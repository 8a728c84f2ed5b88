/** What the engine makes of responses that are put together for it. */

import type { HeaderList } from "../../src/pagi/types.ts";
import { shutDoor } from "../../src/engine/door.ts";
import { engineResponse, type Payload } from "../../src/engine/response.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";

const WAYS: [string, typeof engineResponse][] = [
  ["put together", engineResponse],
  ["made the public way", (...args) => {
    using _ = shutDoor("response parts");
    return engineResponse(...args);
  }],
];

const HEADERS: [string, HeaderList][] = [
  ["no field", []],
  ["a type alone", [["Content-Type", "text/x-own"]]],
  ["another field alone", [["x-one", "1"]]],
  ["several fields, some twice", [
    ["x-one", "1"],
    ["content-type", "text/html"],
    ["set-cookie", "a=1"],
    ["Set-Cookie", "b=2"],
    ["x-byte", "\xe9"],
  ]],
];

const BODIES: [string, () => Payload | null, string][] = [
  ["no body", () => null, ""],
  ["a string", () => "caf\u00e9", "caf\u00c3\u00a9"],
  ["bytes", () => new Uint8Array([0, 255]), "\0\xff"],
  ["a stream", () => ReadableStream.from([new Uint8Array([7, 8])]), "\x07\b"],
];

/** Status line, fields but the date, and body, as they are on the wire. */
async function onTheWire(response: () => Response): Promise<string> {
  const server = Deno.serve(
    {
      port: 0,
      onListen() {},
      automaticCompression: false,
    } as Deno.ServeOptions,
    response,
  );
  const connection = await RawConnection.open({
    host: "127.0.0.1",
    port: (server.addr as Deno.NetAddr).port,
  });
  try {
    await connection.send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    return (await connection.rest()).replace(/^date: .*\r\n/mi, "");
  } finally {
    connection.close();
    await server.shutdown();
  }
}

for (
  const [way, respond, [fields, headers]] of WAYS.flatMap(([way, respond]) =>
    HEADERS.map((fields) => [way, respond, fields] as const)
  )
) {
  for (const [kind, body, bytes] of BODIES) {
    Deno.test(`${kind} with ${fields} reaches the wire as it is, ${way}`, async () => {
      for (const status of [200, 404]) {
        const text = await onTheWire(() =>
          respond(
            body(),
            status,
            headers.map(([name, value]) => [name, value]),
          )
        );
        const [head, rest] = [
          text.slice(0, text.indexOf("\r\n\r\n")),
          text.slice(text.indexOf("\r\n\r\n") + 4),
        ];
        assertEquals(head.split(" ")[1], String(status));
        const sent = head.split("\r\n").slice(1)
          .filter((line) =>
            !/^(?:content-length|transfer-encoding|vary|connection):/i.test(
              line,
            )
          )
          .map((line) => line.toLowerCase());
        assertEquals(
          sent.sort(),
          headers.map(([name, value]) => `${name}: ${value}`.toLowerCase())
            .sort(),
        );
        assertEquals(rest.includes(bytes), true);
      }
    });
  }

  Deno.test(`whoever looks at a response with ${fields} sees them too, ${way}`, async () => {
    for (const [kind, body, bytes] of BODIES) {
      const response = respond(body(), 201, [...headers]);
      assertEquals(response instanceof Response, true);
      assertEquals(response.status, 201);
      const seen = [...response.headers];
      assertEquals(seen.length, headers.length, kind);
      for (const [name, value] of headers) {
        const found = seen.some(([own, text]) =>
          own === name.toLowerCase() && text === value
        );
        assertEquals(found, true, `${kind}: ${name}`);
      }
      assertEquals(response.bodyUsed, false);
      const text = String.fromCharCode(...await response.bytes());
      assertEquals(text, bytes);
      assertEquals(response.bodyUsed, bytes !== "");
    }
  });
}
