/**
 * What our server runs in the benchmark: `BENCH_APP` names the app.
 *
 * @module
 */

import type {
  PagiApp,
  Receive,
  Send,
  SendEvent,
} from "../../src/pagi/types.ts";

const PLAIN: [string, string][] = [["content-type", "text/plain"]];
const PLAIN_16: [string, string][] = [...PLAIN, ["content-length", "16"]];
const JSON_TYPE: [string, string][] = [["content-type", "application/json"]];
const NO_LENGTH: [string, string][] = [["content-length", "0"]];

const members = new Set<Send>();

/** Those that leave meanwhile miss it: what is sent to them goes nowhere. */
function broadcast(event: SendEvent): void {
  for (const send of members) send(event);
}

async function untilGone(
  receive: Receive,
  take: (text: string) => void,
): Promise<void> {
  for (;;) {
    const event = await receive();
    if (event.type === "websocket.receive") take(event.text ?? "");
    else if (event.type.endsWith(".disconnect")) return;
  }
}

async function readAll(receive: Receive): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const event = await receive();
    if (event.type !== "http.request") break;
    chunks.push(event.body);
    if (!event.more) break;
  }
  return chunks.length === 1
    ? chunks[0]
    : new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

const apps: Record<string, PagiApp> = {
  async reply(_scope, _receive, send) {
    await send({ type: "http.response.start", status: 200, headers: PLAIN });
    await send({ type: "http.response.body", body: "Hello from PAGI\n" });
  },

  async length(_scope, _receive, send) {
    await send({ type: "http.response.start", status: 200, headers: PLAIN_16 });
    await send({ type: "http.response.body", body: "Hello from PAGI\n" });
  },

  async json(_scope, receive, send) {
    const value = JSON.parse(new TextDecoder().decode(await readAll(receive)));
    await send({
      type: "http.response.start",
      status: 200,
      headers: JSON_TYPE,
    });
    await send({ type: "http.response.body", body: JSON.stringify(value) });
  },

  async events(scope, receive, send) {
    if (scope.type === "sse") {
      await send({ type: "sse.start" });
      members.add(send);
      while ((await receive()).type !== "sse.disconnect") continue;
      members.delete(send);
    } else {
      broadcast({ type: "sse.send", data: "sixteen bytes !!" });
      await send({
        type: "http.response.start",
        status: 200,
        headers: NO_LENGTH,
      });
      await send({ type: "http.response.body" });
    }
  },

  async echo(_scope, receive, send) {
    await receive();
    await send({ type: "websocket.accept" });
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      const { text, bytes } = event;
      await send({ type: "websocket.send", text, bytes });
    }
  },

  async broadcast(_scope, receive, send) {
    await receive();
    await send({ type: "websocket.accept" });
    members.add(send);
    await untilGone(
      receive,
      (text) => broadcast({ type: "websocket.send", text }),
    );
    members.delete(send);
  },
};

export default apps[Deno.env.get("BENCH_APP") ?? "reply"];
