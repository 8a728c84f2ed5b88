/**
 * The tables of requests, row by row.
 *
 * @module
 */

import { assertEquals } from "../../../src/std/assert.ts";
import type { HttpScope } from "../../../src/pagi/types.ts";
import { CERTIFICATE, certificateFiles } from "../../helpers/certificate.ts";
import { httpApp, reply } from "../../helpers/http_app.ts";
import { get, SETTING } from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { withServer } from "../../helpers/with_server.ts";
import { HEADER_FIELDS } from "./header_fields.ts";
import { HOSTS_AND_PATHS } from "./hosts_and_paths.ts";

const REQUESTS = [...HOSTS_AND_PATHS, ...HEADER_FIELDS];

function described(scope: HttpScope): string {
  const fields = scope.headers.map((field) => field.join(": ")).join(", ");
  const { method, raw_path: path, query_string: query } = scope;
  return `${method} ${path} ${query || "-"} ${fields}`;
}

Deno.test("HTTP/2 on the wire: requests", async (t) => {
  let seen: HttpScope[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    const isRow = scope.path !== "/after";
    if (isRow) seen.push(scope);
    await reply(send, "", [], isRow ? 200 : 404);
  });
  await withServer(app, {}, async ({ port }) => {
    for (const row of REQUESTS) {
      await t.step(`${row.title} [RFC ${row.rfc}]`, async () => {
        seen = [];
        await using peer = await Http2Peer.open(port);
        const { outcome } = await peer.ask(1, row.fields);
        assertEquals(outcome, row.outcome);
        assertEquals(
          seen.map((scope) => described(scope).replace(`:${port}`, ":PORT")),
          row.app === undefined ? [] : [row.app],
        );
        const hasHost = row.fields.some(([name]) => name === "host");
        for (const { http_version: version } of seen) {
          assertEquals(version, hasHost ? "1.1" : "2");
        }
        // What is wrong with a stream does no harm to the connection.
        const after = (await peer.ask(3, get("/after"))).outcome;
        assertEquals(after, row.after ?? "404");
      });
    }
  });
});

Deno.test("HTTP/2 on the wire: all differences are in the README", async () => {
  const readme = await Deno.readTextFile(
    new URL("README.md", import.meta.url),
  );
  for (const { title, difference } of REQUESTS) {
    assertEquals(
      difference === undefined || readme.includes(title),
      true,
      `README.md does not name "${title}".`,
    );
  }
});

Deno.test("HTTP/2 on the wire: what the engine sets, and does not offer, by ALPN too", async () => {
  using files = certificateFiles();
  const app = httpApp((_scope, _receive, send) => reply(send));
  await withServer(app, { ...files }, async ({ port }) => {
    await using peer = await Http2Peer.open(port, { certificate: CERTIFICATE });
    const { settings } = peer;
    assertEquals(settings.get(SETTING.MAX_CONCURRENT_STREAMS), 200);
    assertEquals(settings.get(SETTING.MAX_HEADER_LIST_SIZE), 16384);
    assertEquals(settings.get(SETTING.INITIAL_WINDOW_SIZE), 1_048_576);
    // RFC 8441: no WebSockets over HTTP/2.
    assertEquals(settings.get(SETTING.ENABLE_CONNECT_PROTOCOL), undefined);
    assertEquals((await peer.ask(1, get("/"))).outcome, "200");
  });
});
