/**
 * TLS to targets whose certificates Deno's own TLS does not take.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { tlsFault } from "../../engine/error_text.ts";
import type { Target } from "./target.ts";

/** What a connection to a target can do; a `Deno.Conn` is one. */
export interface UpstreamSocket {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** Whom to trust. */
export interface TrustSettings {
  /** Authorities in PEM that are trusted besides the usual ones. */
  readonly caCerts: string[];
  /** False takes any certificate. */
  readonly verify: boolean;
}

/**
 * Connects with TLS by `node:tls`, which knows what `Deno.startTls` does not
 * (2.9.6): to take any certificate, one for another name, and a self-signed one
 * that says of itself that it may sign others, as `openssl req -x509` makes
 * them (webpki refuses these as CaUsedAsEndEntity).
 *
 * A certificate that `caCerts` holds itself is taken whatever name it is for:
 * nobody else has its key. For any other, authority and name are checked.
 */
export async function connectByNode(
  { hostname, port }: Target,
  { caCerts, verify }: TrustSettings,
  signal: AbortSignal,
): Promise<UpstreamSocket> {
  const { checkServerIdentity, connect } = await import("node:tls");
  const pinned = caCerts.flatMap(certificatesIn);
  const isAddress = /^[\d.]+$|:/.test(hostname);
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port,
      servername: isAddress ? undefined : hostname,
      ca: caCerts.length > 0 ? caCerts : undefined,
      rejectUnauthorized: verify,
      ALPNProtocols: ["http/1.1"],
      checkServerIdentity: (name, certificate) =>
        pinned.some((bytes) => isSame(bytes, certificate.raw))
          ? undefined
          : checkServerIdentity(name, certificate),
    }, () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", reject);
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      resolve(new NodeSocket(socket));
    });
    const abort = (): void => void socket.destroy(new Error("aborted"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    socket.on("error", reject);
  });
}

/** A socket of Node's, used as one of Deno's. */
class NodeSocket implements UpstreamSocket {
  readonly #socket: TLSSocket;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#pieces = socket.iterator({ destroyOnReturn: false });
    // Whoever reads or writes is told of it.
    socket.on("error", () => {});
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#rest.byteLength === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, into.byteLength);
    this.#rest = this.#rest.subarray(part.byteLength);
    into.set(part);
    return part.byteLength;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(
        bytes,
        (error) => error ? reject(error) : resolve(bytes.byteLength),
      )
    );
  }

  close(): void {
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }
}

const PEM = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;

/** The certificates of a PEM file as they go over the wire (DER). */
function certificatesIn(pem: string): Uint8Array[] {
  return [...pem.matchAll(PEM)].map(([, text]) =>
    Uint8Array.from(atob(text.replace(/\s/g, "")), (c) => c.charCodeAt(0))
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}

const ANY = "verify=0 takes any certificate, of whomever is there.";
const NO_CERTIFICATE =
  "It may want a certificate of the proxy, which shows none, or other ciphers.";

/** What a user can do about a target that TLS fails with, or "". */
export function tlsAdvice(error: unknown, name: string): string {
  switch (tlsFault(error)) {
    case "other name":
      return `Its certificate is for another name than ${name}: use that name in target, or add the certificate itself to the authorities in ca_cert=FILE; ${ANY}`;
    case "out of date":
      return `Its certificate has expired or is not valid yet: it has to be renewed; ${ANY}`;
    case "untrusted":
      return `Its certificate is not of an authority that is trusted: name the authority, or the certificate itself where it is self-signed, with ca_cert=FILE; ${ANY}`;
    case "certificate refused":
      return `Its certificate was refused: name it itself with ca_cert=FILE where it is self-signed; ${ANY}`;
    case "no TLS":
      return "It speaks no TLS: write http in place of https.";
    case "old TLS":
      return "It knows no TLS from 1.2 on.";
    case "certificate wanted":
    case "handshake refused":
      return NO_CERTIFICATE;
    case null:
      return "";
  }
}
