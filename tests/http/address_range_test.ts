import {
  isInRange,
  parseAddressRange,
  parseIpAddress,
} from "../../src/http/addresses.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("a range holds the addresses with its first bits, and no others", () => {
  for (
    const [range, inside, outside] of [
      ["10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"],
      ["10.1.2.3/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"],
      ["172.16.0.0/12", "172.16.0.0 172.31.255.255", "172.32.0.0 172.15.0.1"],
      ["192.0.2.128/25", "192.0.2.128 192.0.2.255", "192.0.2.127 192.0.3.128"],
      ["192.0.2.1/31", "192.0.2.0 192.0.2.1", "192.0.2.2"],
      ["192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1", "192.0.2.0 192.0.2.3"],
      ["0.0.0.0/0", "1.2.3.4 ::ffff:1.2.3.4 255.255.255.255", ":: ::1"],
      ["::/0", "::1 ffff::", "1.2.3.4 ::ffff:1.2.3.4"],
      ["fd00::/8", "fd00:: fdff::1", "fc00:: fe00:: 253.0.0.1"],
      ["2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000:: 2001:db9::"],
      ["::1", "::1", ":: ::2 127.0.0.1"],
      ["::ffff:10.0.0.0/104", "10.9.9.9 ::ffff:10.9.9.9", "11.0.0.0 ::"],
      ["::ffff:0.0.0.0/96", "1.2.3.4", "::"],
    ] as const
  ) {
    const holds = (text: string): boolean =>
      isInRange(parseAddressRange(range)!, parseIpAddress(text)!);
    for (const text of inside.split(" ")) {
      assertEquals(holds(text), true, `${text} in ${range}`);
    }
    for (const text of outside.split(" ")) {
      assertEquals(holds(text), false, `${text} in ${range}`);
    }
  }
});

Deno.test("what is no range is not read as one", () => {
  for (
    const text of [
      ..."/|/8|10/8|10.0.0.0/|10.0.0.0/33|10.0.0.0/-1|10.0.0.0/8/8|*".split(
        "|",
      ),
      ..."::/129|::ffff:10.0.0.0/95|::ffff:10.0.0.0/129|fe80::%1/64".split("|"),
      ...["10.0.0.0/255.0.0.0", "10.0.0.0/ 8", "localhost", "", "1.2.3.4-9"],
    ]
  ) assertEquals(parseAddressRange(text), null, text);
});
