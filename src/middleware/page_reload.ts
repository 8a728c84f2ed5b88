/**
 * Pages that a browser loads again when the files of their directory change:
 * `--reload` of File and Directory.
 */

import { fieldValue } from "../http/headers.ts";
import { log } from "../log/log.ts";
import type { FileHandle, HeaderList, PagiApp } from "../pagi/types.ts";
import { delay } from "../std/timer.ts";

/** Hidden, so that no file of the directory is served there. */
const PATH = "/.pagi/reload";
/** Changes within this time are one (ms). */
const SETTLE_MS = 50;
const OPEN = "<script>";
const CLOSE = "</script>";
/** Bytes of the longest page that gets the script. */
const MAX_PAGE_BYTES = 5_000_000;

/** Adds a script to the HTML of `app`, which serves `directory`. */
export function pageReload(app: PagiApp, directory: string): PagiApp {
  return (scope, receive, send) => {
    if (scope.type === "sse" && scope.path === PATH) {
      return sendChanges(directory, receive, send);
    }
    if (scope.type !== "http" || scope.method !== "GET") {
      return app(scope, receive, send);
    }
    const script = scriptFor(scope.root_path ?? "");
    let isPage = false;
    // A script cannot be added to what is compressed.
    const headers = scope.headers.filter(([name]) =>
      name !== "accept-encoding"
    );
    return app({ ...scope, headers }, receive, async (event) => {
      if (event.type === "http.response.start") {
        const headers = event.headers ?? [];
        isPage = isHtml(event.status, headers);
        if (!isPage) return await send(event);
        return await send({
          ...event,
          headers: await forScript(headers, script),
        });
      }
      if (!isPage || event.type !== "http.response.body") {
        return await send(event);
      }
      const piece: Piece = event;
      if (piece.more) return await send(event);
      await send({
        type: "http.response.body",
        body: await bytesOf(piece),
        more: true,
      });
      await send({ type: "http.response.body", body: script });
    });
  };
}

/** Reloads on each message, and when the stream reconnects after a restart. */
function scriptFor(rootPath: string): string {
  const url = JSON.stringify(rootPath + PATH).replaceAll("<", "\\u003c");
  return `${OPEN}{let s=new EventSource(${url}),o;s.onmessage=()=>location.reload();s.onopen=()=>{o?location.reload():o=1}}${CLOSE}`;
}

function isHtml(status: number, headers: HeaderList): boolean {
  const length = Number(fieldValue(headers, "content-length") ?? 0);
  return status === 200 && length <= MAX_PAGE_BYTES &&
    /^text\/html\b/i.test(fieldValue(headers, "content-type") ?? "");
}

/** The header fields of a page that ends with `script`. */
async function forScript(
  headers: HeaderList,
  script: string,
): Promise<HeaderList> {
  const code = script.slice(OPEN.length, -CLOSE.length);
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(code),
  );
  const hash = `'sha256-${new Uint8Array(digest).toBase64()}'`;
  return headers.map(([name, value]) => {
    if (name === "content-length") {
      return [name, `${Number(value) + script.length}`];
    }
    // The policy of a listing allows only its own script, and no connections.
    if (name !== "content-security-policy") return [name, value];
    const policy = value.replace("script-src ", `script-src ${hash} `);
    return [name, `${policy}; connect-src 'self'`];
  });
}

/** A body event; it has one of `body`, `file` and `fh`. */
interface Piece {
  readonly body?: string | Uint8Array;
  readonly more?: unknown;
  readonly file?: string;
  readonly fh?: FileHandle;
  readonly close?: unknown;
  readonly offset?: number;
  readonly length?: number;
}

/** Reads the bytes of an event, and closes its file if it says so. */
async function bytesOf(
  { body, file, fh, offset = 0, length = MAX_PAGE_BYTES, close }: Piece,
): Promise<string | Uint8Array> {
  if (file !== undefined) {
    return (await Deno.readFile(file)).subarray(offset, offset + length);
  }
  if (fh === undefined) return body ?? "";
  await fh.seek?.(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await fh.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  if (close) await fh.close?.();
  return bytes.subarray(0, filled);
}

/** Sends an event for each change below `directory`, until the page leaves. */
async function sendChanges(
  directory: string,
  receive: Parameters<PagiApp>[1],
  send: Parameters<PagiApp>[2],
): Promise<void> {
  await send({ type: "sse.start" });
  let events: Deno.FsWatcher;
  try {
    events = Deno.watchFs(directory);
  } catch (error) {
    log.warn(`Changes of ${directory} cannot be watched: ${error}`);
    return await send({ type: "sse.close" });
  }
  const left = (async () => {
    while ((await receive()).type !== "sse.disconnect");
    events.close();
  })();
  for await (const { kind } of events) {
    if (kind === "access") continue;
    await delay(SETTLE_MS);
    await send({ type: "sse.send", data: "changed" });
  }
  await left;
}
