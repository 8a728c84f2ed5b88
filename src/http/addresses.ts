/**
 * IP addresses, ranges of them, and the client's address as trusted proxies
 * tell it.
 *
 * @module
 */

import type { Fields } from "./headers.ts";

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

/** All addresses that begin with the same bits. */
interface AddressRange {
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

/** What is known of the client; null where it was not told. */
export interface ForwardedClient {
  /** Port 0 where it was not told. */
  readonly client: [host: string, port: number] | null;
  /** True when the client came by TLS. */
  readonly secure: boolean | null;
  /** The host that it asked for, as the proxy wrote it. */
  readonly host: string | null;
}

/** One proxy's word about its own client. */
interface Hop {
  readonly node: Node | null;
  readonly secure: boolean | null;
  readonly host?: string;
}

interface Node {
  readonly address: IpAddress;
  readonly port: number;
}

/**
 * Finds the client of a request that came from a trusted proxy: the rightmost
 * address that is not itself a trusted proxy's, or the leftmost where all are.
 * What is no address (`unknown`, an obfuscated name, garbage) ends the search
 * at the proxy that said it.
 *
 * Where there is `x-forwarded-for`, `forwarded` is not looked at: nearly all
 * proxies write the former, and pass a `forwarded` on as the client made it up.
 *
 * @param fields With lower-case names.
 */
export function forwardedClient(
  fields: Fields,
  isTrusted: (address: IpAddress) => boolean,
): ForwardedClient {
  let client: [string, number] | null = null;
  let secure: boolean | null = null;
  const hosts = fields.filter(([name]) => name === "x-forwarded-host");
  let host = hosts.length > 0
    ? hosts.map(([, value]) => value.trim()).join()
    : null;
  for (const hop of hops(fields)) {
    secure = hop.secure ?? secure;
    host = hop.host ?? host;
    if (hop.node === null) break;
    client = [hop.node.address.text, hop.node.port];
    if (!isTrusted(hop.node.address)) break;
  }
  return { client, secure, host };
}

/** The nearest proxy's word first. */
function* hops(fields: Fields): Iterable<Hop> {
  const nodes = itemsFromRight(fields, "x-forwarded-for");
  const elements = nodes.length > 0 ? [] : itemsFromRight(fields, "forwarded");
  for (const element of elements) yield readElement(element);
  if (elements.length > 0) return;

  const schemes = itemsFromRight(fields, "x-forwarded-proto");
  if (nodes.length === 0) yield { node: null, secure: isSecure(schemes[0]) };
  for (const [i, node] of nodes.entries()) {
    // Proxies that append say one for each; others say one, or pass it on.
    const scheme = schemes[schemes.length === nodes.length ? i : 0];
    yield { node: readNode(node), secure: isSecure(scheme) };
  }
}

/** The items of a list, split at commas outside of quotes, the last one first. */
function itemsFromRight(fields: Fields, name: string): string[] {
  const list = fields.filter(([key]) => key === name)
    .map(([, value]) => value).join(",");
  const items: string[] = [];
  let end = list.length;
  let quoted = false;
  for (let at = end - 1; at >= -1; at--) {
    if (list[at] === '"' && !isEscaped(list, at)) quoted = !quoted;
    if (at >= 0 && (quoted || list[at] !== ",")) continue;
    const item = list.slice(at + 1, end).trim();
    if (item !== "") items.push(item);
    end = at;
  }
  return items;
}

function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text[start - 1] === "\\") start--;
  return (at - start) % 2 === 1;
}

const PAIR = /(?:^|;)[ \t]*(for|host|proto)=("(?:[^"\\]|\\.)*"|[^ \t;"]*)/gi;

/** One element of `forwarded` (RFC 7239, section 4). */
function readElement(element: string): Hop {
  const pairs = new Map<string, string>();
  for (const [, name, value] of element.matchAll(PAIR)) {
    const bare = value.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/gs, "$1");
    pairs.set(name.toLowerCase(), bare);
  }
  return {
    node: readNode(pairs.get("for") ?? ""),
    secure: isSecure(pairs.get("proto")),
    host: pairs.get("host"),
  };
}

const BRACKETED = /^\[([^\]]*)\](?::(.*))?$/s;
const WITH_PORT = /^([^:]*)(?::([^:]*))?$/s;

/** An address, perhaps with a port (RFC 7239, section 6); null for all else. */
function readNode(text: string): Node | null {
  const [, host, digits] = BRACKETED.exec(text) ?? WITH_PORT.exec(text) ??
    ["", text];
  const address = parseIpAddress(host);
  const port = readPort(digits);
  return address === null || port === null ? null : { address, port };
}

function readPort(text: string | undefined): number | null {
  if (text === undefined || /^_[\w.-]+$/.test(text)) return 0;
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : null;
}

function isSecure(scheme: string | undefined): boolean | null {
  switch (scheme?.toLowerCase()) {
    case "https":
    case "wss":
      return true;
    case "http":
    case "ws":
      return false;
    default:
      return null;
  }
}
