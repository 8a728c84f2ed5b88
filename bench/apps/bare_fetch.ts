/**
 * The handlers of `fetch.ts` on `Deno.serve`: `bare_fetch.ts PORT`. With
 * `BENCH_LIMIT` it does what the limits that the server promises need at least.
 *
 * @module
 */

import handler from "./fetch.ts";

const { fetch } = handler;

const MAX_FIELDS = 100;
const MAX_MESSAGE = 1 << 20;

type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/**
 * The handler within limits: nothing but the list of fields tells how many they
 * are and how long, a promise of its own can be settled by a timeout, the
 * engine tells when it has finished with a stream, and a listener sees how long
 * a WebSocket's messages are. Ours reads lists and streams in the same way; the
 * other servers here load nothing of ours.
 */
async function limited(): Promise<Handler> {
  const { ownHeaders } = await import("../../src/engine/request.ts");
  const { streamOf } = await import("../../src/engine/response.ts");
  const running = new Set<Response>();
  const noted = (
    response: Response,
    { completed }: Deno.ServeHandlerInfo,
  ): Response => {
    running.add(response);
    completed.finally(() => running.delete(response)).catch(() => {});
    return response;
  };
  const watched = (response: Response, info: Deno.ServeHandlerInfo): Response =>
    streamOf(response) === null ? response : noted(response, info);
  const upgrade = Deno.upgradeWebSocket;
  Deno.upgradeWebSocket = (request, options) => {
    const upgraded = upgrade(request, options);
    upgraded.socket.addEventListener("message", (event) => {
      if (event.data.length > MAX_MESSAGE) upgraded.socket.close(1009);
    });
    return upgraded;
  };
  return (request, info) => {
    const fields = ownHeaders(request);
    if (fields !== null && fields.length > MAX_FIELDS) {
      return new Response(null, { status: 431 });
    }
    const given = fetch(request);
    return given instanceof Promise
      ? new Promise((resolve, reject) => {
        given.then((response) => resolve(watched(response, info)), reject);
      })
      : watched(given, info);
  };
}

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  tcpBacklog: 2048,
  onListen() {},
}, Deno.env.has("BENCH_LIMIT") ? await limited() : fetch);
