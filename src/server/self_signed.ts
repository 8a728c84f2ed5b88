/**
 * A certificate for development: made at the start, kept in memory, trusted by
 * nobody (X.509 v3, RFC 5280, in DER, X.690).
 *
 * The packages that make certificates bring 15 others of 10 MB; one fixed form
 * takes a page.
 */

const DAY_MS = 86_400_000;
/** How long the certificate is valid (days): some clients refuse more than 398. */
const VALID_DAYS = 397;

/** Tags of X.690, 8.1.2, and of the choices in RFC 5280, 4.2.1.6. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
  ipAddress: 0x87,
} as const;

/** Object identifiers, encoded: RFC 5758, 3.2, and RFC 5280, 4.1.2.4 and 4.2. */
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

type Bytes = readonly number[] | Uint8Array;

/**
 * Makes a certificate, signed with its own new key, for host names and IP
 * addresses; both in PEM.
 */
export async function selfSigned(
  names: readonly string[],
): Promise<{ readonly cert: string; readonly key: string }> {
  const keys = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  const exported = async (format: "spki" | "pkcs8", key: CryptoKey) =>
    new Uint8Array(await crypto.subtle.exportKey(format, key));
  const algorithm = sequence(der(TAG.objectId, OID.ecdsaWithSha256));
  const issuer = sequence(der(
    TAG.set,
    sequence(
      der(TAG.objectId, OID.commonName),
      der(TAG.utf8String, utf8("pagi-server, for development")),
    ),
  ));
  const certificate = sequence(
    der(TAG.version, integer([2])), // v3
    integer(crypto.getRandomValues(new Uint8Array(16))),
    algorithm,
    issuer,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + VALID_DAYS * DAY_MS)),
    issuer,
    await exported("spki", keys.publicKey),
    der(
      TAG.extensions,
      sequence(
        extension(OID.basicConstraints, sequence(), true),
        extension(OID.keyUsage, der(TAG.bitString, [7, 0x80]), true), // signs
        extension(
          OID.extendedKeyUsage,
          sequence(der(TAG.objectId, OID.serverAuth)),
        ),
        extension(OID.subjectAltName, sequence(...names.map(altName))),
      ),
    ),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      keys.privateKey,
      certificate,
    ),
  );
  const half = signature.length / 2;
  // Web Crypto gives r and s in a row; a certificate has them as integers.
  const signed = sequence(
    integer(signature.subarray(0, half)),
    integer(signature.subarray(half)),
  );
  return {
    cert: pem(
      "CERTIFICATE",
      sequence(certificate, algorithm, der(TAG.bitString, [0], signed)),
    ),
    key: pem("PRIVATE KEY", await exported("pkcs8", keys.privateKey)),
  };
}

function der(tag: number, ...contents: Bytes[]): Uint8Array<ArrayBuffer> {
  const content = contents.flatMap((bytes) => [...bytes]);
  const { length } = content;
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return new Uint8Array([tag, ...size, ...content]);
}

function sequence(...contents: Bytes[]): Uint8Array<ArrayBuffer> {
  return der(TAG.sequence, ...contents);
}

/** An unsigned number: no zeros in front, but for one before a high bit. */
function integer(bytes: Bytes): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? [0] : [...bytes.slice(start)];
  return der(TAG.integer, digits[0] >= 0x80 ? [0, ...digits] : digits);
}

function time(ms: number): Uint8Array {
  // UTCTime, which holds until 2049: YYMMDDhhmmssZ.
  const digits = new Date(ms).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(TAG.utcTime, utf8(`${digits}Z`));
}

function extension(
  id: Bytes,
  value: Uint8Array,
  critical = false,
): Uint8Array {
  return sequence(
    der(TAG.objectId, id),
    critical ? der(TAG.boolean, [0xff]) : [],
    der(TAG.octetString, value),
  );
}

function altName(name: string): Uint8Array {
  const address = ipBytes(name);
  return address === null
    ? der(TAG.dnsName, utf8(name))
    : der(TAG.ipAddress, address);
}

/** The bytes of an IP address; null for a host name. */
function ipBytes(name: string): number[] | null {
  if (/^\d+(?:\.\d+){3}$/.test(name)) return name.split(".").map(Number);
  if (!name.includes(":")) return null;
  const [head, tail] = name.split("::").map((part) =>
    part.split(":").filter(Boolean)
  );
  const groups = tail === undefined
    ? head
    : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return groups.flatMap((group) => {
    const number = parseInt(group, 16);
    return [number >> 8, number & 0xff];
  });
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
