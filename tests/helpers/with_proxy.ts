/**
 * A real server that is a proxy.
 *
 * @module
 */

import { ProxyApp } from "../../src/apps/proxy.ts";
import { type TestServer, withServer } from "./with_server.ts";

/** Runs `body` against a server that passes everything on to `target`. */
export async function withProxy(
  target: string,
  body: (test: TestServer) => Promise<void>,
  options: Record<string, unknown> = {},
): Promise<void> {
  using proxy = new ProxyApp({ target, ...options });
  await withServer(proxy.toApp(), { maxBodySize: 0 }, body);
}
