/**
 * Passes on WebSockets.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { reasonPhrase } from "../../http/status.ts";
import type {
  BytesIn,
  HeaderList,
  Receive,
  Send,
  WebSocketScope,
} from "../../pagi/types.ts";
import { refusalStatus } from "./context.ts";
import type { ProxyContext } from "./context.ts";
import type { Answer } from "./exchange.ts";
import { NO_BODY } from "./request_body.ts";
import { responseFields } from "./response_fields.ts";
import { UpstreamError } from "./upstream_error.ts";
import { upstreamRequest } from "./upstream_request.ts";
import { WebSocketTunnel } from "./websocket_tunnel.ts";

/** The most bytes of a refusal's body: the server holds it in memory. */
const MAX_DENIAL = 1024 * 1024;

/** Serves one WebSocket; what the target refuses is denied the client. */
export async function serveWebSocket(
  context: ProxyContext,
  scope: WebSocketScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  await receive(); // websocket.connect
  const deny = (
    status: number,
    headers: HeaderList = [["content-type", "text/plain"]],
    body: BytesIn = reasonPhrase(status),
  ) => denial(scope, send, status, headers, body);
  const request = upstreamRequest(scope, context.rules);
  const refusal = refusalStatus(context, scope, request);
  if (refusal !== null) return await deny(refusal);
  try {
    const key = newKey();
    const answer = await context.upstreams.ask({
      request,
      body: { ...NO_BODY, framing: handshake(key) },
      repeatable: true,
      upgrade: true,
    }, null);
    const { connection, head, upstream } = answer;
    const { target } = upstream;
    const headers = responseFields(head, target, scope.root_path);
    if (head.status !== 101) {
      return await deny(
        head.status,
        headers,
        await readDenial(context, answer),
      );
    }
    const subprotocol = await agreement(answer, key, scope.subprotocols);
    await send({
      type: "websocket.accept",
      subprotocol: subprotocol ?? undefined,
      headers: headers.filter(([name]) => !name.startsWith("sec-websocket-")),
    });
    const { idleTimeout } = context.limits;
    await new WebSocketTunnel(connection, receive, send, idleTimeout).run();
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    await deny(error.status);
  }
}

function newKey(): string {
  return btoa(
    String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))),
  );
}

/** RFC 6455, section 4.1. */
function handshake(key: string): HeaderList {
  return [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
  ];
}

/**
 * The subprotocol that the target chose, or null.
 *
 * @throws {UpstreamError} When its answer is none to our handshake.
 */
async function agreement(
  { connection, head }: Answer,
  key: string,
  offered: readonly string[],
): Promise<string | null> {
  const { headers } = head;
  const subprotocol = fieldValue(headers, "sec-websocket-protocol");
  const right = fieldValue(headers, "sec-websocket-accept") ===
      await acceptValue(key) &&
    fieldValue(headers, "sec-websocket-extensions") === null &&
    (subprotocol === null || offered.includes(subprotocol));
  if (right) return subprotocol;
  connection.close();
  throw new UpstreamError(
    502,
    `${connection.url} agreed to something else than the WebSocket asked for.`,
  );
}

async function acceptValue(key: string): Promise<string> {
  const text = `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const hash = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(text),
  );
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}

async function readDenial(
  { limits }: ProxyContext,
  { connection, body }: Answer,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    while (!body.done) {
      const piece = body.take();
      if (piece === null) await body.fill(limits.idleTimeout);
      else {
        pieces.push(piece.slice());
        size += piece.byteLength;
      }
      if (size > MAX_DENIAL) {
        throw new UpstreamError(
          502,
          `${connection.url} refused a WebSocket with too long a body.`,
        );
      }
    }
  } finally {
    connection.close();
  }
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

/** Refuses the handshake; plainly where the server knows no other way. */
async function denial(
  { extensions }: WebSocketScope,
  send: Send,
  status: number,
  headers: HeaderList,
  body: BytesIn,
): Promise<void> {
  if (extensions["websocket.http.response"] === undefined) {
    return await send({ type: "websocket.close" });
  }
  await send({ type: "websocket.http.response.start", status, headers });
  await send({ type: "websocket.http.response.body", body });
}
