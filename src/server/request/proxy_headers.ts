/**
 * `--proxy-headers`: the client as a trusted proxy tells of it.
 *
 * @module
 */

import {
  type ForwardedClient,
  forwardedClient,
  type IpAddress,
  isInRange,
  parseAddressRange,
  parseIpAddress,
} from "../../http/addresses.ts";
import type { Settings } from "../../options/settings.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** Who asks; null where the peer is no proxy that may say so. */
export type FindClient = (
  peer: Deno.Addr,
  headers: HeaderList,
) => ForwardedClient | null;

/** What `--proxy-headers` and `--trusted-proxies` ask for; null for nothing. */
export function compileProxyHeaders(
  { proxyHeaders, trustedProxies }: Settings,
): FindClient | null {
  if (!proxyHeaders) return null;
  const trustsUnix = trustedProxies.includes("unix:");
  const ranges = trustedProxies.flatMap((text) =>
    parseAddressRange(text) ?? []
  );
  const isTrusted = (address: IpAddress): boolean =>
    ranges.some((range) => isInRange(range, address));

  // Proxies are few: the next request is most likely from the same one.
  let lastPeer = "";
  let trustsLast = false;
  const trustsPeer = (peer: Deno.Addr): boolean => {
    if (!("hostname" in peer)) return trustsUnix;
    if (peer.hostname !== lastPeer) {
      const address = parseIpAddress(peer.hostname);
      lastPeer = peer.hostname;
      trustsLast = address !== null && isTrusted(address);
    }
    return trustsLast;
  };
  return (peer, headers) =>
    trustsPeer(peer) ? forwardedClient(headers, isTrusted) : null;
}
