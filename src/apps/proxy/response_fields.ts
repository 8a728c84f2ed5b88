/**
 * The header fields of an answer as the client gets them.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { hasLength } from "../../http/status.ts";
import type { HeaderList } from "../../pagi/types.ts";
import {
  type AddressView,
  clientCookie,
  clientRefresh,
  clientUri,
} from "./client_uri.ts";
import type { ProxyContext } from "./context.ts";
import { isHopByHop, listItems } from "./hop_by_hop.ts";
import type { ResponseHead } from "./response_head.ts";
import type { Target } from "./target.ts";
import type { ProxyScope, UpstreamRequest } from "./upstream_request.ts";

/**
 * Drops what concerns the connection to the target, and makes addresses and
 * cookies of the target those of the proxy. All others stay as they are, in
 * order.
 */
export function responseFields(
  { status, headers }: ResponseHead,
  context: ProxyContext,
  target: Target,
  scope: ProxyScope,
  request: UpstreamRequest,
): HeaderList {
  const options = new Set(listItems(headers, "connection"));
  const fields: HeaderList = [];
  let view: AddressView | null = null;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const drop = lower === "content-length"
      ? !hasLength(status)
      : isHopByHop(lower);
    if (drop || options.has(lower)) continue;
    switch (lower) {
      case "location":
      case "content-location":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientUri(value, view)]);
        break;
      case "refresh":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientRefresh(value, view)]);
        break;
      case "set-cookie":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientCookie(value, view, context.cookieDomain)]);
        break;
      default:
        fields.push([lower, value]);
    }
  }
  return fields;
}

function addressView(
  { upstreams }: ProxyContext,
  target: Target,
  { headers, scheme, root_path }: ProxyScope,
  { host, headers: told }: UpstreamRequest,
): AddressView {
  const first = (name: string) => fieldValue(told, name)?.split(",", 1)[0];
  const root = encodeURI(root_path.toWellFormed());
  return {
    target,
    targets: upstreams.targets,
    told: host ?? target.host,
    hosts: [fieldValue(headers, "host"), first("x-forwarded-host")]
      .flatMap((host) => host?.trim() || []),
    secure: scheme === "https" || scheme === "wss",
    root,
    prefix: first("x-forwarded-prefix") ?? root,
  };
}
