/**
 * IP addresses as text and as bytes.
 *
 * @module
 */

/** An IP address, told apart by its bytes. */
export interface IpAddress {
  /** As RFC 5952 writes it. */
  readonly text: string;
  /** Four or sixteen. */
  readonly bytes: Uint8Array;
}

/** Without leading zeros: some read them as octal. */
const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const IPV6 = /^[\da-f:.]{2,45}$/i;

/**
 * Reads an address without port, brackets or zone; null when it is none. An
 * IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is the IPv4 address it holds.
 */
export function parseIpAddress(text: string): IpAddress | null {
  if (IPV4.test(text)) {
    const bytes = text.split(".").map(Number);
    return bytes.some((byte) => byte > 255)
      ? null
      : { text, bytes: Uint8Array.from(bytes) };
  }
  // URLs hold the same addresses, and their reader knows every short form.
  const url = IPV6.test(text) ? URL.parse(`http://[${text}]/`) : null;
  if (url === null) return null;
  const canonical = url.hostname.slice(1, -1);
  const bytes = bytesOf(canonical);
  return bytes.subarray(0, 10).some(Boolean) || bytes[10] !== 0xff ||
      bytes[11] !== 0xff
    ? { text: canonical, bytes }
    : { text: bytes.slice(12).join("."), bytes: bytes.slice(12) };
}

/** The bytes of an IPv6 address that a URL has made canonical. */
function bytesOf(canonical: string): Uint8Array {
  const [start, end] = canonical.split("::").map((side) =>
    side === "" ? [] : side.split(":").map((group) => parseInt(group, 16))
  );
  const groups = end === undefined
    ? start
    : [...start, ...Array(8 - start.length - end.length).fill(0), ...end];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
