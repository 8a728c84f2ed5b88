import { banner } from "../../src/cli/banner.ts";
import type { NetworkInterface } from "../../src/system/network.ts";
import type { ServiceFacts } from "../../src/process/run_service.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { assertEquals } from "../../src/std/assert.ts";

const LOOPBACK: NetworkInterface[] = [
  { family: "IPv4", address: "127.0.0.1" },
  { family: "IPv6", address: "::1" },
];
const LAN: NetworkInterface[] = [
  ...LOOPBACK,
  { family: "IPv4", address: "192.0.2.7" },
  { family: "IPv6", address: "2001:db8::7" },
  { family: "IPv6", address: "fe80::7" },
];
const ALONE = "only this machine can connect; --host 0.0.0.0 lets others in";

/** What the banner says of others who may connect. */
function others(
  host: string,
  interfaces: NetworkInterface[],
  changes: Partial<ServiceFacts> = {},
): string[] {
  const text = banner(
    facts({ addresses: [{ host, port: 80 }], ...changes }),
    null,
    interfaces,
  );
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.startsWith("  others"));
  const end = lines.findIndex((line, i) => i > first && /^ {2}\S/.test(line));
  return first < 0 ? [] : lines.slice(first, end).map((line) => line.slice(10));
}

function facts(changes: Partial<ServiceFacts>): ServiceFacts {
  return {
    title: "./app.ts",
    urls: ["http://localhost:80/"],
    addresses: [{ host: "127.0.0.1", port: 80 }],
    connectionLimit: 100,
    settings: resolveSettings({}),
    workers: 1,
    ...changes,
  };
}

Deno.test("the banner says how to let others in, where there are others", () => {
  assertEquals(others("127.0.0.1", LAN), [ALONE]);
  assertEquals(others("localhost", LAN), [ALONE]);
  assertEquals(others("::1", LAN), [ALONE]);
  assertEquals(others("127.0.0.1", LOOPBACK), []);
  const settings = resolveSettings({ proxyHeaders: true });
  assertEquals(others("127.0.0.1", LAN, { settings }), []);
  assertEquals(others("127.0.0.1", LAN, { addresses: [{ path: "/s" }] }), []);
});

Deno.test("the banner lists the addresses that others can use", () => {
  assertEquals(others("0.0.0.0", LAN), ["http://192.0.2.7:80/"]);
  assertEquals(others("::", LAN), [
    "http://192.0.2.7:80/",
    "http://[2001:db8::7]:80/",
  ]);
  assertEquals(others("0.0.0.0", LAN, { urls: ["https://localhost:80/"] }), [
    "https://192.0.2.7:80/",
  ]);
  assertEquals(others("192.0.2.7", LAN), []);
  const many = Array.from({ length: 20 }, (_, i): NetworkInterface => ({
    family: "IPv4",
    address: `192.0.2.${i}`,
  }));
  assertEquals(others("0.0.0.0", many).slice(8), ["and 12 more"]);
});

Deno.test("the banner counts workers, and names the page to open", () => {
  const text = banner(facts({ workers: 4 }), "a b.html", LOOPBACK);
  assertEquals(text.includes("  workers 4\n"), true);
  assertEquals(
    text.includes("  open    http://localhost:80/a%20b.html\n"),
    true,
  );
});
