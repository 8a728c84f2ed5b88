/**
 * PEM files for servers that tests talk to over TLS.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { join } from "../../src/std/path.ts";
import { cert, key } from "../guard/certificate.ts";
import { tempFolder } from "./temp_folder.ts";

/** The certificate, for `localhost` and `127.0.0.1`: clients must trust it. */
export const CERTIFICATE = cert;

/** The key of {@linkcode CERTIFICATE}. */
export const KEY = key;

/** Another certificate, for another key that nobody has. */
export const OTHER_CERTIFICATE = `\
-----BEGIN CERTIFICATE-----
MIIBijCCATGgAwIBAgIUEctlud4V89sKTskdwOjK+5A16ZEwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPSXNzdWVyIG9mIHRlc3RzMCAXDTI2MTEyODEwMjQ1OVoYDzIx
MjYxMTA0MTAyNDU5WjAaMRgwFgYDVQQDDA9Jc3N1ZXIgb2YgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASvZnYwVbiSrkJGazWvKQPG3XzQBWMs4UGbnpMj
MEj/vfFRwodk2ccTc4whziCtmL5aqQS2SWj5YDdP+JB6GxrMo1MwUTAdBgNVHQ4E
FgQUCOn1Bm7oJ7jRJhOhHj3T7Af8d6cwHwYDVR0jBBgwFoAUCOn1Bm7oJ7jRJhOh
Hj3T7Af8d6cwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAQzYfD
EiGgIZ0kYZdJbr4VHn+MDzcbz13CNjH3xfI0awIgatF6j2Krqi3AfWGFxkRxPbWy
n5gDX9mpvAkMSvpTe6g=
-----END CERTIFICATE-----
`;

/** The files of a certificate and its key, removed when disposed of. */
export interface CertificateFiles extends Disposable {
  readonly sslCert: string;
  readonly sslKey: string;
}

/** Writes the files; `wrong` stands in for what the key or both should hold. */
export function certificateFiles(
  wrong: { cert?: string | Uint8Array; key?: string | Uint8Array } = {},
): CertificateFiles {
  const folder = tempFolder("pagi tls ");
  const sslCert = join(folder, "cert.pem");
  const sslKey = join(folder, "key.pem");
  const bytes = (given: string | Uint8Array): Uint8Array =>
    typeof given === "string" ? new TextEncoder().encode(given) : given;
  Deno.writeFileSync(sslCert, bytes(wrong.cert ?? cert));
  Deno.writeFileSync(sslKey, bytes(wrong.key ?? key), { mode: 0o600 });
  return {
    sslCert,
    sslKey,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

/** A good key that belongs to no certificate. */
export function otherKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
