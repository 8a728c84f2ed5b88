/**
 * What the scopes of all network connections share.
 *
 * @module
 */

import type { NetScope, PagiInfo, PagiTransport } from "../pagi/types.ts";
import type { Exchange } from "./exchange.ts";

/** The version of the protocol (PAGI.md 8, item 2). */
export const PAGI: PagiInfo = Object.freeze({
  version: "0.3",
  spec_version: "0.3",
});

/** The shared part of a scope: a plain object, so that middleware can copy it. */
export function netScope<Type extends string, Scheme extends string>(
  exchange: Exchange,
  type: Type,
  scheme: Scheme,
  transport: PagiTransport,
): NetScope & { type: Type; scheme: Scheme } {
  const { head, listener, client } = exchange;
  const { state, settings } = exchange.worker;
  // In one piece: each field that comes later costs more.
  const scope: NetScope & { type: Type; scheme: Scheme } = {
    type,
    pagi: PAGI,
    http_version: head.http2 ? "2" : "1.1",
    scheme,
    path: head.path,
    raw_path: head.rawPath,
    query_string: head.query,
    root_path: settings.rootPath,
    headers: head.headers,
    server: listener.server,
    extensions: listener.httpExtensions,
    "pagi.transport": transport,
  };
  if (client !== undefined) scope.client = client;
  if (head.emptyQuery) scope["pagi.empty_query"] = 1;
  if (state !== null) scope.state = { ...state };
  return scope;
}
