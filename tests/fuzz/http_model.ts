/**
 * What a response to an `http` scope must be, from the events alone (PAGI.md
 * 3.3): written from the table, not from the server.
 *
 * @module
 */

import type { WireResponse } from "./read_responses.ts";
import { hold } from "./target.ts";
import { fromBytes } from "../helpers/raw_connection.ts";

/** An event that was sent, and whether `send` took it. */
export interface Sent {
  readonly event: unknown;
  taken: boolean;
}

interface Fields {
  type: string;
  status: number;
  headers?: [string, string][] | null;
  body?: string | Uint8Array | null;
  more?: unknown;
  trailers?: unknown;
}

const encoder = new TextEncoder();

/** Holds a response against what was sent; `threw` says how the app ended. */
export function holdModel(
  sent: readonly Sent[],
  threw: boolean,
  method: string,
  response: WireResponse,
): void {
  let status = 0;
  let body = "";
  let complete = false;
  for (const { event, taken } of sent) {
    // What comes while a file is sent is ignored; when that is, is not known.
    if (keysOf(event).some((key) => key === "file" || key === "fh")) return;
    if (!taken) continue;
    const fields = event as Fields;
    if (fields.type === "http.response.start" && status === 0) {
      status = fields.status;
      // Lengths and trailers of the app's own have their own rules.
      if (fields.trailers) return;
      for (const [name] of fields.headers ?? []) {
        if (name.toLowerCase() === "content-length") return;
      }
    }
    if (fields.type !== "http.response.body" || status === 0 || complete) {
      continue;
    }
    const bytes = fields.body ?? "";
    body += fromBytes(
      typeof bytes === "string" ? encoder.encode(bytes) : bytes,
    );
    complete = !fields.more;
  }
  const silent = method === "HEAD" || [204, 304].includes(status);
  const told = () =>
    `${response.status} ${JSON.stringify(response.body)} (${
      response.whole ? "whole" : "cut"
    }) for ${JSON.stringify({ status, body, complete, threw })}`;
  if (status === 0) {
    // A request behind a failed one is not admitted.
    hold(response.status === 500 || response.status === 503, told);
    return;
  }
  if (response.status === 503 && status !== 503) return;
  hold(response.status === status, told);
  // The engine gives 205 no framing: what the server still says before it ends
  // the connection seems to be its body.
  if (status === 205) return;
  if (silent) hold(response.body === "", told);
  else if (complete) hold(response.whole && response.body === body, told);
  else hold(!response.whole && body.startsWith(response.body), told);
}

function keysOf(event: unknown): string[] {
  try {
    return Object.keys(event as object);
  } catch {
    return [];
  }
}
