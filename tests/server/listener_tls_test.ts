/**
 * TLS: HTTP/1.1 and WebSockets over it, and files that cannot serve for it.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../src/std/assert.ts";
import { ListenError } from "../../src/server/listen_address.ts";
import { Server } from "../../src/server/server.ts";
import {
  CERTIFICATE,
  certificateFiles,
  KEY,
  OTHER_CERTIFICATE,
  otherKey,
} from "../helpers/certificate.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { connectionsWithoutDelay } from "../helpers/no_delay.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { listening, observed, receiveAll } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

Deno.test("HTTP/1.1 over TLS: scheme https, extensions.tls with the certificate", async () => {
  const seen = Promise.withResolvers<unknown[]>();
  const app = httpApp(async (scope, _receive, send) => {
    const { http_version, scheme, extensions, client, server } = scope;
    seen.resolve([http_version, scheme, extensions.tls?.server_cert, server]);
    await reply(send, client![0]);
  });
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ server, url, port }) => {
    assertEquals(url, `https://127.0.0.1:${port}`);
    const [address] = server.addresses;
    const connection = await RawConnection.openTls(address, CERTIFICATE);
    for (let i = 0; i < 2; i++) {
      await connection.request("GET /");
      assertEquals((await connection.response()).body, "127.0.0.1");
    }
    connection.close();
    assertEquals(await seen.promise, [
      "1.1",
      "https",
      CERTIFICATE,
      ["127.0.0.1", port],
    ]);
  });
});

Deno.test("extensions.tls is absent on cleartext connections (PAGI.md 21)", async () => {
  const app = httpApp((scope, _receive, send) =>
    reply(send, String("tls" in scope.extensions))
  );
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "false");
  });
});

Deno.test("a WebSocket over TLS: scheme wss, messages both ways, its own ending", async () => {
  const { app, result } = observed(async (scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: scope.scheme });
    return [Object.keys(scope.extensions), await receiveAll(receive)];
  });
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ server }) => {
    const [address] = server.addresses;
    const connection = await RawConnection.openTls(address, CERTIFICATE);
    const socket = await RawWebSocket.open(connection);
    assertEquals(await socket.message(), "wss");
    await socket.text("hello");
    await socket.close(3000, "bye");
    assertEquals(await socket.closed(), { code: 3000, reason: "bye" });
    connection.close();
    assertEquals<unknown>(await result, [
      ["tls", "websocket.http.response"],
      {
        messages: ["hello"],
        end: { type: "websocket.disconnect", code: 3000, reason: "bye" },
      },
    ]);
  });
});

Deno.test("a peer that drops its TLS connection reports 1006 and client_closed (PAGI.md 74)", async () => {
  const { app, result } = listening();
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ server }) => {
    const [address] = server.addresses;
    const connection = await RawConnection.openTls(address, CERTIFICATE);
    await RawWebSocket.open(connection);
    connection.close();
    const { code, reason } = (await result).end;
    assertEquals([code, reason], [1006, "client_closed"]);
  });
});

Deno.test("a WebSocket over TLS that breaks the protocol ends like one in clear text (PAGI.md 70)", async () => {
  const { app, result } = listening();
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ server }) => {
    const [address] = server.addresses;
    const connection = await RawConnection.openTls(address, CERTIFICATE);
    const socket = await RawWebSocket.open(connection);
    await socket.send(OPCODE.text, "", { reserved: 1 });
    assertEquals((await result).end.code, 1002);
    connection.close();
  });
});

for (const tls of [false, true]) {
  // Otherwise the second of two short writes waits for the client's
  // acknowledgement of the first, up to 40 ms (Nagle's algorithm).
  Deno.test({
    name: `${tls ? "TLS" : "clear text"}: what is written is sent at once`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      using files = certificateFiles();
      const app = httpApp((_scope, _receive, send) => reply(send, "hello"));
      await withServer(
        app,
        tls ? { ...files } : {},
        async ({ server, port }) => {
          const [address] = server.addresses;
          using connection = tls
            ? await RawConnection.openTls(address, CERTIFICATE)
            : await RawConnection.open(address);
          await connection.request("GET /");
          await connection.response();
          assertEquals(connectionsWithoutDelay(port), [true]);
        },
      );
    },
  });
}

Deno.test("a client that speaks no TLS is turned away, and the next one is served", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send, "ok"));
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ connect, server }) => {
    const plain = await connect();
    await plain.request("GET /");
    assert(!(await plain.rest()).includes("HTTP/1.1 200"));
    const [address] = server.addresses;
    const connection = await RawConnection.openTls(address, CERTIFICATE);
    await connection.request("GET /");
    assertEquals((await connection.response()).body, "ok");
    connection.close();
  });
});

const PKCS12 = new Uint8Array([0x30, 0x82, 0x0a, 0, 2, 1, 3]);
const DER = new Uint8Array([0x30, 0x82, 1, 0, 0x30, 0x81]);
const UTF_16 = new Uint8Array([0xff, 0xfe, 0x2d, 0]);

Deno.test("files that cannot serve for TLS give a sentence with the reason, and nothing is bound", async () => {
  const pair =
    /^Cannot use --ssl-cert \S.* with --ssl-key .+: .+\. Both must be PEM files that belong together\.$/;
  const encrypted = KEY.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
  const oldEncrypted = KEY.replace(
    "KEY-----\n",
    "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
  );
  const wrong: Record<
    string,
    [files: Parameters<typeof certificateFiles>[0], message: RegExp]
  > = {
    "a key of another certificate": [{ key: otherKey() }, pair],
    "no PEM in the key": [{ key: "hello" }, /--ssl-key .*: it holds no PEM/],
    "no PEM in the certificate": [
      { cert: "hello" },
      /--ssl-cert .*: it holds no PEM/,
    ],
    "an empty key": [{ key: "" }, /--ssl-key .*: the file is empty\.$/],
    "an empty certificate": [{ cert: "" }, /--ssl-cert .*: the file is empty/],
    "a broken certificate": [
      { cert: CERTIFICATE.replace(/\n[^\n]+\n/, "\nAAAA\n") },
      pair,
    ],
    "a certificate as key": [
      { key: CERTIFICATE },
      /--ssl-key .*: it holds no private key, but this: certificate; --ssl-cert and --ssl-key may be swapped\.$/,
    ],
    "a key as certificate": [{ cert: KEY }, /: it holds no certificate, but/],
    "an encrypted key": [{ key: encrypted }, /: the key is encrypted, .*pkey/],
    "a key encrypted the old way": [{ key: oldEncrypted }, /is encrypted/],
    "a key for SSH": [
      { key: KEY.replaceAll("PRIVATE", "OPENSSH PRIVATE") },
      /: it is an SSH key/,
    ],
    "a key with a BOM": [
      { key: `\ufeff${KEY}` },
      /--ssl-key .*: it begins with a byte order mark \(BOM\)/,
    ],
    "a certificate with a BOM": [
      { cert: `\ufeff${CERTIFICATE}` },
      /--ssl-cert .*: it begins with a byte order mark \(BOM\)/,
    ],
    "a BOM between certificates": [
      { cert: `${CERTIFICATE}\ufeff${CERTIFICATE}` },
      /--ssl-cert .*: it contains a byte order mark/,
    ],
    "a certificate in UTF-16": [{ cert: UTF_16 }, /: it is UTF-16/],
    "a certificate in DER": [{ cert: DER }, /binary \(DER\).* openssl x509 /],
    "a key in DER": [{ key: DER }, /binary \(DER\), not PEM.* openssl pkey /],
    "a key in PKCS #12": [{ key: PKCS12 }, /PKCS #12 .*openssl pkcs12 /],
    "a chain that begins with an issuer": [
      { cert: OTHER_CERTIFICATE + CERTIFICATE },
      /--ssl-cert .*: the certificate of the key must be the first, and it is number 2\./,
    ],
  };
  for (const [name, [files, expected]] of Object.entries(wrong)) {
    using paths = certificateFiles(files);
    const { sslCert, sslKey } = paths;
    const server = new Server(
      httpApp(() => Promise.resolve()),
      resolveSettings({
        port: 0,
        noAccessLog: true,
        lifespan: "off",
        sslCert,
        sslKey,
      }),
    );
    const { message } = await assertRejects(
      () => server.start(),
      ListenError,
      "",
      name,
    );
    assertMatch(message, /^Cannot use --ssl-/, name);
    assertMatch(message, expected, name);
    assertEquals(server.addresses, []);
  }
});

Deno.test("a key file that went away before the start gives a sentence with its name", async () => {
  using files = certificateFiles();
  const { sslCert, sslKey } = files;
  const settings = { port: 0, noAccessLog: true, sslCert, sslKey };
  const server = new Server(
    httpApp(() => Promise.resolve()),
    resolveSettings(settings),
  );
  Deno.removeSync(sslKey);
  const { message } = await assertRejects(() => server.start(), ListenError);
  assert(message.startsWith(`Cannot read ${sslKey} (--ssl-key): `), message);
});
