/**
 * IP addresses, ranges of them, and the client's address according to trusted
 * proxies.
 */

import type { Fields } from "./headers.ts";

/** An IP address. */
export interface IpAddress {
  /** In the form of RFC 5952. */
  readonly text: string;
  /** Four or sixteen. */
  readonly bytes: Uint8Array;
}

/** Without leading zeros, which some programs read as octal. */
const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const IPV6 = /^[\da-f:.]{2,45}$/i;

/**
 * Parses an address without port, brackets or zone; null if it is invalid. An
 * IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) becomes the IPv4 address.
 */
export function parseIpAddress(text: string): IpAddress | null {
  if (IPV4.test(text)) {
    const bytes = text.split(".").map(Number);
    return bytes.some((byte) => byte > 255)
      ? null
      : { text, bytes: Uint8Array.from(bytes) };
  }
  // URLs contain the same addresses, and `URL` parses every short form.
  const url = IPV6.test(text) ? URL.parse(`http://[${text}]/`) : null;
  if (url === null) return null;
  const canonical = url.hostname.slice(1, -1);
  const bytes = bytesOf(canonical);
  return bytes.subarray(0, 10).some(Boolean) || bytes[10] !== 0xff ||
      bytes[11] !== 0xff
    ? { text: canonical, bytes }
    : { text: bytes.slice(12).join("."), bytes: bytes.slice(12) };
}

/** The bytes of an IPv6 address in the canonical form of `URL`. */
function bytesOf(canonical: string): Uint8Array {
  const [start, end] = canonical.split("::").map((side) =>
    side === "" ? [] : side.split(":").map((group) => parseInt(group, 16))
  );
  const groups = end === undefined
    ? start
    : [...start, ...Array(8 - start.length - end.length).fill(0), ...end];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The addresses that begin with the same bits. */
interface AddressRange {
  readonly bytes: Uint8Array;
  /** The number of those bits. */
  readonly prefix: number;
}

/** Parses `10.0.0.0/8`, `fd00::/8` or one address; null if it is invalid. */
export function parseAddressRange(text: string): AddressRange | null {
  const [base, digits] = text.split(/\/(.*)/s, 2);
  const address = parseIpAddress(base);
  if (address === null) return null;
  const { bytes } = address;
  const bits = bytes.length * 8;
  if (digits === undefined) return { bytes, prefix: bits };
  if (!/^\d{1,3}$/.test(digits)) return null;
  // In `::ffff:10.0.0.0/104`, the last 32 bits are the address.
  const unused = bits === 32 && base.includes(":") ? 96 : 0;
  const prefix = Number(digits) - unused;
  return prefix >= 0 && prefix <= bits ? { bytes, prefix } : null;
}

/** Whether a range contains `address`, of the same IP version. */
export function isInRange(
  { bytes, prefix }: AddressRange,
  address: IpAddress,
): boolean {
  if (bytes.length !== address.bytes.length) return false;
  for (let i = 0, left = prefix; left > 0; i++, left -= 8) {
    const difference = bytes[i] ^ address.bytes[i];
    if (difference >> Math.max(8 - left, 0) !== 0) return false;
  }
  return true;
}

/** The client according to proxies; null for what they did not send. */
export interface ForwardedClient {
  /** The port is 0 if it was not sent. */
  readonly client: [host: string, port: number] | null;
  /** True if the client used TLS. */
  readonly secure: boolean | null;
  /** The host in its request, as the proxy sent it. */
  readonly host: string | null;
}

/** What one proxy sent about its own client. */
interface Hop {
  readonly node: Node | null;
  readonly secure: boolean | null;
  readonly host?: string;
}

interface Node {
  readonly address: IpAddress;
  readonly port: number;
}

const HOST = "x-forwarded-host";

/**
 * Finds the client of a request from a trusted proxy: the rightmost address
 * that is not that of a trusted proxy, or the leftmost if all are. The search
 * ends at a proxy that sent anything else (`unknown`, an obfuscated name).
 *
 * If there is `x-forwarded-for`, `forwarded` is ignored: nearly all proxies
 * write the former, and pass on a `forwarded` that a client made up.
 *
 * @param fields With lower-case names.
 */
export function forwardedClient(
  fields: Fields,
  isTrusted: (address: IpAddress) => boolean,
): ForwardedClient {
  let client: [string, number] | null = null;
  let secure: boolean | null = null;
  const isSent = fields.some(([name]) => name === HOST);
  let host = isSent ? itemsFromRight(fields, HOST)[0] ?? "" : null;
  for (const hop of hops(fields)) {
    secure = hop.secure ?? secure;
    host = hop.host ?? host;
    if (hop.node === null) break;
    client = [hop.node.address.text, hop.node.port];
    if (!isTrusted(hop.node.address)) break;
  }
  return { client, secure, host };
}

/** From the nearest proxy on. */
function* hops(fields: Fields): Iterable<Hop> {
  const nodes = itemsFromRight(fields, "x-forwarded-for");
  const elements = nodes.length > 0 ? [] : itemsFromRight(fields, "forwarded");
  for (const element of elements) yield readElement(element);
  if (elements.length > 0) return;

  const schemes = itemsFromRight(fields, "x-forwarded-proto");
  const hosts = itemsFromRight(fields, HOST);
  // Proxies that append send one for each hop; others send only one.
  const at = (list: readonly string[], hop: number): string | undefined =>
    list[list.length === nodes.length ? hop : 0];
  for (let hop = 0; hop < Math.max(1, nodes.length); hop++) {
    yield {
      node: hop < nodes.length ? readNode(nodes[hop]) : null,
      secure: isSecure(at(schemes, hop)),
      host: at(hosts, hop),
    };
  }
}

/** The items of a comma-separated list, the last one first. */
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

/** An address, perhaps with a port (RFC 7239, section 6); null if invalid. */
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
  const name = scheme?.toLowerCase();
  if (name === "https" || name === "wss") return true;
  return name === "http" || name === "ws" ? false : null;
}

/** True for 127.0.0.0/8 and ::1 (RFC 6890). */
export function isLoopback(address: string): boolean {
  const bytes = parseIpAddress(address)?.bytes;
  return bytes !== undefined &&
    (bytes.length === 4
      ? bytes[0] === 127
      : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0)));
}

/** A host as a URL has it: an IPv6 address in brackets (RFC 3986, 3.2.2). */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
