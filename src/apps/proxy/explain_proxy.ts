/** What the proxy would send to its target for a request. */

import type { ConnectionScope, Explanation } from "../explain.ts";
import { type ProxyContext, refusalStatus } from "./client_uri.ts";
import { formatRequestHead, upstreamRequest } from "./upstream_request.ts";

const REFUSALS = {
  400: "its path leads out of that of the mount or the target",
  501: "a proxy cannot pass its method on",
  508: "it comes from this proxy itself, as its via field says",
};

/** Explains a request without connecting to any target. */
export function explainProxy(
  context: ProxyContext,
  scope: ConnectionScope,
): Explanation {
  const { upstreams, rules, limits } = context;
  const request = upstreamRequest(scope, rules);
  const status = refusalStatus(context, scope, request);
  if (status !== null) {
    const why = REFUSALS[status];
    return { lines: [`answers ${status} itself: ${why}`], status };
  }
  const [upstream] = upstreams.all;
  const { target } = upstream;
  const others = upstreams.targets.slice(1).map(({ url }) => url);
  const path = upstream.pathOf(request);
  const framing: [string, string][] = scope.type === "websocket"
    ? [["connection", "Upgrade"], ["upgrade", "websocket"]]
    : [];
  const head = formatRequestHead(request, target, path, framing).trimEnd();
  const seconds = (limit: number) => limit === 0 ? "no limit" : `${limit} s`;
  return {
    lines: [
      `target ${target.url}${
        others.length === 0 ? "" : `, in turn with ${others.join(", ")}`
      }`,
      "request that leaves, without the fields that frame its body:",
      ...head.split("\r\n").map((line) => `  ${line}`),
      `timeouts: connect ${
        seconds(upstream.settings.connectTimeout)
      }, first byte ${seconds(limits.firstByteTimeout)}, pause in a body ${
        seconds(limits.idleTimeout)
      }`,
    ],
    status: null,
  };
}
