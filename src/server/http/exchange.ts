/**
 * One HTTP request and its response.
 *
 * @module
 */

import type { ReceiveEvent } from "../../pagi/types.ts";
import type { ListenerContext } from "../context.ts";
import type { RequestHead } from "../request_head.ts";
import { ResponseExchange } from "../response_exchange.ts";
import { receiveHttp } from "./receive.ts";
import { httpScope } from "./scope.ts";
import { sendHttp } from "./send.ts";

const DISCONNECT: ReceiveEvent = Object.freeze({ type: "http.disconnect" });

/** Serves one HTTP request with the app. */
export function serveHttp(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
): Response | Promise<Response> {
  const exchange = new HttpExchange(listener, request, info, head);
  exchange.boundStart();
  exchange.boundActivity();
  exchange.run();
  return exchange.response();
}

/** An exchange on an `http` scope. */
export class HttpExchange extends ResponseExchange {
  protected override callApp(): Promise<void> {
    return this.worker.app(
      httpScope(this),
      () => receiveHttp(this),
      (event) => sendHttp(this, event),
    );
  }

  protected override get disconnectEvent(): ReceiveEvent {
    return DISCONNECT;
  }
}
