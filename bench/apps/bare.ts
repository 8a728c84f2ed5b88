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
const HELLO = new TextEncoder().encode("Hello from PAGI\n");
const EVENT = new TextEncoder().encode("data: sixteen bytes !!\n\n");

const file = Deno.env.get("BENCH_FILE") ?? "";
/** What all of our answers with a file say. */
const FILE_FIELDS: [string, string][] = [
  ["content-type", "application/pdf"],
  ["etag", '"400-19a9d3b2f00"'],
  ["last-modified", "Sun, 22 Nov 2026 00:00:00 GMT"],
  ["x-content-type-options", "nosniff"],
  ["accept-ranges", "bytes"],
  ...(file.endsWith(".gz")
    ? [["content-encoding", "gzip"] as [string, string]]
    : []),
];
const content = ["memory", "unmodified", "listing"].includes(name)
  ? Deno.readFileSync(file)
  : EVENT;
/** About as long as a listing of 50,000 files. */
const page = new Uint8Array(name === "listing" ? 7_500_000 : 0).fill(0x20);

/** What {@linkcode apps}.forward asks. */
const UPSTREAM = Number(Deno.env.get("BENCH_UPSTREAM"));
const ASK = new TextEncoder().encode(
  `GET / HTTP/1.1\r\nhost: 127.0.0.1:${UPSTREAM}\r\n\r\n`,
);
const idle: Deno.Conn[] = [];
const decoder = new TextDecoder();

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

function fromMemory(): Response {
  return new Response(content, { headers: FILE_FIELDS });
}

const apps: Record<string, Handler> = {
  nothing: hello,

  reply(request) {
    read(request);
    return new Response("Hello from PAGI\n", { headers: PLAIN });
  },

  /**
   * The least that our promises for HTTP/2 cost in this engine: the address tells
   * connections apart, a promise takes what an app answers later, and only of a
   * stream, one in 340, the engine says whether its client takes it.
   */
  streams(request, info) {
    read(request);
    void info.remoteAddr.port;
    if (Math.random() * 340 >= 1) return Promise.resolve().then(hello);
    info.completed.catch(() => {});
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(HELLO);
        controller.close();
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: PLAIN });
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

  /** The least that an answer with a file in memory costs in this engine. */
  memory: fromMemory,

  /** The same beside a long page, which is at hand too. */
  listing: ({ url }) => url.endsWith("/") ? new Response(page) : fromMemory(),

  /** The same where the client may have the file, which it says. */
  unmodified: ({ headers }) =>
    headers.get("if-none-match") === FILE_FIELDS[1][1]
      ? new Response(null, { status: 304, headers: FILE_FIELDS.slice(1, 3) })
      : fromMemory(),

  /** The same for a large file. */
  async readable() {
    const opened = await Deno.open(file);
    const { size } = await opened.stat();
    return new Response(opened.readable, {
      headers: [...FILE_FIELDS, ["content-length", String(size)]],
    });
  },

  /** What the proxies stand before. */
  kilobyte: () => new Response("x".repeat(1024), { headers: PLAIN }),

  /** The least that a proxy does: one write and one read on a connection. */
  async forward() {
    const connection = idle.pop() ??
      await Deno.connect({ hostname: "127.0.0.1", port: UPSTREAM });
    await connection.write(ASK);
    const buffer = new Uint8Array(4096);
    let text = "";
    let whole = Infinity;
    while (text.length < whole) {
      const count = await connection.read(buffer);
      if (count === null) throw new Error("the upstream closed a connection");
      text += decoder.decode(buffer.subarray(0, count));
      const body = text.indexOf("\r\n\r\n") + 4;
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (body > 3 && length !== undefined) whole = body + Number(length);
    }
    idle.push(connection);
    return new Response(text.slice(text.indexOf("\r\n\r\n") + 4), {
      headers: PLAIN,
    });
  },

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
