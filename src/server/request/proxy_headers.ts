/** `--proxy-headers`: the client's address as a trusted proxy forwards it. */

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

/** Finds the client of a request; null if the peer is not a trusted proxy. */
export type FindClient = (
  peer: Deno.Addr,
  headers: HeaderList,
) => ForwardedClient | null;

/** Compiles `--proxy-headers` and `--trusted-proxies`; null if they are off. */
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
