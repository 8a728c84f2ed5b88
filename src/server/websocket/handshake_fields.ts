/**
 * The header fields of a WebSocket's handshake.
 *
 * @module
 */

import type { HeaderList } from "../../pagi/types.ts";

/** What the server answers by itself (RFC 6455, section 4.2.2). */
const OWN = /^(upgrade|sec-websocket-(accept|extensions|key|version))$/i;

/**
 * The fields without those that are the server's: a second value of one makes
 * clients fail the connection (RFC 6455, section 4.1). Subprotocols are for
 * the app to choose.
 */
export function withoutHandshake(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => !OWN.test(name));
}
