/**
 * The handlers of `fetch.ts` on `Deno.serve`: `bare_fetch.ts PORT`. With
 * `BENCH_LIMIT` it does what the limits that the server promises need at least.
 *
 * @module
 */

import handler from "./fetch.ts";
import { serve } from "./serve.ts";

const { fetch } = handler;

const MAX_FIELDS = 100;
const MAX_HEAD = 64 * 1024;
const MAX_MESSAGE = 1 << 20;
const MAX_BODY = 1 << 20;

type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

/** Buffers that are free: the engine would take a new one for each read. */
const buffers: ArrayBuffer[] = [];
const BUFFER = 64 * 1024;

/** A body that comes in pieces, which are counted. */
function counted(
  stream: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader({ mode: "byob" });
  let size = 0;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const buffer = buffers.pop() ?? new ArrayBuffer(BUFFER);
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) buffers.push(value.buffer);
      if (done) return controller.close();
      size += value.length;
      if (size > MAX_BODY) return controller.error(new TypeError("too long"));
      controller.enqueue(value.slice());
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/**
 * The handler within limits: nothing but the list of fields tells how many they
 * are and how long, a promise of its own can be settled by a timeout, a body is
 * counted where it is read, the engine tells when it has finished with a stream,
 * and a listener sees how long a WebSocket's messages are. It takes lists, bodies
 * and streams by the ways of ours into the engine, `src/engine`, and leaves out
 * what happens once a limit is reached or the server stops; the other servers
 * here load nothing of ours.
 */
async function limited(): Promise<Handler> {
  const { ownHeaders, takeBody } = await import("../../src/engine/request.ts");
  const { streamOf } = await import("../../src/engine/response.ts");
  let running = 0;
  const ended = (): void => void running--;
  const watched = (
    response: Response,
    { completed }: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Response => {
    if (streamOf(response) === null) return response;
    running++;
    completed.then(ended, ended);
    return response;
  };
  const body = {
    takesWhole: (bytes: string | Uint8Array) => bytes.length <= MAX_BODY,
    replace: counted,
  };
  const upgrade = Deno.upgradeWebSocket;
  Deno.upgradeWebSocket = (request, options) => {
    const upgraded = upgrade(request, options);
    upgraded.socket.addEventListener("message", (event) => {
      if (event.data.length > MAX_MESSAGE) upgraded.socket.close(1009);
    });
    return upgraded;
  };
  return (request, info) => {
    const fields = ownHeaders(request) ?? [...request.headers];
    let size = 0;
    for (let i = 0; i < fields.length; i++) {
      size += fields[i][0].length + fields[i][1].length;
    }
    if (size > MAX_HEAD || fields.length > MAX_FIELDS) {
      return new Response(null, { status: 431 });
    }
    if (request.method === "POST") takeBody(request, body);
    const given = fetch(request);
    return given instanceof Promise
      ? new Promise((resolve, reject) => {
        given.then((response) => resolve(watched(response, info)), reject);
      })
      : watched(given, info);
  };
}

serve(Deno.env.has("BENCH_LIMIT") ? await limited() : fetch, Deno.args[0]);
