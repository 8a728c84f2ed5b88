import {
  forwardedClient,
  isInRange,
  parseAddressRange,
  parseIpAddress,
} from "../../src/http/addresses.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

const INNER = parseAddressRange("10.0.0.0/8")!;

/** What `lines` of header tell; 10.0.0.0/8 are trusted. */
function told(...lines: string[]): string {
  const { client, secure } = forwarded(lines);
  const scheme = secure === null ? "" : secure ? " tls" : " clear";
  return `${client?.join(" ") ?? "nobody"}${scheme}`;
}

function forwarded(lines: readonly string[]) {
  const fields = lines.map((line) => {
    const [name, value] = line.split(/: ?(.*)/s);
    return [name, value] as const;
  });
  return forwardedClient(fields, (address) => isInRange(INNER, address));
}

Deno.test("the host is that of x-forwarded-host for that hop, or of the client's element of forwarded", () => {
  for (
    const [lines, expected] of [
      [["x-forwarded-for: 192.0.2.1"], null],
      [["x-forwarded-host:  a.example:81 "], "a.example:81"],
      // Without one for each hop, the last one is the trusted proxy's own.
      [["x-forwarded-host: evil", "x-forwarded-host: b"], "b"],
      [["x-forwarded-host: evil, b", "x-forwarded-for: 192.0.2.1"], "b"],
      [[
        "x-forwarded-host: evil, a, b",
        "x-forwarded-for: 192.0.2.9, 192.0.2.1, 10.0.0.1",
      ], "a"],
      [["x-forwarded-host: "], ""],
      [["forwarded: for=192.0.2.1;host=a.example, for=10.0.0.1"], "a.example"],
      [[`forwarded: host="evil", for=192.0.2.1;host="[::1]:80"`], "[::1]:80"],
      [[
        "x-forwarded-for: 192.0.2.1",
        "forwarded: for=192.0.2.1;host=evil",
        "x-forwarded-host: a",
      ], "a"],
    ] as const
  ) assertEquals(forwarded(lines).host, expected, lines.join("; "));
});

const FOR = "x-forwarded-for";
const PROTO = "x-forwarded-proto";

Deno.test("x-forwarded-for: the client is the rightmost address that is not trusted", () => {
  for (
    const [lines, expected] of [
      [[], "nobody"],
      [[`${FOR}: 192.0.2.1`], "192.0.2.1 0"],
      [[`${FOR}: 192.0.2.1, 10.0.0.1`], "192.0.2.1 0"],
      [[`${FOR}: 192.0.2.1, 10.0.0.2, 10.0.0.1`], "192.0.2.1 0"],
      // What stands further left came from that client.
      [[`${FOR}: 127.0.0.1, 192.0.2.1, 10.0.0.1`], "192.0.2.1 0"],
      [[`${FOR}: 10.0.0.9, 192.0.2.1, 10.0.0.1`], "192.0.2.1 0"],
      // All are trusted: the leftmost asked.
      [[`${FOR}: 10.0.0.3, 10.0.0.2`], "10.0.0.3 0"],
      // Several fields are one list, in order.
      [[`${FOR}: 127.0.0.1`, `${FOR}: 192.0.2.1`], "192.0.2.1 0"],
      [[`${FOR}: 192.0.2.1`, "x: y", `${FOR}: 10.0.0.1`], "192.0.2.1 0"],
      // Forms of addresses.
      [[`${FOR}:\t192.0.2.1:8080 `], "192.0.2.1 8080"],
      [[`${FOR}: 2001:DB8::1`], "2001:db8::1 0"],
      [[`${FOR}: [2001:db8::1]`], "2001:db8::1 0"],
      [[`${FOR}: [2001:db8::1]:443`], "2001:db8::1 443"],
      [[`${FOR}: ::ffff:192.0.2.1`], "192.0.2.1 0"],
      [[`${FOR}: 192.0.2.1, ::ffff:10.0.0.1`], "192.0.2.1 0"],
      // Empty items are none.
      [[`${FOR}: ,, 192.0.2.1 , ,`], "192.0.2.1 0"],
      [[`${FOR}: ${",".repeat(10_000)}`], "nobody"],
    ] as const
  ) assertEquals(told(...lines), expected, lines.join("; ").slice(0, 80));
});

Deno.test("what is no address ends the search at the proxy that said it", () => {
  for (
    const garbage of [
      ..."unknown|_hidden|localhost|1.2.3|256.0.0.1|1.2.3.4:65536|1.2.3.4:x|-"
        .split("|"),
      ..."fe80::1%eth0|[::1|[::1]x|[fe80::1%25eth0]|1.2.3.4:|unix:|'|\"|\\"
        .split("|"),
      ...['"192.0.2.9"', "<script>", "a".repeat(10_000), "1.2.3.4 1.2.3.4"],
      ...["\xff\xfe", "[]", ":", "127.1", "0177.0.0.1"],
    ]
  ) {
    assertEquals(told(`${FOR}: ${garbage}`), "nobody", garbage);
    assertEquals(told(`${FOR}: 192.0.2.1, ${garbage}`), "nobody", garbage);
    assertEquals(
      told(`${FOR}: 192.0.2.1, ${garbage}, 10.0.0.1`),
      "10.0.0.1 0",
      garbage,
    );
    // To the left of the client it is nobody's business.
    assertEquals(told(`${FOR}: ${garbage}, 192.0.2.1`), "192.0.2.1 0");
    assertEquals(told(`forwarded: ${garbage}`), "nobody", garbage);
    assertEquals(
      told(`forwarded: ${garbage}, for=192.0.2.1`),
      "192.0.2.1 0",
      garbage,
    );
  }
});

Deno.test("x-forwarded-proto tells how the client came, and nothing else does", () => {
  const from = `${FOR}: 192.0.2.1, 10.0.0.1`;
  for (
    const [lines, expected] of [
      [[`${PROTO}: https`], "nobody tls"],
      [[from, `${PROTO}: https`], "192.0.2.1 0 tls"],
      [[from, `${PROTO}: HTTP`], "192.0.2.1 0 clear"],
      [[from, `${PROTO}: wss`], "192.0.2.1 0 tls"],
      [[from, `${PROTO}: ws`], "192.0.2.1 0 clear"],
      // One for each proxy, or what the nearest one says.
      [[from, `${PROTO}: https, http`], "192.0.2.1 0 tls"],
      [[from, `${PROTO}: https, https, http`], "192.0.2.1 0 clear"],
      [[from, `${PROTO}: https`, `${PROTO}: http`], "192.0.2.1 0 tls"],
      [[from, `${PROTO}: ftp`], "192.0.2.1 0"],
      [[from, `${PROTO}: `], "192.0.2.1 0"],
      [[from, `${PROTO}: javascript:alert(1)`], "192.0.2.1 0"],
      [[from, "forwarded: proto=https"], "192.0.2.1 0"],
      [[from, "x-forwarded-ssl: on"], "192.0.2.1 0"],
    ] as const
  ) assertEquals(told(...lines), expected, lines.join("; "));
});

Deno.test("forwarded is read as RFC 7239 has it", () => {
  for (
    const [value, expected] of [
      ["for=192.0.2.1", "192.0.2.1 0"],
      ["For=192.0.2.1;Proto=HTTPS;by=203.0.113.43", "192.0.2.1 0 tls"],
      ['proto=http; for="192.0.2.1:4711"', "192.0.2.1 4711 clear"],
      ['for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17 4711"],
      ['for="[2001:db8:cafe::17]"', "2001:db8:cafe::17 0"],
      ['for="192.0.2.1:_port"', "192.0.2.1 0"],
      ['for="\\1\\9\\2.0.2.1"', "192.0.2.1 0"],
      ["for=192.0.2.1, for=10.0.0.1", "192.0.2.1 0"],
      ["for=127.0.0.1, for=192.0.2.1, for=10.0.0.1", "192.0.2.1 0"],
      // The scheme is that of the client, not that between proxies.
      ["for=192.0.2.1;proto=https, for=10.0.0.1;proto=http", "192.0.2.1 0 tls"],
      ["for=192.0.2.1, for=10.0.0.1;proto=https", "192.0.2.1 0 tls"],
      ["proto=https", "nobody tls"],
      ["for=unknown;proto=https", "nobody tls"],
      ["for=_gazonk", "nobody"],
      ["for=192.0.2.1, for=unknown, for=10.0.0.1", "10.0.0.1 0"],
      // Commas, semicolons and quotes in quotes.
      ['host="a,b;for=127.0.0.1";for=192.0.2.1', "192.0.2.1 0"],
      ['host="\\",for=127.0.0.1;a=\\"";for=192.0.2.1', "192.0.2.1 0"],
      ['for=192.0.2.1;host="a,b\\"c"', "192.0.2.1 0"],
      // What a client left open cannot swallow what the proxy adds.
      ['for=", for=192.0.2.1', "192.0.2.1 0"],
      ['for="127.0.0.1\\", for=192.0.2.1', "192.0.2.1 0"],
      ['x="a, for=192.0.2.1;proto=http', "192.0.2.1 0 clear"],
      ["secret=x, for=192.0.2.1", "192.0.2.1 0"],
      ["for = 192.0.2.1", "nobody"],
      ["xfor=192.0.2.1", "nobody"],
    ] as const
  ) assertEquals(told(`forwarded: ${value}`), expected, value);
  assertEquals(
    told("forwarded: for=127.0.0.1", "forwarded: for=192.0.2.1"),
    "192.0.2.1 0",
  );
});

Deno.test("where there is x-forwarded-for, forwarded is not looked at", () => {
  const forwarded = "forwarded: for=127.0.0.1;proto=https";
  assertEquals(told(`${FOR}: 192.0.2.1`, forwarded), "192.0.2.1 0");
  assertEquals(told(forwarded, `${FOR}: 192.0.2.1`), "192.0.2.1 0");
  assertEquals(told(`${FOR}: unknown`, forwarded), "nobody");
  assertEquals(told(forwarded, `${PROTO}: http`), "127.0.0.1 0 tls");
});

Deno.test("whatever stands there, a client is an address, and found soon", () => {
  const pieces = [
    ...'10.0.0.1|192.0.2.1|::1|[::1]:1|for=|proto=https|by=|"|\\|,|;|=| |_x|%'
      .split("|"),
    ...["unknown", ":", "\t", "\xff", "[", "]", "1.2.3.4:70000"],
  ];
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor(seed / 2 ** 31 * below);
  };
  for (let i = 0; i < 3000; i++) {
    const value = Array.from(
      { length: random(12) },
      () => pieces[random(pieces.length)],
    ).join("");
    for (const name of [FOR, "forwarded"]) {
      const { client } = forwardedClient([[name, value]], () => false);
      if (client === null) continue;
      assertEquals(parseIpAddress(client[0])?.text, client[0], value);
      assert(client[1] >= 0 && client[1] <= 65535, value);
    }
  }
  const start = performance.now();
  for (const piece of pieces) {
    const value = piece.repeat(65536 / piece.length);
    for (const name of [FOR, "forwarded", PROTO]) {
      forwardedClient([[name, value]], () => true);
      forwardedClient([[name, `for="${value}`]], () => true);
    }
  }
  const elapsed = performance.now() - start;
  assert(elapsed < 10_000, `${elapsed} ms for lists of 64 KiB`);
});
