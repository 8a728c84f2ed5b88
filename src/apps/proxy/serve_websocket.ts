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
  ReceiveEvent,
  Send,
  WebSocketScope,
} from "../../pagi/types.ts";
import { ClientGone, type ClientWatch } from "./client.ts";
import { refusalStatus } from "./context.ts";
import type { ProxyContext } from "./context.ts";
import type { Answer } from "./exchange.ts";
import { NO_BODY } from "./request_body.ts";
import { responseFields } from "./response_fields.ts";
import { retryFields, UpstreamError } from "./upstream_error.ts";
import { upstreamRequest } from "./upstream_request.ts";
import {
  handshakeFields,
  handshakeKey,
  isAgreement,
} from "./websocket_handshake.ts";
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
  const watch = new HandshakeWatch(receive);
  const request = upstreamRequest(scope, context.rules);
  const refusal = refusalStatus(context, scope, request);
  if (refusal !== null) return await deny(refusal);
  try {
    const key = handshakeKey();
    const answer = await context.upstreams.ask({
      request,
      body: { ...NO_BODY, framing: handshakeFields(key) },
      repeatable: true,
      upgrade: true,
    }, watch);
    const { connection, head, upstream } = answer;
    const { target } = upstream;
    const headers = responseFields(head, context, target, scope, request);
    if (head.status !== 101) {
      return await deny(
        head.status,
        headers,
        await readDenial(context, answer),
      );
    }
    if (!await isAgreement(head, key, scope.subprotocols)) {
      connection.close();
      return await deny(502);
    }
    await send({
      type: "websocket.accept",
      subprotocol: fieldValue(head.headers, "sec-websocket-protocol") ??
        undefined,
      headers: headers.filter(([name]) => !name.startsWith("sec-websocket-")),
      backpressure: 1,
    });
    const { idleTimeout } = context.limits;
    await new WebSocketTunnel(
      connection,
      () => watch.receive(),
      send,
      idleTimeout,
    ).run();
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (!(error instanceof UpstreamError)) throw error;
    await deny(error.status, [
      ["content-type", "text/plain"],
      ...retryFields(error),
    ]);
  }
}

/**
 * Notices a client that leaves while the target makes up its mind; what comes
 * instead is for the tunnel.
 */
class HandshakeWatch implements ClientWatch {
  gone = false;
  #onGone: () => void = () => {};
  #first: Promise<ReceiveEvent> | null;
  readonly #receive: Receive;

  constructor(receive: Receive) {
    this.#receive = receive;
    this.#first = receive();
    this.#first.then(({ type }) => {
      if (type !== "websocket.disconnect") return;
      this.gone = true;
      this.#onGone();
    }, () => {});
  }

  onGone(act: () => void): void {
    this.#onGone = act;
  }

  /** The next event; the client's leaving is the caller's matter from now on. */
  receive(): Promise<ReceiveEvent> {
    const first = this.#first;
    this.#first = null;
    this.#onGone = () => {};
    return first ?? this.#receive();
  }
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
