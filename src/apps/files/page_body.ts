/**
 * The bytes of a page or listing, and how they are sent.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { checkConditions, readConditions } from "../../http/conditional.ts";
import { codedTag, contentTag } from "../../http/etags.ts";
import { fieldValue } from "../../http/headers.ts";
import { preferredCodings } from "../../http/negotiation.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import type { ReadyAnswers } from "../../pagi/ready_answers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { concat } from "../../std/bytes.ts";
import type { RequestReader } from "../disconnect.ts";
import { reply, type RequestScope } from "../reply.ts";
import { replyUnsent, WORTH_COMPRESSING } from "./send_file.ts";
import { TimeSlice } from "./time_slice.ts";

/** Content codings of pages, the best one first. */
const CODINGS = ["br", "gzip"] as const;
type Coding = typeof CODINGS[number];
/** Bytes that are compressed or sent at once. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes of a body above which it is sent in chunks, and not kept ready. */
const MAX_WHOLE_BYTES = 4 * CHUNK_BYTES;
/** Of 11 levels: as fast as gzip, and smaller. */
const BROTLI_QUALITY = 4;

/** A page as it is sent. */
export interface PageBody {
  readonly tag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same compressed, once a client has asked for it. */
  readonly coded: Map<Coding, Promise<Uint8Array<ArrayBuffer>>>;
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
  const digest = createHash("sha256");
  for (const text of texts) {
    const chunk = encode(text);
    chunks.push(chunk);
    digest.update(chunk);
    if (timeSlice.expired) await timeSlice.yield();
  }
  const bytes = concat(chunks);
  markImmutable(bytes);
  const tag = contentTag(digest.digest("base64url").slice(0, 22));
  return { tag, bytes, coded: new Map() };
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
  let bytes: Uint8Array<ArrayBuffer> = body.bytes;
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
  if (
    keep !== undefined && bytes.length > 0 && bytes.length <= MAX_WHOLE_BYTES
  ) {
    // A copy, as middleware may change what is sent.
    const copy = (list: HeaderList) =>
      list.map(([name, value]): [string, string] => [name, value]);
    keep({
      whole: { status: 200, fields: copy(headers), body: bytes },
      unchanged: { status: 304, fields: copy(lasting), body: null },
      validators: { etag, lastModified: null },
    });
  }
  await sendBytes(scope, send, client, headers, bytes);
}

/**
 * Sends a complete body; a long one in chunks, since the engine would hold a
 * copy of it for each slow client.
 */
async function sendBytes(
  scope: RequestScope,
  send: Send,
  client: RequestReader,
  headers: HeaderList,
  bytes: Uint8Array,
): Promise<void> {
  if (bytes.length <= MAX_WHOLE_BYTES || scope.method === "HEAD") {
    return await reply(send, 200, headers, bytes);
  }
  headers.push(["content-length", String(bytes.length)]);
  await send({ type: "http.response.start", status: 200, headers });
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (client.disconnected) return;
    const body = bytes.subarray(at, at + CHUNK_BYTES);
    await send({ type: "http.response.body", body, more: 1 });
  }
  await send({ type: "http.response.body" });
}

/** Compresses bytes, a chunk at a time. */
async function compressed(
  bytes: Uint8Array<ArrayBuffer>,
  coding: Coding,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = coding === "gzip" ? createGzip() : createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const chunks: Uint8Array[] = [];
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  const timeSlice = new TimeSlice();
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    await new Promise((resolve) => stream.write(chunk, resolve));
    if (timeSlice.expired) await timeSlice.yield();
  }
  await new Promise((resolve, reject) => {
    stream.on("end", resolve).on("error", reject).end();
  });
  const whole = concat(chunks);
  markImmutable(whole);
  return whole;
}
