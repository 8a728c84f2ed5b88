/**
 * The same apps, written by hand for `Deno.serve`:
 * `bare.ts APP PORT [CERTIFICATE KEY]`.
 *
 * @module
 */

type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

const [name, port, certificate, key] = Deno.args;
const PLAIN = { "content-type": "text/plain" };
const PLAIN_16 = { ...PLAIN, "content-length": "16" };
const EVENT = new TextEncoder().encode("data: sixteen bytes !!\n\n");

const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
const sockets = new Set<WebSocket>();

/** Where the log goes, and bytes that are written at once. */
const LOG = Deno.env.get("BENCH_LOG");
const BATCH = 64 * 1024;
const log = LOG === undefined
  ? null
  : Deno.openSync(LOG, { append: true, create: true });
let lines = "";
let second = 0;
let clock = "";

/** `22 Nov 2026 13:07:00 GMT`, made once a second. */
function time(now: number): string {
  if (Math.floor(now / 1000) === second) return clock;
  second = Math.floor(now / 1000);
  return clock = new Date(now).toUTCString().slice(5);
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly [string, string][];
}

/** What every server does that tells its app of the request. */
function read(request: Request): Seen {
  return {
    method: request.method,
    url: request.url,
    headers: [...request.headers],
  };
}

function hello(): Response {
  return new Response("Hello from PAGI\n", { headers: PLAIN });
}

const apps: Record<string, Handler> = {
  nothing: hello,

  reply(request) {
    read(request);
    return new Response("Hello from PAGI\n", { headers: PLAIN });
  },

  length(request) {
    read(request);
    return new Response("Hello from PAGI\n", { headers: PLAIN_16 });
  },

  /** A line per request, in the shortest way to write it. */
  logged(request, { remoteAddr }) {
    const start = Date.now();
    const { method, url } = read(request);
    const response = new Response("Hello from PAGI\n", { headers: PLAIN });
    const path = url.slice(url.indexOf("/", "http://".length));
    const seconds = ((Date.now() - start) / 1000).toFixed(3);
    lines += `${remoteAddr.hostname} - - [${
      time(start)
    }] "${method} ${path}" 200 ${seconds}s\n`;
    if (lines.length > BATCH) {
      log?.writeSync(new TextEncoder().encode(lines));
      lines = "";
    }
    return response;
  },

  /** What the proxies stand before. */
  kilobyte: () => new Response("x".repeat(1024), { headers: PLAIN }),

  async json(request) {
    read(request);
    return new Response(JSON.stringify(await request.json()), {
      headers: { "content-type": "application/json" },
    });
  },

  events(request) {
    read(request);
    if (request.method === "POST") {
      for (const stream of streams) stream.enqueue(EVENT);
      return new Response(null);
    }
    let stream: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        streams.add(stream = controller);
      },
      cancel() {
        streams.delete(stream);
      },
    });
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    };
    return new Response(body, { headers });
  },

  echo(request) {
    read(request);
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: 0,
    });
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  },

  broadcast(request) {
    read(request);
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: 0,
    });
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      for (const member of sockets) member.send(data);
    };
    return response;
  },
};

const tls = certificate === undefined ? {} : {
  cert: Deno.readTextFileSync(certificate),
  key: Deno.readTextFileSync(key),
};
Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  tcpBacklog: 2048,
  onListen() {},
  ...tls,
}, apps[name]);
