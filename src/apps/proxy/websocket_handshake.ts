/**
 * The proxy's opening handshake with a target (RFC 6455, section 4.1).
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { listItems } from "./hop_by_hop.ts";
import type { ResponseHead } from "./response_head.ts";

/** A new `sec-websocket-key`. */
export function handshakeKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/** The fields that ask for a WebSocket; extensions are not asked for. */
export function handshakeFields(key: string): HeaderList {
  return [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
  ];
}

/** The `sec-websocket-accept` that answers `key`. */
export async function acceptValue(key: string): Promise<string> {
  const text = `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const bytes = new TextEncoder().encode(text);
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)));
}

/**
 * Tells whether an answer agrees to the WebSocket that `key` asked for, with
 * one of the `offered` subprotocols or none, and with no extension (RFC 6455,
 * section 4.1).
 */
export async function isAgreement(
  { headers }: ResponseHead,
  key: string,
  offered: readonly string[],
): Promise<boolean> {
  const subprotocol = fieldValue(headers, "sec-websocket-protocol");
  const accept = fieldValue(headers, "sec-websocket-accept");
  return fieldValue(headers, "upgrade")?.toLowerCase() === "websocket" &&
    listItems(headers, "connection").includes("upgrade") &&
    accept === await acceptValue(key) &&
    fieldValue(headers, "sec-websocket-extensions") === null &&
    (subprotocol === null || offered.includes(subprotocol));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
