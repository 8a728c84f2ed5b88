/**
 * What holds for every event an app sends in an `http` scope (PAGI.md 1, 3.1,
 * 3.2). Every field with every wrong value is in tests/pagi; here it is shown
 * that the server checks, and that nothing of a refused event gets out.
 */

import type { HeaderList, Send, SendEvent } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import type { RawResponse } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

const WRONG = (event: unknown): SendEvent => event as SendEvent;

/** The response to GET / of an app that does `act`. */
async function responseTo(
  act: (send: Send) => Promise<unknown>,
): Promise<RawResponse> {
  let response: RawResponse | undefined;
  let failure: unknown;
  const app = httpApp(async (_scope, _receive, send) => {
    try {
      await act(send);
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    response = await client.response();
  });
  if (failure !== undefined) throw failure;
  return response!;
}

Deno.test("what the app resolves to has no effect (PAGI.md 1)", async () => {
  const { status, body } = await responseTo(async (send) => {
    await reply(send, "fine");
    return { status: 500, body: "ignored" };
  });
  assertEquals([status, body], [200, "fine"]);
});

Deno.test("a promise that is not a Promise serves as well", async () => {
  await withServer(
    httpApp((_scope, _receive, send) => {
      const work = reply(send, "thenable");
      return { then: work.then.bind(work) } as Promise<void>;
    }),
    {},
    async ({ url }) =>
      assertEquals(await (await fetch(url)).text(), "thenable"),
  );
});

Deno.test("an event without type, of unknown type or foreign type rejects (PAGI.md 3)", async () => {
  const { status } = await responseTo(async (send) => {
    for (
      const event of [
        undefined,
        null,
        "http.response.start",
        [],
        {},
        { type: null },
        { type: 1 },
        { type: "http.response" },
        { type: "http.request" },
        { type: "websocket.accept" },
        { type: "sse.start" },
        { type: "lifespan.startup.complete" },
        { type: "toString" },
        { type: "__proto__" },
      ]
    ) await assertRejects(() => send(WRONG(event)), TypeError);
    await reply(send, "", [], 202);
  });
  assertEquals(status, 202);
});

Deno.test("send rejects, and never throws", async () => {
  await responseTo(async (send) => {
    const rejected = send(WRONG({ type: "unknown" }));
    assert(rejected instanceof Promise);
    await assertRejects(() => rejected, TypeError, "unknown");
    await reply(send);
  });
});

Deno.test("extra fields change nothing (PAGI.md 4)", async () => {
  const { status, body } = await responseTo(async (send) => {
    const start = { type: "http.response.start", status: 201, reason: "x" };
    await send(WRONG(start));
    await send(WRONG({ type: "http.response.body", body: "b", last: false }));
  });
  assertEquals([status, body], [201, "b"]);
});

Deno.test("a missing field or one of the wrong type rejects (PAGI.md 5)", async () => {
  const { status, body } = await responseTo(async (send) => {
    for (
      const fields of [
        {},
        { status: null },
        { status: "200" },
        { status: 200.5 },
        { status: 199 },
        { status: 600 },
        { status: NaN },
        { status: 200, headers: {} },
        { status: 200, headers: ["a: b"] },
        { status: 200, headers: [["a"]] },
        { status: 200, headers: [["a", 1]] },
        { status: 200, headers: [["a b", "c"]] },
        { status: 200, headers: [["", "c"]] },
        { status: 200, trailers: "yes" },
      ]
    ) {
      const event = WRONG({ type: "http.response.start", ...fields });
      await assertRejects(() => send(event), TypeError, "http.response.start");
    }
    await send({ type: "http.response.start", status: 200 });
    for (
      const fields of [
        { body: 1 },
        { body: new ArrayBuffer(1) },
        { body: [1] },
        { body: "a", more: 2 },
        { body: "a", more: "1" },
        { file: 1 },
        { fh: {} },
        { file: "a", offset: -1 },
        { file: "a", length: 0.5 },
      ]
    ) {
      const event = WRONG({ type: "http.response.body", ...fields });
      await assertRejects(() => send(event), TypeError, "http.response.body");
    }
    await send({ type: "http.response.body", body: "good" });
  });
  assertEquals([status, body], [200, "good"]);
});

Deno.test("after a rejected start a valid one still works (PAGI.md 6)", async () => {
  const { status, head } = await responseTo(async (send) => {
    await assertRejects(() =>
      send({
        type: "http.response.start",
        status: 299,
        headers: [["x-first", "1"], ["x", "a\r\nb"]],
      }), TypeError);
    await reply(send, "", [["x-second", "2"]], 203);
  });
  assertEquals(status, 203);
  assertStringIncludes(head, "x-second: 2\r\n");
  assert(!head.includes("x-first"));
});

for (const [name, unit] of [["CR", "\r"], ["LF", "\n"], ["NUL", "\0"]]) {
  Deno.test(`${name} in a header value rejects, and nothing is written (PAGI.md 8)`, async () => {
    const { status, head } = await responseTo(async (send) => {
      for (const value of [`a${unit}x-evil: 1`, unit, `a${unit}`]) {
        await assertRejects(
          () => reply(send, "", [["x-value", value]]),
          TypeError,
          "headers[0]",
        );
      }
      await reply(send, "", [], 204);
    });
    assertEquals(status, 204);
    assert(!head.includes("evil") && !head.includes("x-value"));
  });
}

Deno.test("a control character in a header name rejects (PAGI.md 9)", async () => {
  const { status } = await responseTo(async (send) => {
    for (const name of ["a\r\nb", "a\0", "\x01", "a\x7f", "a:b", "a b", "\t"]) {
      await assertRejects(() => reply(send, "", [[name, "v"]]), TypeError);
    }
    await reply(send);
  });
  assertEquals(status, 200);
});

Deno.test("a code unit above 0xFF rejects; up to it values are bytes", async () => {
  const { head } = await responseTo(async (send) => {
    await assertRejects(() => reply(send, "", [["x", "\u0100"]]), TypeError);
    await reply(send, "", [["x", "\xE9\xFF"]]);
  });
  assertStringIncludes(head, "x: \xE9\xFF\r\n");
});

Deno.test("the headers of trailers are checked likewise (PAGI.md 10)", async () => {
  const { status, body } = await responseTo(async (send) => {
    await send({ type: "http.response.start", status: 200, trailers: 1 });
    await send({ type: "http.response.body", body: "b" });
    const trailers = (headers: HeaderList) =>
      send({ type: "http.response.trailers", headers });
    await assertRejects(() => trailers([["x", "a\nb"]]), TypeError);
    await assertRejects(() => trailers([["x y", "a"]]), TypeError);
    await trailers([["x", "a"]]);
  });
  assertEquals([status, body], [200, "b"]);
});

Deno.test("a string body is sent as UTF-8 (PAGI.md 11)", async () => {
  const utf8 = (text: string) =>
    String.fromCharCode(...new TextEncoder().encode(text));
  const text = "é€😀\ud800";
  const one = await responseTo((send) => reply(send, text));
  assertEquals(one.body, utf8(text));
  const typed = await responseTo((send) =>
    reply(send, text, [["content-type", "text/plain"]])
  );
  assertEquals(typed.body, utf8(text));
  assertEquals(
    typed.headers.get("content-length"),
    String(utf8(text).length),
  );
  const streamed = await responseTo(async (send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: text, more: 1 });
    await send({ type: "http.response.body", body: text });
  });
  assertEquals(streamed.body, utf8(text + text));
});

Deno.test("the server names no content-type where the app names none", async () => {
  for (const body of ["text", new Uint8Array(4), ""]) {
    const { headers } = await responseTo((send) => reply(send, body));
    assertEquals(headers.get("content-type"), undefined);
  }
});

Deno.test("more accepts 0, 1, false, true and nothing (PAGI.md 12)", async () => {
  const { body } = await responseTo(async (send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
    await send({ type: "http.response.body", body: "b", more: true });
    await send({ type: "http.response.body", body: "c", more: false });
    await send({ type: "http.response.body", body: "ignored" });
  });
  assertEquals(body, "abc");
  for (const more of [0, false, null, undefined] as const) {
    const { body } = await responseTo(async (send) => {
      await send({ type: "http.response.start", status: 200 });
      await send(WRONG({ type: "http.response.body", body: "last", more }));
    });
    assertEquals(body, "last");
  }
});

Deno.test("an app may use its buffer again as soon as send has resolved", async () => {
  const buffer = new TextEncoder().encode("first");
  const { body } = await responseTo(async (send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: buffer, more: 1 });
    buffer.set(new TextEncoder().encode("other"));
    await send({ type: "http.response.body", body: buffer });
    buffer.fill(0);
  });
  assertEquals(body, "firstother");
  const whole = new TextEncoder().encode("whole");
  const response = await responseTo(async (send) => {
    await reply(send, whole);
    whole.fill(0);
  });
  assertEquals(response.body, "whole");
});

Deno.test("a view of a part of a buffer sends that part", async () => {
  const view = new TextEncoder().encode("[part]").subarray(1, 5);
  assertEquals((await responseTo((send) => reply(send, view))).body, "part");
});

Deno.test("changing headers after start changes nothing and cannot smuggle", async () => {
  const headers: HeaderList = [["x-kept", "1"], ["x-also", "2"]];
  const { head } = await responseTo(async (send) => {
    await send({ type: "http.response.start", status: 200, headers });
    headers[0][1] = "changed\r\nx-evil: 1";
    headers[1][0] = "transfer-encoding";
    headers.push(["x-late", "3"]);
    await send({ type: "http.response.body", body: "b" });
  });
  assertStringIncludes(head, "x-kept: 1\r\n");
  assertStringIncludes(head, "x-also: 2\r\n");
  assert(!head.includes("evil") && !head.includes("late"));
});

Deno.test("two apps' headers may be one shared array", async () => {
  const headers: HeaderList = [["content-type", "text/plain"], ["x", "1"]];
  const app = httpApp((_scope, _receive, send) => reply(send, "b", headers));
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    for (let i = 0; i < 3; i++) {
      await client.request("GET /");
      assertEquals((await client.response()).headers.get("x"), "1");
    }
  });
  assertEquals(headers, [["content-type", "text/plain"], ["x", "1"]]);
});

Deno.test("sends that nobody awaits arrive in order", async () => {
  const { body } = await responseTo((send) => {
    send({ type: "http.response.start", status: 200 });
    for (const body of ["a", "b", "c"]) {
      send({ type: "http.response.body", body, more: 1 });
    }
    send({ type: "http.response.body", body: "d" });
    return Promise.resolve();
  });
  assertEquals(body, "abcd");
});
