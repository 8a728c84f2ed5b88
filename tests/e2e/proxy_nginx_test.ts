/** The proxy in front of a real nginx. */

import { ProxyApp } from "../../src/apps/proxy.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { NGINX, Nginx } from "../helpers/nginx.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

const ignore = NGINX === null;

const SERVER = `
  root ROOT;
  gzip on; gzip_min_length 1; gzip_types text/plain; gzip_proxied any;
  client_max_body_size 0;
  location / { autoindex on; }
  location /empty { return 204; }
  location /moved { return 301 /new?q; }
  location /gone { return 410 "gone\\n"; }
  location /twice { add_header set-cookie a=1; add_header set-cookie b=2; }
  location /close { keepalive_timeout 0; }
  location /echo {
    return 200 "$request_method $request_uri $http_host $http_x_a|$http_x_forwarded_for|$http_connection";
  }
`;
const FILES = {
  "index.txt": "an index",
  "a b/c%20d.txt": "a file with a hostile name",
  "big.txt": "0123456789".repeat(100_000),
  "twice": "two cookies",
  "close": "the last answer",
};

const REQUESTS: [line: string, ...headers: string[]][] = [
  ["GET /"],
  ["GET /index.txt"],
  ["HEAD /index.txt"],
  ["GET /big.txt"],
  ["GET /big.txt", "accept-encoding: gzip"],
  ["HEAD /big.txt", "accept-encoding: gzip"],
  ["GET /big.txt", "range: bytes=10-19"],
  ["GET /big.txt", "range: bytes=0-1,10-11"],
  ["GET /big.txt", "range: bytes=99999999-"],
  ["GET /index.txt", "if-modified-since: Fri, 31 Dec 2100 00:00:00 GMT"],
  ["GET /index.txt", 'if-match: "nothing"'],
  ["GET /a%20b/c%2520d.txt"],
  ["GET /a%20b%2Fc%2520d.txt"],
  ["GET //a%20b/.//../a%20b/c%2520d.txt"],
  ["GET /../etc/passwd"],
  ["GET /%2e%2e/etc/passwd"],
  ["GET /%00"],
  ["GET /caf%C3%A9"],
  ["GET /empty"],
  ["GET /moved"],
  ["GET /gone"],
  ["GET /twice"],
  ["GET /close"],
  ["POST /index.txt", "content-length: 0"],
  ["DELETE /index.txt"],
  ["OPTIONS /index.txt"],
  ["PUT /index.txt", "content-length: 0"],
];

/** What differs between any two answers, or belongs to one connection. */
const OWN = /^(date|connection|keep-alive|transfer-encoding)$/;

async function ask(
  connection: RawConnection,
  [line, ...headers]: [string, ...string[]],
): Promise<string> {
  await connection.request(line, ...headers);
  const { status, head, body } = await connection.response(/^HEAD/.test(line));
  // Who has all of a body may tell its length, or send it in chunks.
  const own = body === "" ? OWN : new RegExp(`${OWN.source}|^content-length$`);
  const fields = head.toLowerCase().trimEnd().split("\r\n").slice(1)
    .filter((field) => !own.test(field.split(":")[0])).sort();
  // nginx draws the line between ranges by lot.
  const seen = JSON.stringify({ status, fields, body });
  return seen.replace(/\b\d{20}\b/g, "BOUNDARY");
}

Deno.test(
  "an answer of nginx is the same with the proxy in between",
  { ignore },
  async () => {
    await using nginx = await Nginx.start(SERVER, FILES);
    using proxy = new ProxyApp({ target: nginx.url, preserveHost: true });
    await withServer(proxy.toApp(), {}, async (server) => {
      const through = await server.connect();
      for (const request of REQUESTS) {
        const direct = await nginx.connect();
        assertEquals(
          await ask(through, request),
          await ask(direct, request),
          request.join(", "),
        );
        direct.close();
      }
    });
  },
);

Deno.test(
  "what the proxy says of itself stays out of the path, the host and the connection",
  { ignore },
  async () => {
    await using nginx = await Nginx.start(SERVER, FILES);
    using proxy = new ProxyApp({ target: `${nginx.url}/echo/` });
    await withServer(proxy.toApp(), {}, async (server) => {
      const client = await server.connect();
      await client.request(
        "GET //x%2Fy/?q",
        "x-a: b",
        "x-forwarded-for: 6.6.6.6",
      );
      assertEquals(
        (await client.response()).body,
        `GET /echo//x%2Fy/?q 127.0.0.1:${nginx.port} b|127.0.0.1|`,
      );
      // The folder's redirect names nginx itself.
      await client.request("GET /../x");
      assertEquals((await client.response()).status, 400);
    });
  },
);

Deno.test(
  "a redirect by which nginx names itself leads to the proxy",
  { ignore },
  async () => {
    await using nginx = await Nginx.start("root ROOT;", {
      "base/folder/index.html": "<p>here",
    });
    using proxy = new ProxyApp({ target: `${nginx.url}/base` });
    await withServer(proxy.toApp(), {}, async ({ url }) => {
      const response = await fetch(`${url}/folder`);
      assertEquals(response.url, `${url}/folder/`);
      assertEquals(await response.text(), "<p>here");
    });
  },
);

Deno.test(
  "500 requests on 16 connections: none fails, although nginx ends its own after 10",
  { ignore },
  async () => {
    await using nginx = await Nginx.start(
      `${SERVER} keepalive_requests 10;`,
      FILES,
    );
    using proxy = new ProxyApp({ target: nginx.url });
    await withServer(proxy.toApp(), {}, async (server) => {
      let left = 500;
      await Promise.all(Array.from({ length: 16 }, async () => {
        const client = await server.connect();
        while (left-- > 0) {
          const [method, body] = left % 2 === 0 ? ["POST", "x"] : ["GET", ""];
          await client.send(
            `${method} /echo/${left} HTTP/1.1\r\nhost: x\r\n` +
              `content-length: ${body.length}\r\n\r\n${body}`,
          );
          const { status } = await client.response();
          assertEquals(status, 200);
        }
      }));
    });
  },
);

Deno.test(
  "nginx killed gives 502 at once, and 200 when it is back (PAGI.md 116)",
  { ignore },
  async () => {
    const first = await Nginx.start(SERVER, FILES);
    using proxy = new ProxyApp({ target: first.url });
    await withServer(proxy.toApp(), {}, async (server) => {
      const client = await server.connect();
      const status = async (): Promise<number> => {
        await client.request("GET /index.txt");
        return (await client.response()).status;
      };
      try {
        assertEquals(await status(), 200);
      } finally {
        await first[Symbol.asyncDispose]();
      }
      const begun = performance.now();
      assertEquals(await status(), 502);
      assert(performance.now() - begun < 10_000);
      await using _second = await Nginx.start(SERVER, FILES, first.port);
      assertEquals(await status(), 200);
    });
  },
);
