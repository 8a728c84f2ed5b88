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

/** The files of a certificate and its key, removed when disposed of. */
export interface CertificateFiles extends Disposable {
  readonly sslCert: string;
  readonly sslKey: string;
}

/** Writes the files; `wrong` stands in for what the key or both should hold. */
export function certificateFiles(
  wrong: { cert?: string; key?: string } = {},
): CertificateFiles {
  const folder = tempFolder("pagi tls ");
  const sslCert = join(folder, "cert.pem");
  const sslKey = join(folder, "key.pem");
  Deno.writeTextFileSync(sslCert, wrong.cert ?? cert);
  Deno.writeTextFileSync(sslKey, wrong.key ?? key);
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
