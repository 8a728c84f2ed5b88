/**
 * One file as a response.
 *
 * @module
 */

import {
  checkConditions,
  rangeToHonour,
  readConditions,
} from "../../http/conditional.ts";
import { contentTypeOf } from "../../http/content_type.ts";
import { formatHttpDate } from "../../http/dates.ts";
import { fileTag } from "../../http/etags.ts";
import { parseRange } from "../../http/ranges.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { replyStatus } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import type { OpenedFile } from "./document_root.ts";

/** How files are sent. */
export interface FileSettings {
  /** The media type where the name does not tell. */
  readonly defaultType: string;
  readonly handleRanges: boolean;
}

/** Up to this many bytes go out in one piece: faster, and the file is done with. */
const SMALL = 64 * 1024;

/**
 * Answers a GET or HEAD request with `opened`, whose name is `name`: 200, 206,
 * 304, 412 or 416 as RFC 9110 has it. The file stays open.
 */
export async function sendFile(
  scope: RequestScope,
  send: Send,
  { file, info }: OpenedFile,
  name: string,
  settings: FileSettings,
): Promise<void> {
  const { size } = info;
  const now = Date.now();
  const mtime = info.mtime?.getTime() ?? null;
  const etag = fileTag(size, mtime, now);
  // A time that cannot be true is no help (RFC 9110, 8.8.2.1).
  const lastModified = mtime !== null && mtime > 0 && mtime <= now
    ? mtime - mtime % 1000
    : null;
  const validators: HeaderList = [["etag", etag]];
  if (lastModified !== null) {
    validators.push(["last-modified", formatHttpDate(lastModified)]);
  }

  const conditions = readConditions(scope.headers);
  const outcome = checkConditions(conditions, { etag, lastModified });
  if (outcome === 412) return await replyStatus(send, 412);
  if (outcome === 304) {
    await send({
      type: "http.response.start",
      status: 304,
      headers: validators,
    });
    return await send({ type: "http.response.body" });
  }

  const isGet = scope.method === "GET";
  // Only GET has ranges (RFC 9110, 14.2).
  const wanted = settings.handleRanges && isGet
    ? rangeToHonour(conditions, { etag, lastModified })
    : null;
  const range = wanted === null ? null : parseRange(wanted, size);
  if (range === "unsatisfiable") {
    return await replyStatus(send, 416, [["content-range", `bytes */${size}`]]);
  }
  const offset = range?.start ?? 0;
  const length = range === null ? size : range.end - range.start + 1;

  const headers: HeaderList = [
    ["content-type", contentTypeOf(name, settings.defaultType)],
    ["content-length", String(length)],
    ...validators,
    ["x-content-type-options", "nosniff"],
  ];
  if (settings.handleRanges) headers.push(["accept-ranges", "bytes"]);
  if (range !== null) {
    headers.push([
      "content-range",
      `bytes ${range.start}-${range.end}/${size}`,
    ]);
  }
  const small = isGet && length <= SMALL
    ? readSlice(file, offset, length)
    : null;
  await send({
    type: "http.response.start",
    status: range === null ? 200 : 206,
    headers,
  });
  await send(
    small !== null || !isGet
      ? { type: "http.response.body", body: small ?? "" }
      : { type: "http.response.body", fh: file, offset, length },
  );
}

function readSlice(
  file: Deno.FsFile,
  offset: number,
  length: number,
): Uint8Array {
  if (offset > 0) file.seekSync(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) {
      throw new Error("a file became shorter while it was being read");
    }
    filled += count;
  }
  return bytes;
}
