/**
 * Whatever reads what a client or a target of the proxy sends takes a time that
 * grows with the length of it, and not with its square.
 *
 * @module
 */

import {
  clientCookie,
  clientRefresh,
  clientUri,
  type UriMapping,
} from "../src/apps/proxy/client_uri.ts";
import { parseResponseHead } from "../src/apps/proxy/response.ts";
import { parseTarget } from "../src/apps/proxy/target.ts";
import { escapesRoot } from "../src/apps/proxy/escapes_root.ts";
import { requestPath } from "../src/apps/proxy/upstream_path.ts";
import {
  requestRules,
  upstreamRequest,
} from "../src/apps/proxy/upstream_request.ts";
import * as files from "../src/apps/files/request_path.ts";
import { readListingQuery } from "../src/apps/files/listing_page.ts";
import { preferredCodings, preferredType } from "../src/http/negotiation.ts";
import {
  contentTypeOf,
  hasHash,
  isCompressible,
} from "../src/http/content_type.ts";
import { parseHttpDate, parseTags } from "../src/http/etags.ts";
import { attachment } from "../src/http/headers.ts";
import { forwardedClient } from "../src/http/addresses.ts";
import { escapeHtml } from "../src/http/html.ts";
import { parseRanges } from "../src/http/conditional.ts";
import { decodePath, encodeSegment, pathSegments } from "../src/http/target.ts";
import { compileAccessFormat } from "../src/log/access_format.ts";
import { formatSseEvent } from "../src/pagi/sse_events.ts";
import type { HeaderList } from "../src/pagi/types.ts";
import { stripHopByHop } from "../src/server/response/headers.ts";
import { Http2Connections } from "../src/server/http2_connection.ts";
import { readHead } from "../src/server/request/head.ts";
import { targetOf } from "../src/server/request/head.ts";
import { decodeByteString } from "../src/system/file_names.ts";
import { AssertionError, assertRejects } from "../src/std/assert.ts";
import { assertLinear } from "./helpers/growth.ts";
import { requestScope } from "./helpers/request_scope.ts";

const target = parseTarget("http://backend:3000/base")!;
const view: UriMapping = {
  target,
  targets: [target],
  sentHost: "backend:3000",
  hosts: ["public.test"],
  secure: false,
  root: "/api",
  prefix: "/api",
};
const rules = requestRules({}, [], {
  preserveHost: false,
  trustForwarded: true,
});
const access = compileAccessFormat('%h "%r" %{referer}i');
const line = new Uint8Array(1 << 20);

function scopeWith(headers: HeaderList, path = "/") {
  return { ...requestScope({ target: path, rootPath: "/" }), headers, path };
}

function head(name: string, value: string, url = "http://a/"): unknown {
  const headers = new Map([["host", "a"], [name, value]]);
  const request = { url, method: "GET", headers } as unknown as Request;
  const limits = {
    maxHeaderSize: 1e9,
    maxHeaderCount: 1e9,
    maxBodySize: 0,
  };
  const info = {
    remoteAddr: { transport: "unix", path: "/a" },
    completed: Promise.resolve(),
  } as const;
  const connections = new Http2Connections(null, "");
  try {
    return readHead(request, limits, false, info, connections);
  } catch (error) {
    return error; // A refusal has been thought about as well.
  }
}

/** What reads a text, by what it reads. */
const READERS: Record<string, (text: string) => unknown> = {
  "a field of a target's answer": (text) =>
    parseResponseHead(`HTTP/1.1 200 OK\r\nx: a${text}b`),
  "the status line of a target": (text) =>
    parseResponseHead(`HTTP/1.1 200 ${text}`),
  "a field of an app's response": (text) =>
    stripHopByHop([["x", ` a${text}b `]]),
  "the location of a target": (text) => clientUri(text, view),
  "the location of a host": (text) => clientUri(`http://a${text}`, view),
  "the refresh of a target": (text) => clientRefresh(`0;${text}`, view),
  "a cookie of a target": (text) => clientCookie(`a;${text}`, view, "b"),
  "the path of a proxied request": (text) =>
    requestPath(scopeWith([], `/${text}`)),
  "the path of a mounted proxy": (text) =>
    requestPath({
      ...scopeWith([]),
      raw_path: `/%41${text}`,
      root_path: "/A",
      path: `/${text}`,
    }),
  "whether a path climbs": (text) => escapesRoot(`/${text}`),
  "fields of a proxied request": (text) =>
    upstreamRequest(
      scopeWith([
        ["via", text],
        ["connection", text],
        ["te", text],
        ["x-forwarded-for", text],
        ["host", text],
      ]),
      rules,
    ),
  accept: (text) =>
    preferredType(`application/json${text}`, "text/html", [
      "application/json",
      "text/plain",
    ]),
  "accept-encoding": (text) => preferredCodings(`gzip${text}`, ["gzip"]),
  "if-none-match": (text) => parseTags(`"a"${text}`),
  range: (text) => parseRanges(`bytes=${text}`, 100),
  "if-modified-since": (text) => parseHttpDate(text),
  "x-forwarded-for": (text) =>
    forwardedClient([["x-forwarded-for", text]], () => true),
  forwarded: (text) =>
    forwardedClient([["forwarded", `for="a${text}`]], () => true),
  "the path of a file": (text) =>
    files.pathParts(files.requestPath(scopeWith([], `/${text}`)), false),
  "a path that is no UTF-8": (text) => {
    const raw_path = `/%FF${text}`;
    const path = decodePath(raw_path);
    return files.requestPath({ ...scopeWith([]), raw_path, path });
  },
  "a path below a mount": (text) => pathSegments(`/${text}`),
  "the name of a file": (text) => [
    contentTypeOf(`a.${text}`, "", null, () => new Uint8Array()),
    hasHash(`${text}.js`),
    encodeSegment(decodeByteString(`\xff${text}`)),
    attachment(text),
    escapeHtml(text),
  ],
  "a media type": (text) => isCompressible(`text${text}`),
  "the query of a listing": (text) => readListingQuery(text, "name"),
  "a request target": (text) => targetOf(`http://a/${text}`),
  "the head of a request": (text) => [
    head("accept", text),
    head("connection", text),
    head("upgrade", text),
    head("host", text),
    head("x", "y", `http://a/${text}?${text}`),
  ],
  "a record of the access log": (text) =>
    access(
      {
        host: "a",
        method: "GET",
        rawPath: text,
        query: text,
        httpVersion: "1.1",
        status: 200,
        bodyBytes: 0,
        startedAt: 0,
        durationMs: 0,
        headers: [["referer", text]],
      },
      line,
      0,
    ),
  "an event": (text) => formatSseEvent({ type: "sse.send", data: text }),
};

/** What has made patterns and loops go back: it is repeated. */
const UNITS = [
  " ",
  "\t,",
  ";",
  '"',
  '\\"',
  "%25",
  "/..",
  "a ",
  ":1",
  '="',
  "\xff/",
];

for (const [what, read] of Object.entries(READERS)) {
  Deno.test(`the time to read ${what} grows with its length`, async () => {
    for (const unit of UNITS) {
      await assertLinear(
        (size) => unit.repeat(size / unit.length),
        read,
      );
    }
  });
}

Deno.test("work that grows with the square of its input is found", async () => {
  await assertRejects(
    () =>
      assertLinear(
        (size) => `a${" ".repeat(size)}b`,
        (text) => text.replace(/ +$/, ""),
        200,
      ),
    AssertionError,
    "times as long",
  );
});

Deno.test("the time to read a target's head grows with the number of its fields", async () => {
  await assertLinear(
    (size) => "HTTP/1.1 200 OK" + "\r\nx: 1".repeat(size / 6),
    parseResponseHead,
  );
});
