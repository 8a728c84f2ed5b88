/**
 * The same apps for Node's http and http2: `node.mjs APP PORT [CERTIFICATE KEY]`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import process from "node:process";

const [name, port, certificate, key] = process.argv.slice(2);
const streams = new Set();

/** What every server does that tells its app of the request. */
function read({ method, url, headers }) {
  return { method, url, headers };
}

const apps = {
  reply(request, response) {
    read(request);
    response.setHeader("content-type", "text/plain");
    response.end("Hello from PAGI\n");
  },

  length(request, response) {
    read(request);
    response.writeHead(200, {
      "content-type": "text/plain",
      "content-length": "16",
    });
    response.end("Hello from PAGI\n");
  },

  json(request, response) {
    read(request);
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      // The harness sees by an empty request whether this is ready.
      const text = Buffer.concat(chunks).toString() || "null";
      response.end(JSON.stringify(JSON.parse(text)));
    });
  },

  events(request, response) {
    read(request);
    if (request.method === "POST") {
      for (const stream of streams) stream.write("data: sixteen bytes !!\n\n");
      response.end();
      return;
    }
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    });
    response.flushHeaders();
    streams.add(response);
    response.on("close", () => streams.delete(response));
  },
};

const server = certificate === undefined
  ? createServer({ keepAliveTimeout: 60_000 }, apps[name])
  : createSecureServer(
    { cert: readFileSync(certificate), key: readFileSync(key) },
    apps[name],
  );
server.listen({ host: "127.0.0.1", port: Number(port), backlog: 2048 });
