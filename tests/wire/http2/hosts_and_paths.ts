/**
 * What `:authority`, `host` and `:path` may hold (RFC 9113, section 8.3.1).
 *
 * @module
 */

import { get } from "../../helpers/http2_frames.ts";
import { HOST, MALFORMED, request, type RequestCase } from "./request_case.ts";

/** The rows. */
export const HOSTS_AND_PATHS: readonly RequestCase[] = [
  // The host.
  {
    title: "host without :authority is the host",
    rfc: "8.3.1",
    fields: request({ ":authority": null }, ["host", "a.example"]),
    outcome: "200",
    app: "GET / - host: a.example",
    difference:
      "http_version is 2; it says 1.1, for the engine tells versions only by the lack of `host`",
  },
  {
    title: "host beside an equal :authority",
    rfc: "8.3.1",
    fields: get("/", [["host", "example.org"]]),
    outcome: "200",
    app: `GET / - ${HOST}`,
    difference:
      "http_version is 2; it says 1.1, for the engine tells versions only by the lack of `host`",
  },
  {
    title: "host beside another :authority",
    rfc: "8.3.1",
    fields: get("/", [["host", "other.example"]]),
    outcome: "200",
    app: `GET / - ${HOST}`,
    difference:
      "such a request SHOULD be malformed; it looks like the absolute target of HTTP/1.1, and :authority replaces the host as a target does",
  },
  {
    title: "neither host nor :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": null }),
    outcome: "200",
    app: "GET / - host: localhost:PORT",
    difference:
      "one of them MUST be there; the engine puts in `localhost:PORT` and does not tell",
  },
  {
    title: "two host fields",
    rfc: "8.3.1",
    fields: request({ ":authority": null }, ["host", "a"], ["host", "b"]),
    outcome: "400",
    // With a host of its own it passes for HTTP/1, whose connection ends.
    after: "closed",
  },
  {
    title: "an empty :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": "" }),
    outcome: MALFORMED,
  },
  {
    title: "userinfo in :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": "user:pass@example.org" }),
    outcome: "400",
  },
  {
    title: "a path in :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": "example.org/x" }),
    outcome: MALFORMED,
  },
  {
    title: "a space in :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": "exa mple.org" }),
    outcome: MALFORMED,
  },
  {
    title: "a port that is none in :authority",
    rfc: "8.3.1",
    fields: request({ ":authority": "example.org:99999" }),
    outcome: "400",
  },

  // The path.
  { title: "an empty path", rfc: "8.3.1", fields: get(""), outcome: MALFORMED },
  {
    title: "a path without a slash",
    rfc: "8.3.1",
    fields: get("a"),
    outcome: "200",
    app: `GET /a - ${HOST}`,
    difference:
      "such a request is malformed; the engine puts the slash before it and does not tell",
  },
  {
    title: "an absolute URI in the path",
    rfc: "8.3.1",
    fields: get("http://other.example/x"),
    outcome: "200",
    app: `GET /http://other.example/x - ${HOST}`,
    difference:
      "such a request is malformed; the engine puts the slash before it and does not tell",
  },
  {
    title: "a query without a path",
    rfc: "8.3.1",
    fields: get("?a=b"),
    outcome: "200",
    app: `GET / a=b ${HOST}`,
    difference:
      "such a request is malformed; the engine puts the slash before it and does not tell",
  },
  {
    title: "a fragment in the path",
    rfc: "8.3.1",
    fields: get("/a#b"),
    outcome: "200",
    app: `GET /a - ${HOST}`,
    difference: "such a request is malformed; the engine drops the fragment",
  },
  {
    title: "* as the path of GET, which must not pass for a part of the host",
    rfc: "8.3.1",
    fields: get("*"),
    outcome: "400",
  },
  {
    title: "* as the path of OPTIONS",
    rfc: "8.3.1",
    fields: request({ ":method": "OPTIONS", ":path": "*" }),
    outcome: "200",
    app: `OPTIONS /* - ${HOST}`,
    difference: "OPTIONS * is not OPTIONS /*; the engine makes them one",
  },
  {
    title: "a space in the path",
    rfc: "8.3.1",
    fields: get("/a b"),
    outcome: MALFORMED,
  },
  {
    title: "NUL in the path",
    rfc: "8.3.1",
    fields: get("/a\0b"),
    outcome: MALFORMED,
  },

  {
    title: "the scheme https, be the connection TLS or a proxy's in clear text",
    rfc: "8.3.1",
    fields: request({ ":scheme": "https" }),
    outcome: "200",
    app: `GET / - ${HOST}`,
  },
];
