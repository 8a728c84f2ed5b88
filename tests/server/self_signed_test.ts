import { X509Certificate } from "node:crypto";
import { selfSigned } from "../../src/server/self_signed.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";

const NAMES = ["localhost", "127.0.0.1", "::1", "2001:db8::7", "host.test"];

Deno.test("a certificate of our own is one that TLS clients take for each of its names", async () => {
  const pair = await selfSigned(NAMES);
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair });
  const { port } = listener.addr;
  const accepted = listener.accept().then((connection) =>
    connection.handshake().then(() => connection.close())
  );
  using client = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [pair.cert],
  });
  await client.handshake();
  await accepted;
  const certificate = new X509Certificate(pair.cert);
  for (const name of ["localhost", "host.test"]) {
    assertEquals(certificate.checkHost(name), name);
  }
  for (const address of ["127.0.0.1", "::1", "2001:db8::7"]) {
    assert(certificate.checkIP(address) !== undefined, address);
  }
  assertEquals(certificate.checkHost("other.test"), undefined);
  assert(Date.parse(certificate.validFrom) < Date.now());
});

Deno.test("each certificate has a key and a serial number of its own", async () => {
  const [a, b] = await Promise.all([selfSigned(NAMES), selfSigned(NAMES)]);
  assert(a.key !== b.key);
  assert(
    new X509Certificate(a.cert).serialNumber !==
      new X509Certificate(b.cert).serialNumber,
  );
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...a });
  const accepted = listener.accept().then(async (connection) => {
    await connection.handshake().catch(() => {});
    connection.close();
  });
  await assertRejects(async () => {
    using client = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: listener.addr.port,
      caCerts: [b.cert],
    });
    await client.handshake();
  });
  await accepted;
});
