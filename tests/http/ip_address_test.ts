import { parseIpAddress } from "../../src/http/addresses.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("an address is read in every form it has, and written in one", () => {
  for (
    const [given, text, bytes] of [
      ["192.0.2.1", "192.0.2.1", [192, 0, 2, 1]],
      ["0.0.0.0", "0.0.0.0", [0, 0, 0, 0]],
      ["255.255.255.255", "255.255.255.255", [255, 255, 255, 255]],
      ["::1", "::1", [...Array(15).fill(0), 1]],
      ["::", "::", Array(16).fill(0)],
      [
        "2001:DB8:0:0:0:0:0:1",
        "2001:db8::1",
        [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1],
      ],
      [
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8",
        [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8],
      ],
      ["fe80::", "fe80::", [0xfe, 0x80, ...Array(14).fill(0)]],
      ["::ffff:192.0.2.1", "192.0.2.1", [192, 0, 2, 1]],
      ["::FFFF:c000:201", "192.0.2.1", [192, 0, 2, 1]],
      // Not mapped, but IPv6: what is mapped has ffff in its place.
      ["::192.0.2.1", "::c000:201", [...Array(12).fill(0), 192, 0, 2, 1]],
    ] as const
  ) {
    const read = parseIpAddress(given);
    assertEquals(read?.text, text, given);
    assertEquals([...read!.bytes], [...bytes], given);
  }
});

Deno.test("what only looks like an address is none", () => {
  for (
    const text of [
      ..." |1.2.3|1.2.3.4.5|256.1.1.1|1.2.3.04|0x7f.0.0.1|2130706433|1.2.3.4 "
        .split("|"),
      ...":|:::|1::2::3|12345::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|::g|fe80::1%0"
        .split("|"),
      ...["", "fe80::1%eth0", "[::1]", "::1]", "::1/64", "::ffff:1.2.3.256"],
      ...["localhost", "unknown", "1.2.3.4\0", "１.2.3.4", ":".repeat(10_000)],
    ]
  ) assertEquals(parseIpAddress(text), null, text.slice(0, 50));
});
