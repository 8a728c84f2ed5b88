import { assertEquals } from "../../src/std/assert.ts";
import { peerKey, readAddress } from "../../src/guard/address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../src/guard/address.ts";

Deno.test("readAddress() reads IPv4 addresses and ports", () => {
  assertEquals(
    readAddress(new Uint8Array([AF_INET, 0, 0x13, 0x88, 192, 0, 2, 1]), 16),
    { transport: "tcp", hostname: "192.0.2.1", port: 5000 },
  );
});

Deno.test("readAddress() spells IPv6 addresses as Deno does", () => {
  for (
    const [groups, hostname] of [
      ["0 0 0 0 0 0 0 0", "::"],
      ["0 0 0 0 0 0 0 1", "::1"],
      ["fe80 0 0 0 0 0 0 0", "fe80::"],
      ["2001 db8 0 0 1 0 0 1", "2001:db8::1:0:0:1"],
      ["2001 db8 0 0 0 1 0 0", "2001:db8::1:0:0"],
      ["2001 db8 0 1 1 1 1 1", "2001:db8:0:1:1:1:1:1"],
      ["1 2 3 4 5 6 7 8", "1:2:3:4:5:6:7:8"],
      ["0 0 1 0 0 0 0 0", "0:0:1::"],
      ["0 0 0 0 0 ffff 7f00 1", "::ffff:127.0.0.1"],
      ["0 0 0 0 0 0 7f00 1", "::7f00:1"],
    ]
  ) {
    const bytes = new Uint8Array(28);
    bytes.set([AF_INET6, 0, 0, 80]);
    groups.split(" ").forEach((group, i) =>
      new DataView(bytes.buffer).setUint16(8 + 2 * i, parseInt(group, 16))
    );
    assertEquals(
      readAddress(bytes, 28),
      { transport: "tcp", hostname, port: 80 },
    );
  }
});

Deno.test("readAddress() reads the path of a Unix socket, or none", () => {
  const bytes = new Uint8Array(110);
  bytes.set([AF_UNIX, 0, ...new TextEncoder().encode("/tmp/söcket")]);
  const path = "/tmp/söcket";
  assertEquals(readAddress(bytes, 110), { transport: "unix", path });
  assertEquals(readAddress(bytes, 14), { transport: "unix", path });
  assertEquals(readAddress(bytes, 2), { transport: "unix", path: "" });
});

Deno.test("readAddress() knows no other families", () => {
  assertEquals(readAddress(new Uint8Array([16, 0, 0, 0]), 4), null);
});

Deno.test("peerKey() tells one client's connections to two addresses apart", () => {
  const client = { transport: "tcp", hostname: "::1", port: 9 } as const;
  assertEquals(peerKey(client, "[::1]:80"), "::1:9>[::1]:80");
  assertEquals(peerKey(client, "127.0.0.2:80"), "::1:9>127.0.0.2:80");
});
