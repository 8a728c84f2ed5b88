/**
 * Requests for the wire, good ones with what an app must see of them, and bad
 * ones.
 *
 * @module
 */

import { BYTE_PIECES } from "./hostile.ts";
import type { Random } from "./random.ts";

/** What an app sees of a request. */
export interface Seen {
  readonly method: string;
  readonly rawPath: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Null where the app does not read it. */
  readonly body: string | null;
}

/** A request on the wire; one code unit per byte. */
export interface Message {
  readonly bytes: string;
  readonly method: string;
  /** Null where nothing is foreseen. */
  readonly seen: Seen | null;
  /** True where a body stays unread: that may end the connection. */
  readonly mayEnd: boolean;
  /** True where nobody can tell what is in a body and what is not. */
  readonly mutated: boolean;
}

/** No app may ever see this path: it stands in bodies only. */
export const SMUGGLED = "/smuggled";
const INSIDE = `GET ${SMUGGLED} HTTP/1.1\r\nhost: x\r\n\r\n`;

const PATH = [..."abcXYZ019-._~!$&'()*+,;=:@/", "%2F", "%00", "%ff", "%C3%A9"];
const TOKEN = [..."abcXYZ019!#$%&'*+-.^_`|~"];
const VALUE = [
  ..."abcXYZ019!#$%&'*+-.^_`|~ ,;=:\"(){}[]\\/<>?@",
  "\t",
  "\x80",
  "\xe9",
  "\xff",
];
const METHODS = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "X-Y!"];
const HOSTS = ["localhost", "a.example:80", "[::1]:5000", "127.0.0.1"];

/** A good request; the `last` one of its connection may say so. */
export function goodMessage(random: Random, last: boolean): Message {
  const method = random.pick(METHODS);
  const rawPath = `/${random.text(PATH, 10).replace(/^\/+/, "")}`;
  const query = random.once(2) ? random.text([...PATH, "?"], 10) : "";
  const host = random.pick(HOSTS);
  const absolute = random.once(20) ? `http://${host}` : "";
  const target = absolute + rawPath + (query === "" ? "" : `?${query}`);

  const headers: [string, string][] = [["host", host]];
  for (let left = random.count(6); left > 0; left--) {
    headers.push([`x-${random.text(TOKEN, 5)}`, random.text(VALUE, 12).trim()]);
  }
  if (random.once(4)) headers.push(["x-ignore-body", "1"]);
  const cookies = random.once(6)
    ? random.list(3, () => `a=${random.text(["b", '"', " ", ";", "é"], 4)}z`)
    : [];
  for (const cookie of cookies) headers.push(["cookie", cookie]);
  const body = random.once(2)
    ? ""
    : random.one(() => INSIDE, () => random.units(256, 200) + INSIDE);
  let framed = "";
  if (body !== "" && random.once(2)) {
    headers.push(["transfer-encoding", "chunked"]);
    framed = chunked(random, body);
  } else if (body !== "" || random.once(8)) {
    headers.push(["content-length", `${body.length}`]);
    framed = body;
  }
  if (last && random.once(2)) headers.push(["connection", "close"]);

  const lines = headers.map(([name, value]) =>
    `${random.once(3) ? upper(name) : name}:${
      random.pick(["", " ", "\t", "  "])
    }${value}${random.pick(["", " ", ""])}\r\n`
  );
  const ignored = headers.some(([name]) => name === "x-ignore-body");
  const seen = headers.map(([name, value]) =>
    [name.toLowerCase(), value] as const
  );
  // Several cookies become one field, and Deno has it come last.
  const others = seen.filter(([name]) => name !== "cookie");
  const cookie = ["cookie", cookies.join("; ")] as const;
  return {
    bytes: `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${framed}`,
    method,
    mutated: false,
    mayEnd: framed !== "" && ignored,
    seen: {
      method,
      rawPath,
      query,
      headers: cookies.length > 0 ? [...others, cookie] : others,
      body: ignored ? null : body,
    },
  };
}

function chunked(random: Random, body: string): string {
  let text = "";
  while (body !== "") {
    const size = 1 + random.below(body.length);
    const extension = random.once(6) ? ";x=y" : "";
    text += `${size.toString(16)}${extension}\r\n${body.slice(0, size)}\r\n`;
    body = body.slice(size);
  }
  return `${text}0\r\n${random.once(6) ? "x-trailer: 1\r\n" : ""}\r\n`;
}

/** A request that must be refused: where its body ends is not certain. */
export function ambiguousMessage(random: Random): Message {
  const chunks = random.pick(["0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n"]);
  const body = chunks + INSIDE;
  const length = `content-length: ${body.length}\r\n`;
  const [fields, content] = random.pick<readonly [string, string]>([
    [`${length}transfer-encoding: chunked\r\n`, body],
    [`transfer-encoding: chunked\r\n${length}`, body],
    [
      `transfer-encoding: chunked\r\ncontent-length: ${chunks.length}\r\n`,
      body,
    ],
    [`${length}content-length: ${chunks.length}\r\n`, body],
    [`content-length: ${chunks.length}\r\n${length}`, body],
    [
      `content-length: ${
        random.pick(["+5", "-5", "5 5", "0x5", "5;", "5,6"])
      }\r\n`,
      body,
    ],
    [`content-length : ${chunks.length}\r\n`, body],
    [`transfer-encoding: chunked, gzip\r\n`, body],
    [`transfer-encoding: xchunked\r\n`, body],
    [`transfer-encoding: identity\r\n${length}`, body],
    [`transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n`, body],
    [`transfer-encoding : chunked\r\n`, body],
    [
      `transfer-encoding: chunked\r\n`,
      `${
        random.pick(["5x", "-5", "+5", "0x5", "", "G", "f".repeat(20)])
      }\r\nabcde\r\n${body}`,
    ],
  ]);
  return {
    bytes: `POST /bad HTTP/1.1\r\nhost: x\r\n${fields}\r\n${content}`,
    method: "POST",
    seen: null,
    mutated: false,
    mayEnd: true,
  };
}

/** A good request with changes that make nobody know what it is. */
export function mutatedMessage(random: Random): Message {
  let message = goodMessage(random, true);
  while (message.method === "HEAD") message = goodMessage(random, true);
  return {
    bytes: random.mutated(message.bytes, [...BYTE_PIECES, ...SYNTAX]),
    method: message.method,
    seen: null,
    mutated: true,
    mayEnd: true,
  };
}

const SYNTAX = [
  "\r\n\r\n",
  "\n\n",
  " HTTP/1.0",
  " HTTP/2.0",
  "host: y\r\n",
  "transfer-encoding: chunked\r\n",
  "content-length: 3\r\n",
  "content-length: 99999999999999999999\r\n",
  "expect: 100-continue\r\n",
  "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: x\r\n",
  "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n",
  "accept: text/event-stream\r\n",
  `x: ${"y".repeat(9000)}\r\n`,
  "z: \r\n".repeat(120),
  "CONNECT ",
  "TRACE ",
  "*",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

function upper(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
