/** Causes of errors that only the text of the error gives. */

import { Door } from "./door.ts";

const WORDS = new Door({
  name: "error texts",
  gives: "what went wrong with a WebSocket, a body, an address or TLS",
  otherwise: "causes of errors are told less exactly",
  source: "denoland/deno ext/websocket/lib.rs, ext/http, ext/net",
}, () => true);

/** The text of an error; "" when the door is shut. */
function textOf(error: unknown): string {
  if (!WORDS.isOpen) return "";
  return error instanceof Error ? error.message : String(error);
}

/** The cause of an error of a WebSocket. */
export type WebSocketFault =
  | "not UTF-8"
  | "too large"
  | "violation"
  | "write failed";

/** The engine's texts for it, the more specific ones first. */
const WEBSOCKET_FAULTS: readonly (readonly [RegExp, WebSocketFault])[] = [
  [/^Invalid (UTF-8|string data)/, "not UTF-8"],
  [/^Frame too large/, "too large"],
  [/^(Invalid|Reserved bits|Control frame|Ping frame)/, "violation"],
  [/^Failed to send|broken pipe/i, "write failed"],
];

/**
 * The cause that the message of a WebSocket's error event gives; null when the
 * peer has disconnected or the text is not known.
 */
export function webSocketFault(message: string): WebSocketFault | null {
  if (!WORDS.isOpen) return null;
  return WEBSOCKET_FAULTS.find(([words]) => words.test(message))?.[1] ?? null;
}

/** True when reading a request body failed because the client disconnected. */
export function isClientGone(error: unknown): boolean {
  return /unavailable|closed|reset|eof|incomplete/i.test(textOf(error));
}

/** True when a host name has no address. */
export function isUnknownHost(error: unknown): boolean {
  return /lookup|resolve|name or service/i.test(textOf(error));
}

/** True when listening failed because of the certificate or its key. */
export function isBadKeyPair(error: unknown): boolean {
  return /certificate|key|pem|tls/i.test(textOf(error));
}

/** Why something cannot be imported. */
type MissingImport =
  | "undeclared"
  | "not installed"
  | "not fetched"
  | "unknown package"
  | "no file"
  | "not readable";

/** Deno's texts for it with what is missing, the more specific ones first. */
const MISSING_IMPORTS: readonly (readonly [RegExp, MissingImport])[] = [
  [/(?:Import "([^"]*)" )?not a dependency/, "undeclared"],
  [/npm package '([^']*)' does not exist/, "unknown package"],
  [/Import '([^']*)' failed\.\s+0: Permission denied/, "not readable"],
  [/node_modules|deno install/, "not installed"],
  [
    /error sending request|failed to load|Failed loading|list of packages|Module not found:? "?(?:npm|jsr|https?):/,
    "not fetched",
  ],
  [/Module not found:? "?(file:[^"\s]*)/, "no file"],
];

/** What `require` throws for a package, and not for a file. */
const REQUIRED_PACKAGE = /^Cannot find module '[^./]/;

/**
 * Why an import failed, and the name or URL that Deno gives for what is missing
 * ("" where it gives none); null for any other error.
 */
export function missingImport(
  error: unknown,
): { readonly why: MissingImport; readonly what: string } | null {
  const text = textOf(error);
  if (REQUIRED_PACKAGE.test(text)) return { why: "not installed", what: "" };
  if (!(error instanceof TypeError)) return null;
  for (const [words, why] of MISSING_IMPORTS) {
    const found = words.exec(text);
    if (found !== null) return { why, what: found[1] ?? "" };
  }
  return null;
}

/**
 * The name that a module uses and does not have, as `require`; null for any
 * other error.
 */
export function undefinedName(error: unknown): string | null {
  if (!(error instanceof ReferenceError)) return null;
  return /^(\w+) is not defined$/.exec(textOf(error))?.[1] ?? null;
}

/** Deno's text without what it says of its own command line. */
export function withoutHints(text: string): string {
  return text.replace(/^ +hint: .*\n?/gm, "")
    .replace(" or run with --sloppy-imports", "");
}

/** True when TLS failed because the server's certificate was refused. */
export function isRefusedCertificate(error: unknown): boolean {
  return textOf(error).includes("invalid peer certificate");
}

/** Why a TLS connection to a server failed. */
type TlsFault =
  | "other name"
  | "out of date"
  | "untrusted"
  | "certificate wanted"
  | "certificate refused"
  | "no TLS"
  | "old TLS"
  | "handshake refused";

/** Deno's and Node's texts for it, the more specific ones first. */
const TLS_FAULTS: readonly (readonly [RegExp, TlsFault])[] = [
  [/not valid for name|NotValidForName|ALTNAME_INVALID/, "other name"],
  [/expired|not valid yet|NotValidYet|NOT_YET_VALID/i, "out of date"],
  [
    /UnknownIssuer|BadSignature|CaUsedAsEndEntity|SELF_SIGNED|UNABLE_TO_/,
    "untrusted",
  ],
  [/certificate ?required/i, "certificate wanted"],
  [/certificate/i, "certificate refused"],
  [/corrupt message|InvalidContentType|WRONG_VERSION/i, "no TLS"],
  [/ProtocolVersion/, "old TLS"],
  [/HandshakeFailure/, "handshake refused"],
];

/** Why a TLS connection to a server failed; null if the text is not known. */
export function tlsFault(error: unknown): TlsFault | null {
  const text = `${textOf(error)} ${(error as { code?: string })?.code ?? ""}`;
  return TLS_FAULTS.find(([words]) => words.test(text))?.[1] ?? null;
}

const ABORT_WARNING =
  "Deno.serve: request.signal aborts on successful responses";

/**
 * Hides a warning that Deno prints once per thread: that `request.signal` aborts
 * after successful responses as well. Apps get signals from the server, so it
 * does not apply. Only `deno.json` can change the behaviour, and a server that
 * runs as a package has none (denoland/deno#34397).
 */
export function hideAbortWarning(): void {
  const { warn } = console;
  console.warn = (...words: unknown[]): void => {
    const isKnown = WORDS.isOpen && String(words[0]).startsWith(ABORT_WARNING);
    if (!isKnown) warn.apply(console, words);
  };
}
