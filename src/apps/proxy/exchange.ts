/**
 * One request to a target, up to the head of its answer.
 *
 * @module
 */

import type { Timer } from "../../std/timer.ts";
import { ClientGone } from "./client.ts";
import type { ClientWatch } from "./client.ts";
import type { RequestBody } from "./request_body.ts";
import { ResponseBody } from "./response_body.ts";
import { readResponseHead } from "./response_head.ts";
import type { ResponseHead } from "./response_head.ts";
import type { Upstream } from "./upstream.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import { UpstreamError } from "./upstream_error.ts";
import { formatRequestHead } from "./upstream_request.ts";
import type { UpstreamRequest } from "./upstream_request.ts";

/** How long a target may take, in seconds; 0 means no limit. */
export interface Limits {
  /** From the end of the request to the head of the answer. */
  readonly firstByteTimeout: number;
  /** The longest pause in a body. */
  readonly idleTimeout: number;
}

/** What a target is asked. */
export interface Question {
  readonly request: UpstreamRequest;
  readonly body: RequestBody;
  /** True where asking twice does no harm, and is possible. */
  readonly repeatable: boolean;
  /** True where 101 is an answer. */
  readonly upgrade: boolean;
}

/** What a target answered; the body is still to be read. */
export interface Answer {
  readonly upstream: Upstream;
  readonly connection: UpstreamConnection;
  readonly head: ResponseHead;
  readonly body: ResponseBody;
  /** Tells whether the target has been sent the whole request. */
  readonly isAsked: () => boolean;
}

/**
 * Sends a request and reads the head of the answer; the request's body goes on
 * meanwhile, and afterwards where the target answers early. On failure the
 * connection is closed.
 *
 * @throws {UpstreamError} When the target fails.
 * @throws {ClientGone} When the client leaves.
 */
export async function exchange(
  upstream: Upstream,
  connection: UpstreamConnection,
  question: Question,
  client: ClientWatch,
  limits: Limits,
): Promise<Answer> {
  const { request, body, upgrade } = question;
  client.onGone(() => connection.fail(new ClientGone()));
  let asked = false;
  let answered = false;
  let timer: Timer | undefined;
  const awaitAnswer = (): void => {
    if (answered) return;
    timer = connection.expect(limits.firstByteTimeout, "gave no answer");
  };
  try {
    if (client.gone) throw new ClientGone();
    const head = formatRequestHead(
      request,
      upstream.target,
      upstream.pathOf(request),
      body.framing,
    );
    send(connection, head, body, limits.idleTimeout).then(() => {
      asked = true;
      awaitAnswer();
    }, (error) => {
      // A target that takes no more may have answered all the same.
      if (error instanceof UpstreamError) awaitAnswer();
      else connection.fail(error);
    });
    const answer = await readResponseHead(connection);
    if (answer.status === 101 && !upgrade) {
      throw new UpstreamError(502, `${connection.url} changed the protocol.`);
    }
    return {
      upstream,
      connection,
      head: answer,
      body: new ResponseBody(connection, answer, request.method),
      isAsked: () => asked,
    };
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    answered = true;
    clearTimeout(timer);
  }
}

async function send(
  connection: UpstreamConnection,
  head: string,
  { first, rest }: RequestBody,
  idleTimeout: number,
): Promise<void> {
  const bytes = new Uint8Array(head.length + first.byteLength);
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  bytes.set(first, head.length);
  await connection.write(bytes, idleTimeout);
  if (rest === null) return;
  for await (const piece of rest()) await connection.write(piece, idleTimeout);
}
