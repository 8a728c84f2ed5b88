/** The bytes of a page or listing, and how they are sent. */

import { checkConditions, readConditions } from "../../http/conditional.ts";
import { codedTag, contentTag } from "../../http/etags.ts";
import { fieldValue } from "../../http/headers.ts";
import { preferredCodings } from "../../http/negotiation.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import type { ReadyAnswers } from "../../pagi/ready_answers.ts";
import { readyAnswers } from "./ready_file.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { concat } from "../../std/bytes.ts";
import { node } from "../../std/node.ts";
import type { RequestReader } from "../disconnect.ts";
import { reply, replyBare, type RequestScope } from "../reply.ts";
import { sha256 } from "./page_frame.ts";
import { replyUnsent, WORTH_COMPRESSING } from "./send_file.ts";
import { TimeSlice } from "./time_slice.ts";

/** Content codings of pages, the best one first. */
const CODINGS = ["br", "gzip"] as const;
type Coding = typeof CODINGS[number];
/** Bytes, about, that are made, compressed or sent at once. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes of a body above which it is sent in chunks, and not kept ready. */
const MAX_WHOLE_BYTES = 4 * CHUNK_BYTES;
/** Of 11 levels: as fast as gzip, and smaller. */
const BROTLI_QUALITY = 4;

/**
 * Bytes in chunks; in one, if they are sent at once. Joining those of a long
 * page would block the thread.
 */
interface Chunks {
  /** Bytes of all together. */
  readonly length: number;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
}

/** A page as it is sent. */
export interface PageBody {
  readonly tag: string;
  readonly bytes: Chunks;
  /** The same compressed, once a client has asked for it. */
  readonly coded: Map<Coding, Promise<Chunks>>;
}

const encoder = new TextEncoder();
const encodeText = (text: string) => encoder.encode(text);

/** The body that `texts` make, encoded by `encode`, with a tag of its content. */
export async function makeBody(
  texts: Iterable<string>,
  timeSlice: TimeSlice,
  encode: (text: string) => Uint8Array<ArrayBuffer> = encodeText,
): Promise<PageBody> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const digests: Uint8Array[] = [];
  const add = async (text: string) => {
    const chunk = encode(text);
    chunks.push(chunk);
    digests.push(await sha256(chunk));
  };
  let text = "";
  for (const part of texts) {
    text += part;
    if (text.length >= CHUNK_BYTES) {
      await add(text);
      text = "";
    }
    if (timeSlice.expired) await timeSlice.yield();
  }
  await add(text);
  const digest = await sha256(concat(digests));
  const tag = contentTag(
    digest.toBase64({ alphabet: "base64url" }).slice(0, 22),
  );
  return { tag, bytes: keptChunks(chunks), coded: new Map() };
}

function keptChunks(parts: readonly Uint8Array<ArrayBuffer>[]): Chunks {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const chunks = length <= MAX_WHOLE_BYTES ? [concat(parts)] : parts;
  for (const chunk of chunks) markImmutable(chunk);
  return { length, chunks };
}

/** How {@linkcode sendBody} compresses, and what it keeps. */
interface Sending {
  readonly compress: boolean;
  /** Counts the memory for what has been compressed. */
  grow?(bytes: number): void;
  /** Keeps the answers ready for requests with the same fields. */
  keep?(ready: ReadyAnswers): void;
}

/** Sends `body` with `fields`, or 304 or 412, as the request's fields ask. */
export async function sendBody(
  scope: RequestScope,
  send: Send,
  client: RequestReader,
  fields: HeaderList,
  body: PageBody,
  { compress, grow, keep }: Sending,
): Promise<void> {
  const [coding] = compress && body.bytes.length >= WORTH_COMPRESSING
    ? preferredCodings(fieldValue(scope.headers, "accept-encoding"), CODINGS)
    : [];
  const etag = coding === undefined ? body.tag : codedTag(body.tag, coding);
  const lasting: HeaderList = [
    ["etag", etag],
    ["vary", compress ? "accept, accept-encoding" : "accept"],
  ];
  const conditions = readConditions(scope.headers);
  const status = checkConditions(conditions, { etag, lastModified: null });
  if (status !== null) return await replyUnsent(send, status, lasting);
  const headers: HeaderList = [
    ...fields,
    ...lasting,
    ["x-content-type-options", "nosniff"],
  ];
  let { bytes } = body;
  if (coding !== undefined) {
    headers.push(["content-encoding", coding]);
    let coded = body.coded.get(coding);
    if (coded === undefined) {
      coded = compressed(body.bytes, coding);
      body.coded.set(coding, coded);
      coded.catch(() => body.coded.delete(coding));
      grow?.((await coded).length);
    }
    bytes = await coded;
  }
  if (bytes.length > 0 && bytes.chunks.length === 1) {
    // A copy, as middleware may change what is sent.
    const copy = (list: HeaderList) =>
      list.map(([name, value]): [string, string] => [name, value]);
    keep?.(readyAnswers(
      [...copy(headers), ["content-length", String(bytes.length)]],
      bytes.chunks[0],
      copy(lasting),
      { etag, lastModified: null },
    ));
  }
  await sendChunks(scope, send, client, headers, bytes);
}

/**
 * Sends a complete body; a long one in chunks, since the engine would hold a
 * copy of it for each slow client.
 */
async function sendChunks(
  scope: RequestScope,
  send: Send,
  client: RequestReader,
  headers: HeaderList,
  { length, chunks }: Chunks,
): Promise<void> {
  if (chunks.length === 1) return await reply(send, 200, headers, chunks[0]);
  headers.push(["content-length", String(length)]);
  if (scope.method === "HEAD") return await replyBare(send, 200, headers);
  await send({ type: "http.response.start", status: 200, headers });
  for (const body of chunks) {
    if (client.disconnected) return;
    await send({ type: "http.response.body", body, more: 1 });
  }
  await send({ type: "http.response.body" });
}

/** Compresses bytes, a chunk at a time. */
async function compressed(
  { length, chunks }: Chunks,
  coding: Coding,
): Promise<Chunks> {
  const { constants, createBrotliCompress, createGzip } = node("node:zlib");
  const chunkSize = CHUNK_BYTES;
  const stream = coding === "gzip"
    ? createGzip({ chunkSize })
    : createBrotliCompress({
      chunkSize,
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: length,
      },
    });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  stream.on("data", (part: Uint8Array<ArrayBuffer>) => parts.push(part));
  const timeSlice = new TimeSlice();
  for (const chunk of chunks) {
    await new Promise((resolve) => stream.write(chunk, resolve));
    if (timeSlice.expired) await timeSlice.yield();
  }
  await new Promise((resolve, reject) => {
    stream.on("end", resolve).on("error", reject).end();
  });
  return keptChunks(parts);
}
