/** Bodies that are sent without a copy, and bodies that must not be. */

import { markImmutable } from "../../src/pagi/constant_bytes.ts";
import type { HeaderList } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";

const SIZE = 300_000;
const HEADERS: HeaderList[] = [
  [["content-type", "text/plain"]],
  [["content-type", "text/plain"], ["content-length", String(SIZE)]],
];

async function bytesOf(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

Deno.test("constant bytes are sent again and again, whole and in part", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  markImmutable(bytes);
  const copy = bytes.slice();
  const app = httpApp((scope, _receive, send) => {
    const from = Number(scope.query_string);
    return reply(send, bytes.subarray(from), [["x-one", "1"]]);
  });
  await withServer(app, {}, async ({ url }) => {
    for (let i = 0; i < 3; i++) {
      for (const from of [0, 1, 59_000]) {
        assertEquals(await bytesOf(`${url}/?${from}`), copy.subarray(from));
      }
    }
  });
  assertEquals(bytes, copy);
});

Deno.test("constant bytes are sent again and again in chunks, too", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  markImmutable(bytes);
  const copy = bytes.slice();
  const app = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200, headers: [] });
    for (const body of [bytes, bytes.subarray(1000)]) {
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ url }) => {
    for (let i = 0; i < 3; i++) {
      const sent = await bytesOf(url);
      assertEquals(sent.subarray(0, copy.length), copy);
      assertEquals(sent.subarray(copy.length), copy.subarray(1000));
    }
  });
  assertEquals(bytes, copy);
});

for (const headers of HEADERS) {
  Deno.test(`a large buffer may be used again once send has resolved, with ${headers.length} fields`, async () => {
    const buffer = new Uint8Array(SIZE);
    const app = httpApp(async (scope, _receive, send) => {
      buffer.fill(Number(scope.query_string));
      await reply(send, buffer, headers);
      buffer.fill(255);
    });
    await withServer(app, {}, async ({ url }) => {
      for (const byte of [1, 2]) {
        const bytes = await bytesOf(`${url}/?${byte}`);
        assertEquals(bytes.length, SIZE);
        assert(bytes.every((each) => each === byte));
      }
    });
  });
}
