import { ProxyApp } from "../../src/apps/proxy.ts";
import { parseTarget } from "../../src/apps/proxy/target.ts";
import { configureLog } from "../../src/log/log.ts";
import { appHelp } from "../../src/options/app_options.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";

Deno.test("the proxy takes its options as the command line and as code give them", () => {
  const options: Record<string, unknown>[] = [
    {},
    { target: "http://a" },
    { backend: "https://a:1/b/" },
    { target: "http://a,http://b:1/c, https://[::1]:2" },
    { target: ["http://a", "http://b"] },
    { timeout: "0", connect_timeout: 1.5, fail_timeout: "0.5" },
    { headers: "" },
    { headers: "x-a: 1" },
    { headers: "X-A:1,x-b: 2, 3 , x-c:http://c" },
    { headers: { "x-a": "1", Host: "a.example" } },
    { remove_headers: "cookie, x-a" },
    { remove_headers: ["cookie"] },
    { preserve_host: 1, trust_forwarded: "no" },
    { target: "unix:/run/app.sock" },
    { target: "http://unix:/run/app.sock:/base/, http://a" },
    { verify: "0", cookie_domain: "none" },
    { cookie_domain: ".example.com" },
  ];
  for (const given of options) {
    using proxy = new ProxyApp(given);
    assertEquals(typeof proxy.toApp(), "function");
  }
});

Deno.test("a proxy without a target says where requests go", () => {
  const log: string[] = [];
  configureLog({ level: "info", write: (text) => void log.push(text) });
  try {
    for (const given of [{}, { target: "http://a" }, { backend: "http://a" }]) {
      using _proxy = new ProxyApp(given);
    }
  } finally {
    configureLog({ level: "info" });
  }
  assertEquals(log.length, 1);
  assertStringIncludes(log[0], "requests go to http://localhost:8080;");
});

Deno.test("wrong options of the proxy are named", () => {
  const cases: [Record<string, unknown>, message: string][] = [
    [{ targets: "x" }, 'no option "targets"; did you mean target?'],
    [{ target: "" }, "needs a target, as in target=http://backend:3000"],
    [{ target: [] }, "needs a target"],
    ...[
      "backend:3000",
      "//a",
      "ftp://a",
      "ws://a",
      "http://",
      "http://a/?q",
      "http://a/?",
      "http://a/#f",
      "http://user:pass@a/",
      "http://a b/",
      "http://a:99999/",
      "unix:",
      "https://unix:/run/app.sock",
      "unix:/run/app.sock:base",
      "unix:/run/app.sock:/base?q",
    ].map((target): [Record<string, unknown>, string] => [
      { target: [target] },
      `option target: ${JSON.stringify(target)} is not an http or https URL`,
    ]),
    [{ timeout: "-1" }, 'option timeout: "-1" is not a number of seconds'],
    ...[
      "x",
      ": 1",
      "x y: 1",
      "content-length: 1",
      "Transfer-Encoding: x",
      "connection: close",
      "x: a\r\nb: c",
      { upgrade: "x" },
      { x: 1 },
      { x: "\n" },
      ["x: 1"],
      null,
    ].map((headers): [Record<string, unknown>, string] => [
      { headers },
      "is not header fields, as in",
    ]),
    [{ cookie_domain: "a;b" }, "is not the name of a domain"],
    [{ remove_headers: "a b" }, "is not the name of a header field"],
    [{ ca_cert: "/no/such/file" }, "no such file"],
  ];
  for (const [options, message] of cases) {
    const error = assertThrows(
      () => new ProxyApp(options),
      OptionError,
      undefined,
      JSON.stringify(options),
    );
    assertStringIncludes(error.message, message);
    assert(error.message.startsWith("PAGI::App::Proxy"), error.message);
  }
});

Deno.test("parseTarget() reads where a URL leads", () => {
  const { url, secure, hostname, port, host, basePath } = parseTarget(
    "HTTPS://[::1]:8443/a%2Fb//",
  )!;
  assertEquals(
    [url, secure, hostname, port, host, basePath],
    ["https://[::1]:8443/a%2Fb", true, "::1", 8443, "[::1]:8443", "/a%2Fb"],
  );
  assertEquals(parseTarget("http://a:80")?.host, "a");
  assertEquals(parseTarget("http://a")?.port, 80);
  assertEquals(parseTarget("https://a")?.port, 443);
  assertEquals(parseTarget("https://a")?.basePath, "");
  assertEquals(parseTarget("https://a.:1")?.hostname, "a");
  const socket = parseTarget("http://unix:/run/app.sock:/base/")!;
  assertEquals(
    [socket.url, socket.socket, socket.host, socket.basePath],
    ["unix:/run/app.sock:/base", "/run/app.sock", "localhost", "/base"],
  );
  assertEquals(parseTarget("http://unix:8080/x")?.hostname, "unix");
  assertEquals(parseTarget("UNIX:/a b.sock")?.url, "unix:/a b.sock");
});

Deno.test("the help of the proxy tells every option with its default", () => {
  const help = appHelp("PAGI::App::Proxy", ProxyApp.options);
  for (const name of Object.keys(ProxyApp.options)) {
    assertStringIncludes(help, name);
  }
  const flat = help.replace(/\s+/g, " ");
  assertStringIncludes(flat, "(default: http://localhost:8080)");
  assertStringIncludes(flat, "(default: 30)");
});
