/**
 * Ranges of IP addresses (CIDR, RFC 4632).
 *
 * @module
 */

import { type IpAddress, parseIpAddress } from "./ip_address.ts";

/** All addresses that begin with the same bits. */
export interface AddressRange {
  readonly bytes: Uint8Array;
  /** How many bits count. */
  readonly prefix: number;
}

/** Reads `10.0.0.0/8`, `fd00::/8` or one address; null when it is neither. */
export function parseAddressRange(text: string): AddressRange | null {
  const [base, digits] = text.split(/\/(.*)/s, 2);
  const address = parseIpAddress(base);
  if (address === null) return null;
  const { bytes } = address;
  const bits = bytes.length * 8;
  if (digits === undefined) return { bytes, prefix: bits };
  if (!/^\d{1,3}$/.test(digits)) return null;
  // Of `::ffff:10.0.0.0/104` the last 32 bits are the address.
  const unused = bits === 32 && base.includes(":") ? 96 : 0;
  const prefix = Number(digits) - unused;
  return prefix >= 0 && prefix <= bits ? { bytes, prefix } : null;
}

/** Tells whether `address` is one of the range; IPv6 ranges hold no IPv4. */
export function isInRange(
  { bytes, prefix }: AddressRange,
  address: IpAddress,
): boolean {
  if (bytes.length !== address.bytes.length) return false;
  for (let i = 0, left = prefix; left > 0; i++, left -= 8) {
    const unlike = bytes[i] ^ address.bytes[i];
    if (unlike >> Math.max(8 - left, 0) !== 0) return false;
  }
  return true;
}
