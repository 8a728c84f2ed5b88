/** The certificate and key of TLS. */

import { isBadKeyPair } from "../engine/error_text.ts";
import type { Settings } from "../options/settings.ts";
import { dirname } from "../std/path.ts";
import { networkInterfaces, reachable } from "../system/network.ts";
import { ListenError } from "./listen_address.ts";
import { messageOf } from "../options/option_error.ts";

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const OTHERS_READ = 0o004;
const OTHERS_SEARCH = 0o001;

/** Contents of both files, read by a process that may read them. */
export interface KeyFiles {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** A PEM file and the option that names it. */
interface PemFile {
  readonly option: "--ssl-cert" | "--ssl-key";
  readonly path: string;
}

/** The pair of `--ssl-self-signed`: made once per process. */
let made: Promise<KeyPair> | null = null;

/** The names and addresses that a self-signed certificate is made for. */
function ownNames({ host, listen, allowedHosts }: Settings): string[] {
  const hosts = listen.flatMap((address) =>
    "host" in address ? [address.host] : []
  );
  const addresses = reachable(networkInterfaces()).map(({ address }) =>
    address
  );
  const names = ["localhost", "127.0.0.1", "::1", host, ...hosts, ...addresses];
  return [...new Set([...names, ...allowedHosts])].filter((name) =>
    !/^(?:0\.0\.0\.0|::|\*|loopback)$/.test(name) && !name.startsWith(".")
  );
}

/**
 * Reads `--ssl-cert` and `--ssl-key`, or makes a pair for `--ssl-self-signed`;
 * null if none is set.
 *
 * @param files Their contents, if they have been read already.
 * @throws {ListenError} When a file cannot be read, or the pair is not usable
 * for TLS; the message says why and what to do.
 */
export async function readKeyPair(
  settings: Settings,
  files: KeyFiles | null = null,
): Promise<KeyPair | null> {
  const { sslCert, sslKey, sslSelfSigned } = settings;
  if (sslSelfSigned) return await (made ??= makeKeyPair(settings));
  if (sslCert === null || sslKey === null) return null;
  return parseKeyPair(
    { option: "--ssl-cert", path: sslCert },
    files?.cert ?? await read({ option: "--ssl-cert", path: sslCert }),
    { option: "--ssl-key", path: sslKey },
    files?.key ?? await read({ option: "--ssl-key", path: sslKey }),
  );
}

async function makeKeyPair(settings: Settings): Promise<KeyPair> {
  const { selfSigned } = await import("./self_signed.ts");
  return await selfSigned(ownNames(settings));
}

/**
 * A warning if every user of this machine can read the private key; null if not,
 * or if that is unknown.
 */
export function keyExposure({ sslKey }: Settings): string | null {
  if (sslKey === null || Deno.build.os === "windows") return null;
  try {
    const real = Deno.realPathSync(sslKey);
    const { isFile, mode } = Deno.statSync(real);
    if (!isFile || !(mode! & OTHERS_READ)) return null;
    // Other users cannot read files in a folder that they may not search.
    for (let path = dirname(real); path !== dirname(path);) {
      if (!(Deno.statSync(path).mode! & OTHERS_SEARCH)) return null;
      path = dirname(path);
    }
    const octal = (mode! & 0o777).toString(8).padStart(4, "0");
    return `Every user of this machine can read the private key ${sslKey} (mode ${octal}). Restrict it to the server: chmod o-rwx ${sslKey}`;
  } catch {
    return null;
  }
}

/** Checks both files and decodes them. @throws {ListenError} */
function parseKeyPair(
  certFile: PemFile,
  certBytes: Uint8Array,
  keyFile: PemFile,
  keyBytes: Uint8Array,
): KeyPair {
  const cert = toPem(certFile, certBytes);
  const key = toPem(keyFile, keyBytes);
  const labels = { cert: labelsOf(cert), key: labelsOf(key) };
  if (!labels.cert.some((label) => /CERTIFICATE$/.test(label))) {
    refuse(certFile, whatIsThere(labels.cert, "certificate"));
  }
  if (!labels.key.some((label) => /PRIVATE KEY$/.test(label))) {
    refuse(keyFile, whatIsThere(labels.key, "private key"));
  }
  if (isEncrypted(key)) {
    refuse(
      keyFile,
      `the key is encrypted, and the server cannot ask for its passphrase. Decrypt it into a file that only the server can read: openssl pkey -in ${keyFile.path} -out key.pem`,
    );
  }
  if (labels.key.includes("OPENSSH PRIVATE KEY")) {
    refuse(
      keyFile,
      "it is an SSH key. Use the key that the certificate was made with",
    );
  }
  const problem = tryOut({ cert, key });
  if (problem !== null) {
    const place = placeOfLeaf(cert, key);
    if (place !== null) {
      refuse(
        certFile,
        `the certificate of the key must be the first, and it is number ${place}. Put it before those of its issuers`,
      );
    }
    throw new ListenError(
      `Cannot use --ssl-cert ${certFile.path} with --ssl-key ${keyFile.path}: ${problem}. Both must be PEM files that belong together.`,
    );
  }
  return { cert, key };
}

async function read({ option, path }: PemFile): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new ListenError(
      `Cannot read ${path} (${option}): ${messageOf(error)}`,
    );
  }
}

function refuse({ option, path }: PemFile, why: string): never {
  throw new ListenError(`Cannot use ${option} ${path}: ${why}.`);
}

/** The text of a PEM file (RFC 7468). @throws {ListenError} */
function toPem(file: PemFile, bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === undefined) refuse(file, "the file is empty");
  if ([first, second].sort().join() === "254,255") {
    refuse(file, "it is UTF-16 text. Save it as ASCII, without a BOM");
  }
  // An ASN.1 SEQUENCE with a length of more than one byte (X.690, 8.1.3.5).
  if (first === 0x30 && second > 0x80) refuse(file, binary(file, bytes));
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (text.includes("\ufeff")) {
    const where = text.startsWith("\ufeff") ? "begins with" : "contains";
    refuse(
      file,
      `it ${where} a byte order mark (BOM), which PEM does not allow. Save it without: sed -i 's/\\xEF\\xBB\\xBF//' ${file.path}`,
    );
  }
  return text;
}

function binary({ option, path }: PemFile, bytes: Uint8Array): string {
  // PKCS #12 begins with the integer 3, its version: RFC 7292, 4.
  const start = 2 + (bytes[1] & 0x7f);
  if ([...bytes.subarray(start, start + 3)].join() === "2,1,3") {
    const part = option === "--ssl-key" ? "-nocerts -nodes" : "-nokeys";
    return `it is PKCS #12 (.p12, .pfx), not PEM. Take out what is in it: openssl pkcs12 ${part} -in ${path} -out FILE`;
  }
  const command = option === "--ssl-key" ? "pkey" : "x509";
  return `it is binary (DER), not PEM. Convert it: openssl ${command} -inform DER -in ${path} -out FILE`;
}

function labelsOf(pem: string): string[] {
  return [...pem.matchAll(/-----BEGIN ([^-\n]+)-----/g)].map(([, label]) =>
    label
  );
}

function whatIsThere(labels: readonly string[], wanted: string): string {
  const [label] = labels;
  if (label === undefined) return `it holds no PEM, so no ${wanted}`;
  const swapped = wanted === "certificate"
    ? labels.some((label) => /PRIVATE KEY$/.test(label))
    : labels.some((label) => /CERTIFICATE$/.test(label));
  const hint = swapped ? "; --ssl-cert and --ssl-key may be swapped" : "";
  return `it holds no ${wanted}, but this: ${label.toLowerCase()}${hint}`;
}

/** True for PKCS #8 (label, RFC 7468, 11) and older formats (RFC 1421 header). */
function isEncrypted(key: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m
    .test(key);
}

/** Position of the key's certificate, if it is not the first; else null. */
function placeOfLeaf(cert: string, key: string): number | null {
  const each = cert.match(
    /-----BEGIN (?:\w+ )*CERTIFICATE-----[^]*?-----END (?:\w+ )*CERTIFICATE-----/g,
  ) ?? [];
  const index = each.findIndex((one, i) =>
    i > 0 && tryOut({ cert: one, key }) === null
  );
  return index < 0 ? null : index + 1;
}

/**
 * Listens with the pair on a random loopback port for a moment. Returns the
 * reason why the pair cannot be used; null if it can, or without permission to
 * listen there.
 */
function tryOut(pair: KeyPair): string | null {
  const net = { name: "net", host: "127.0.0.1:0" } as const;
  if (Deno.permissions.querySync(net).state !== "granted") return null;
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair }).close();
    return null;
  } catch (error) {
    if (!isBadKeyPair(error)) return null;
    return messageOf(error);
  }
}
