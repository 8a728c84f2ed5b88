/**
 * What proxies tell of a request's client: `x-forwarded-for` with
 * `x-forwarded-proto`, and `forwarded` (RFC 7239).
 *
 * Each proxy adds its own client at the right end, so only the right end is
 * known to come from the nearest proxy; anybody may have written the rest.
 * Everything here therefore reads from right to left, and nothing that stands
 * further left can change what was read.
 *
 * @module
 */

import type { Fields } from "./headers.ts";
import { type IpAddress, parseIpAddress } from "./ip_address.ts";

/** What is known of the client; null where it was not told. */
export interface ForwardedClient {
  /** Port 0 where it was not told. */
  readonly client: [host: string, port: number] | null;
  /** True when the client came by TLS. */
  readonly secure: boolean | null;
}

/** One proxy's word about its own client. */
interface Hop {
  readonly node: Node | null;
  readonly secure: boolean | null;
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
  for (const hop of hops(fields)) {
    secure = hop.secure ?? secure;
    if (hop.node === null) break;
    client = [hop.node.address.text, hop.node.port];
    if (!isTrusted(hop.node.address)) break;
  }
  return { client, secure };
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

const PAIR = /(?:^|;)[ \t]*(for|proto)=("(?:[^"\\]|\\.)*"|[^ \t;"]*)/gi;

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
