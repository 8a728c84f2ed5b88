/**
 * The engine's limit where ours serves files or passes requests on:
 * `limits.ts APP PORT [CERTIFICATE KEY]`. As in `pagi_limit.ts`, the fast ways
 * into the engine are those of `src/engine`, and nothing else is ours.
 *
 * @module
 */

import { ownHeaders } from "../../src/engine/request.ts";
import { engineResponse } from "../../src/engine/response.ts";
import { type PendingRead, takeReads } from "../../src/engine/stream.ts";
import type { HeaderList } from "../../src/pagi/types.ts";
import {
  encodeName,
  holdFileLibrary,
  statWords,
} from "../../src/system/file_names.ts";
import { serve } from "./serve.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Info = Deno.ServeHandlerInfo<Deno.NetAddr>;

const [name, port, certificate, key] = Deno.args;

const file = Deno.env.get("BENCH_FILE") ?? "";
/** What all of our answers with a file say. */
const FILE_FIELDS: HeaderList = [
  ["content-type", "application/pdf"],
  ["etag", '"400-19a9d3b2f00"'],
  ["last-modified", "Sun, 22 Nov 2026 00:00:00 GMT"],
  ["x-content-type-options", "nosniff"],
  ["accept-ranges", "bytes"],
  ...(file.endsWith(".gz")
    ? [["content-encoding", "gzip"] as [string, string]]
    : []),
];
const UNMODIFIED = FILE_FIELDS.slice(1, 3);
/** Longer bodies are sent in pieces, for which the engine takes less time. */
const MAX_WHOLE = 256 * 1024;
const PIECE = 64 * 1024;
/** Larger files are read from the disk. */
const MAX_KEPT = 1 << 20;
/** For a look at the file. */
const PATH = encodeName(`${file}\0`);
/** Where `struct statx` has a part of the time of the last change. */
const CHANGED = 26;
const size = file === "" ? 0 : Deno.statSync(file).size;
const content = size > MAX_KEPT ? new Uint8Array() : read(file);
holdFileLibrary();
const changed = file === "" ? undefined : statWords(PATH)?.[CHANGED];
const fields: HeaderList = size > MAX_WHOLE
  ? [...FILE_FIELDS, ["content-length", String(size)]]
  : FILE_FIELDS;
const folder = Deno.env.get("BENCH_FOLDER");
const entries = folder === undefined
  ? []
  : [...Deno.readDirSync(folder)].map(({ name }) =>
    encodeName(`${folder}/${name}\0`)
  );
/** About as long as the listing: of 50,000 files, where none is looked at. */
const page = new Uint8Array(
  name === "listing" ? 150 * (entries.length || 50_000) : 0,
).fill(0x20);

function read(path: string): Bytes {
  return path === "" ? new Uint8Array() : Deno.readFileSync(path);
}

/** Bytes in memory as a body: large ones leave in pieces. */
function bodyOf(bytes: Bytes): Bytes | ReadableStream<Bytes> {
  if (bytes.length <= MAX_WHOLE) return bytes;
  let at = 0;
  return new ReadableStream<Bytes>({
    start: (controller) =>
      takeReads(controller as ReadableStreamDefaultController<Uint8Array>, {
        take(read: PendingRead) {
          if (at < bytes.length) {
            read.chunkSteps(bytes.subarray(at, at += PIECE));
          } else {
            controller.close();
            read.closeSteps();
          }
        },
      }),
  }, { highWaterMark: 0 });
}

/** Whether the client has the file; reads each field. */
function hasFile(request: Request): boolean {
  let has = false;
  for (const [name, value] of ownHeaders(request) ?? request.headers) {
    if (name.length === 13 && name.toLowerCase() === "if-none-match") {
      has = value === UNMODIFIED[0][1];
    }
  }
  return has;
}

/**
 * The file from memory, or that the client has it. It asks the system for the
 * file, as it may have changed, and reads what a server of files cannot leave
 * out: method, target and fields.
 */
function fromMemory(request: Request): Response {
  const isPlain = request.method === "GET" && request.url.includes("/");
  if (!isPlain || statWords(PATH)?.[CHANGED] !== changed) {
    return new Response(null, { status: 404 });
  }
  return hasFile(request)
    ? engineResponse(null, 304, UNMODIFIED)
    : engineResponse(bodyOf(content), 200, fields);
}

/**
 * A page that is at hand. It asks the system for each entry, whose time and size
 * it tells, if `BENCH_FOLDER` has them: the time of a folder tells names alone.
 */
function listed(): Response {
  for (const path of entries) statWords(path);
  return engineResponse(bodyOf(page), 200, [["content-type", "text/html"]]);
}

/** The file from the disk, which the engine reads and writes by itself. */
async function fromDisk(): Promise<Response> {
  const opened = await Deno.open(file);
  const { size } = await opened.stat();
  return engineResponse(opened.readable, 200, [
    ...FILE_FIELDS,
    ["content-length", String(size)],
  ]);
}

const UPSTREAM = Number(Deno.env.get("BENCH_UPSTREAM"));
const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");
const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|host)$/i;

/** A connection to the upstream, with room for what goes out and comes in. */
interface Upstream {
  readonly connection: Deno.Conn;
  readonly output: Bytes;
  readonly input: Bytes;
}
const idle: Upstream[] = [];

/** What comes back. */
interface Answer {
  readonly head: string;
  readonly body: Bytes;
}

/** One write and one read on a connection that is kept. */
async function ask(head: string): Promise<Answer> {
  const upstream = idle.pop() ?? {
    connection: await Deno.connect({ hostname: "127.0.0.1", port: UPSTREAM }),
    output: new Uint8Array(16_384),
    input: new Uint8Array(16_384),
  };
  const { connection, output, input } = upstream;
  const { written } = encoder.encodeInto(head, output);
  await connection.write(output.subarray(0, written));
  let filled = 0;
  for (;;) {
    const count = await connection.read(input.subarray(filled));
    if (count === null) throw new Error("the upstream closed a connection");
    filled += count;
    const end = endOfHead(input, filled);
    if (end < 0) continue;
    const head = decoder.decode(input.subarray(0, end));
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]);
    if (filled < end + length) continue;
    const body = input.slice(end, end + length);
    idle.push(upstream);
    return { head, body };
  }
}

/** The index after the empty line; -1 while it has not come. */
function endOfHead(bytes: Bytes, filled: number): number {
  for (let i = bytes.indexOf(13); i >= 0 && i + 3 < filled;) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i + 4;
    }
    i = bytes.indexOf(13, i + 1);
  }
  return -1;
}

const SAME_HEAD = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${UPSTREAM}\r\n\r\n`;
const PLAIN: HeaderList = [["content-type", "text/plain"]];

/**
 * What is no proxy yet: it asks the same whatever the client asks, and passes on
 * the body alone.
 */
async function relay(): Promise<Response> {
  const { body } = await ask(SAME_HEAD);
  return engineResponse(body, 200, PLAIN);
}

/**
 * The least that a proxy does: method, target and fields go to the upstream with
 * the client's address, status, fields and body come back. Left out are bodies of
 * requests, chunked and long ones of answers, timeouts, lost connections that
 * are asked again, and the checks of what comes from either side.
 */
async function forward(request: Request, info: Info): Promise<Response> {
  const { method, url } = request;
  const target = url.slice(url.indexOf("/", "https://".length));
  let text = `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${UPSTREAM}\r\n`;
  for (const [name, value] of ownHeaders(request) ?? request.headers) {
    if (!HOP_BY_HOP.test(name)) text += `${name}: ${value}\r\n`;
  }
  const client = info.remoteAddr.hostname;
  const { head, body } = await ask(
    `${text}via: 1.1 limit\r\nforwarded: for=${client}\r\n\r\n`,
  );
  const [status, ...lines] = head.trimEnd().split("\r\n");
  const fields: HeaderList = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (!HOP_BY_HOP.test(name)) fields.push([name, line.slice(colon + 2)]);
  }
  fields.push(["via", "1.1 limit"]);
  return engineResponse(body, Number(status.slice(9, 12)), fields);
}

const apps: Record<string, Deno.ServeHandler<Deno.NetAddr>> = {
  file: size > MAX_KEPT ? fromDisk : fromMemory,

  /** The obvious way to write it, which reads nothing of the request. */
  hand: () => new Response(content, { headers: FILE_FIELDS }),

  /** A listing that is at hand, beside the file. */
  listing: (request) =>
    request.url.endsWith("/") ? listed() : fromMemory(request),

  relay,
  forward,
};

serve(apps[name], port, certificate, key);
