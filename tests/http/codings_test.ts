import { preferredCodings } from "../../src/http/negotiation.ts";
import { assertEquals } from "../../src/std/assert.ts";

const ALL = ["br", "zstd", "gzip"] as const;

Deno.test("codings go by weight, then as the server likes them (RFC 9110, 12.5.3)", () => {
  const cases: [string | null, string[]][] = [
    [null, []],
    ["", []],
    ["gzip, deflate, br, zstd", ["br", "zstd", "gzip"]],
    ["gzip, deflate", ["gzip"]],
    ["x-gzip", ["gzip"]],
    ["GZip ; Q=0.5", ["gzip"]],
    ["br;q=0.5, gzip;q=0.9", ["gzip", "br"]],
    ["gzip;q=0", []],
    ["gzip;q=0.000, *;q=0.1", ["br", "zstd"]],
    ["*", ["br", "zstd", "gzip"]],
    ["*;q=0", []],
    ["identity, gzip;q=0.5", []],
    ["identity;q=0.5, gzip", ["gzip"]],
    ["identity;q=0, gzip;q=0.1", ["gzip"]],
    ["gzip;q=2, br;q=x, zstd;level=3", []],
    ["deflate, compress", []],
    [",, gzip ,", ["gzip"]],
  ];
  for (const [field, expected] of cases) {
    assertEquals(preferredCodings(field, ALL), expected, String(field));
  }
});
