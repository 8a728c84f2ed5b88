/** The proxy and targets whose certificates are not of a public authority. */

import { ProxyApp } from "../../src/apps/proxy.ts";
import { tlsAdvice } from "../../src/apps/proxy/connection.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import * as other from "../guard/certificate.ts";
import { certificateFiles } from "../helpers/certificate.ts";
import { httpApp, readBody, reply } from "../helpers/http_app.ts";
import * as issued from "../helpers/issued_certificate.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import * as selfSigned from "../helpers/self_signed.ts";
import { webSocketApp } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const echo = httpApp(async (_scope, receive, send) =>
  await reply(send, await readBody(receive))
);

/** What a client gets through the proxy, and what the log says meanwhile. */
async function asked(
  options: Record<string, unknown>,
  body = "hi",
  host = "localhost",
  certificate: { cert: string; key: string } = selfSigned,
): Promise<{ status: number; text: string; log: string }> {
  let answer = { status: 0, text: "" };
  let log: string[] = [];
  using files = certificateFiles(certificate);
  const { sslCert, sslKey } = files;
  const settings = { sslCert, sslKey, maxBodySize: 0, host };
  await withServer(echo, settings, async ({ port }) => {
    using proxy = new ProxyApp({
      target: `https://${host}:${port}`,
      ...options,
    });
    log = await withServer(
      proxy.toApp(),
      { maxBodySize: 0 },
      async ({ url }) => {
        // The second one on a connection that has been used.
        for (let i = 0; i < 2; i++) {
          const response = await fetch(url, { method: "POST", body });
          answer = { status: response.status, text: await response.text() };
        }
      },
    );
  });
  return { ...answer, log: log.join("\n") };
}

Deno.test("ca_cert takes a self-signed certificate as openssl writes it, whatever name it is for", async () => {
  using files = certificateFiles(selfSigned);
  for (const host of ["localhost", "127.0.0.1"]) {
    const body = "x".repeat(1_000_000);
    const { status, text } = await asked(
      { ca_cert: files.sslCert },
      body,
      host,
    );
    assertEquals(status, 200);
    assert(text === body);
  }
});

Deno.test("a certificate that is not trusted is refused, and the log says what helps", async () => {
  using another = certificateFiles(other);
  for (const options of [{}, { ca_cert: another.sslCert }]) {
    const { status, text, log } = await asked(options);
    assertEquals([status, text], [502, "Bad Gateway"]);
    assert(/not signed by a trusted authority.*ca_cert=FILE/.test(log), log);
    assert(log.includes("verify=0"), log);
  }
});

Deno.test("verify=0 takes any certificate", async () => {
  const { status, text } = await asked({ verify: "0" });
  assertEquals([status, text], [200, "hi"]);
});

Deno.test("a WebSocket goes to a target with such a certificate", async () => {
  using files = certificateFiles(selfSigned);
  const { sslCert, sslKey } = files;
  const app = webSocketApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (let event; (event = await receive()).type === "websocket.receive";) {
      await send({ type: "websocket.send", text: event.text });
    }
  });
  await withServer(app, { sslCert, sslKey }, async ({ port }) => {
    using proxy = new ProxyApp({
      target: `https://localhost:${port}`,
      caCert: sslCert,
    });
    await withServer(proxy.toApp(), {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      for (const text of ["a", "b".repeat(60_000)]) {
        await socket.send(OPCODE.text, text);
        assertEquals(await socket.message(), text);
      }
      await socket.close(1000);
      assertEquals((await socket.closed())?.code, 1000);
    });
  });
});

Deno.test("ca_cert takes a self-signed certificate that signs no others, whatever name it is for", async () => {
  using files = certificateFiles(other);
  for (const host of ["localhost", "127.1.2.3"]) {
    const { status, text } = await asked(
      { ca_cert: files.sslCert },
      "hi",
      host,
      other,
    );
    assertEquals([status, text], [200, "hi"], host);
  }
});

Deno.test("a certificate for another name is refused unless ca_cert holds it, and the log names the one that was asked", async () => {
  const { authority, cert } = issued;
  const trusted = [[authority, 502], [authority + cert, 200]] as const;
  for (const [certs, expected] of trusted) {
    using file = certificateFiles({ cert: certs });
    const options = { ca_cert: file.sslCert };
    assertEquals((await asked(options, "", "localhost", issued)).status, 200);
    const { status, log } = await asked(options, "", "127.0.0.1", issued);
    assertEquals(status, expected);
    if (status === 200) continue;
    assertStringIncludes(log, "for another name than 127.0.0.1:");
  }
});

Deno.test("a target that speaks no TLS, or wants a certificate, is told of as such", () => {
  for (
    const [error, advice] of [
      ["received corrupt message of type InvalidContentType", /use http /],
      ["received fatal alert: ProtocolVersion", /no version of TLS from 1\.2/],
      [
        "received fatal alert: HandshakeFailure",
        /require a client certificate/,
      ],
      [
        "received fatal alert: CertificateRequired",
        /require a client certificate/,
      ],
      ["invalid peer certificate: Expired", /has expired/],
      ["Connection refused (os error 111)", /^$/],
    ] as const
  ) assertMatch(tlsAdvice(new Error(error), "backend"), advice);
});
