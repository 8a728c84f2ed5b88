import { bodyOf } from "../../src/engine/request.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

function post(body: BodyInit): Request {
  return new Request("http://localhost/", { method: "POST", body });
}

async function text(
  body: Uint8Array | ReadableStream<Uint8Array> | null,
): Promise<string> {
  return await new Response(body as BodyInit).text();
}

Deno.test("a body that is here already is given as its bytes, and counts as read", async () => {
  const request = post(new TextEncoder().encode("all of it"));
  const body = bodyOf(request);
  assert(body instanceof Uint8Array);
  assertEquals(await text(body), "all of it");
  assert(request.bodyUsed);
});

Deno.test("a body that is still to come, or no bytes yet, is given as a stream", async () => {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("in a stream"));
      controller.close();
    },
  });
  for (const request of [post(stream), post("in a stream")]) {
    const body = bodyOf(request);
    assert(body instanceof ReadableStream);
    assertEquals(await text(body), "in a stream");
  }
});

Deno.test("a body that was read before is not given again", () => {
  const request = post(new TextEncoder().encode("once"));
  bodyOf(request);
  const again = bodyOf(request);
  assert(again instanceof ReadableStream && again.locked);
});

Deno.test("a request without a body has none", () => {
  assertEquals(bodyOf(new Request("http://localhost/")), null);
});

Deno.test("an engine's request body that comes with its head is bytes, of GET as well", async () => {
  const kinds: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = bodyOf(request);
      kinds.push(body === null ? "none" : body.constructor.name);
      return new Response(await text(body));
    },
  );
  const { port } = server.addr;
  for (const method of ["POST", "GET"]) {
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    await client.write(
      new TextEncoder().encode(
        `${method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello`,
      ),
    );
    const answer = await new Response(client.readable).text();
    assert(answer.endsWith("hello"), answer);
  }
  assertEquals(kinds, ["Uint8Array", "Uint8Array"]);
});
