/**
 * Fetch handlers, the same for each server that runs them; `BENCH_APP` says
 * which. The default export is what `pagi-server` and Bun take.
 *
 * @module
 */

type Handler = (request: Request) => Response | Promise<Response>;

const JSON_TYPE = { "content-type": "application/json" };
const PLAIN = { "content-type": "text/plain" };
const EVENT_STREAM = { "content-type": "text/event-stream" };
const EVENT = new TextEncoder().encode("data: sixteen bytes !!\n\n");
const PIECE = new Uint8Array(4096).fill(46);

/** A body of so many pieces, each given when it is asked for. */
function pieces(
  count: number,
  piece: Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      if (count-- > 0) controller.enqueue(piece);
      else controller.close();
    },
  });
}

const handlers: Record<string, () => Handler | Promise<Handler>> = {
  /** What a router does at least: it looks at the path. */
  reply: () => (request) =>
    new URL(request.url).pathname === "/"
      ? new Response("Hello from PAGI\n", { headers: PLAIN })
      : new Response("Not Found\n", { status: 404 }),

  // deno-lint-ignore require-await
  async: () => async (request) =>
    new URL(request.url).pathname === "/"
      ? new Response("Hello from PAGI\n", { headers: PLAIN })
      : new Response("Not Found\n", { status: 404 }),

  /** `Response.json` of Bun adds a charset. */
  json: () => async (request) =>
    new Response(JSON.stringify(await request.json()), { headers: JSON_TYPE }),

  stream: () => () => new Response(pieces(16, PIECE), { headers: PLAIN }),

  events: () => () =>
    new Response(pieces(100, EVENT), { headers: EVENT_STREAM }),

  async hono() {
    const { Hono } = await import("hono");
    return new Hono().get("/", (c) => c.text("Hello from PAGI\n")).fetch;
  },

  async echo() {
    const { Hono } = await import("hono");
    const { upgradeWebSocket } = "Deno" in globalThis
      ? await import("hono/deno")
      : await import("hono/bun") as unknown as typeof import("hono/deno");
    return new Hono().get(
      "/",
      upgradeWebSocket(() => ({
        onMessage: ({ data }, socket) => socket.send(data as string),
      })),
    ).fetch;
  },
};

/** Bun has Node's process; Deno would load it, which slows WebSockets down. */
const { process } = "Deno" in globalThis
  ? { process: undefined }
  : globalThis as { process?: { env: Record<string, string> } };
const name = process?.env.BENCH_APP ?? Deno.env.get("BENCH_APP") ?? "reply";

export default {
  fetch: await handlers[name](),
  /** What Bun's server takes beside it. */
  websocket: name !== "echo" || "Deno" in globalThis
    ? undefined
    : (await import("hono/bun")).websocket,
};
