import {
  clientCookie,
  clientRefresh,
  clientUri,
  type UriMapping,
} from "../../../src/apps/proxy/client_uri.ts";
import { parseTarget } from "../../../src/apps/proxy/target.ts";
import { assertEquals } from "../../../src/std/assert.ts";

/** How addresses look to a client of `https?://public.test` + `root`. */
function view(
  { targets = ["http://backend:3000"], told, root = "/api", secure = false }: {
    targets?: string[];
    told?: string;
    root?: string;
    secure?: boolean;
  },
): UriMapping {
  const all = targets.map((url) => parseTarget(url)!);
  const [target] = all;
  return {
    target,
    targets: all,
    sentHost: told ?? target.host,
    hosts: ["Public.test"],
    secure,
    root,
    prefix: root,
  };
}

function check(seen: UriMapping, cases: [given: string, got: string][]): void {
  for (const [given, got] of cases) {
    assertEquals([given, clientUri(given, seen)], [given, got]);
  }
}

Deno.test("addresses of the target lead to the mount, all others stay", () => {
  check(view({}), [
    ["/x?y#z", "/api/x?y#z"],
    ["http://backend:3000/x", "/api/x"],
    ["HTTP://Backend:3000/x", "/api/x"],
    ["http://backend.:3000/x", "/api/x"],
    ["//backend:3000/x", "/api/x"],
    ["http://backend:3000", "/api/"],
    ["http://backend:3000?q", "/api/?q"],
    // Another port, host or scheme is another server.
    ["http://backend/x", "http://backend/x"],
    ["https://backend:3000/x", "https://backend:3000/x"],
    ["ftp://backend:3000/x", "ftp://backend:3000/x"],
    ["http://me@backend:3000/x", "http://me@backend:3000/x"],
    ["http://backend:3000.evil.test/", "http://backend:3000.evil.test/"],
    ["//cdn.test/x", "//cdn.test/x"],
    ["///x", "///x"],
    ["/\\cdn.test", "/api/\\cdn.test"],
    ["mailto:a@b", "mailto:a@b"],
    ["x/../y", "x/../y"],
    ["?q", "?q"],
    ["#f", "#f"],
    ["", ""],
  ]);
});

Deno.test("a target that is told of TLS in front of the proxy may say https of itself", () => {
  check(view({ secure: true }), [
    ["https://backend:3000/x", "/api/x"],
    ["http://backend:3000/x", "/api/x"],
  ]);
  check(view({ targets: ["http://backend"] }), [
    ["http://backend:80/x", "/api/x"],
    ["https://backend/x", "https://backend/x"],
  ]);
  check(view({ targets: ["https://backend"] }), [
    ["https://backend:443/x", "/api/x"],
    ["//backend/x", "/api/x"],
  ]);
});

Deno.test("the client's own host gains the mount, and keeps scheme and name", () => {
  check(view({}), [
    ["http://public.test/x", "http://public.test/api/x"],
    ["https://public.test/x", "https://public.test/api/x"],
    ["HTTPS://PUBLIC.test./x", "HTTPS://PUBLIC.test./api/x"],
    ["//public.test/x", "//public.test/api/x"],
    ["http://public.test", "http://public.test/api/"],
    // A target that knows x-forwarded-prefix has said so already.
    ["http://public.test/api/x", "http://public.test/api/x"],
    ["http://public.test/api", "http://public.test/api"],
    ["http://public.test/apix", "http://public.test/api/apix"],
    ["http://public.test:8080/x", "http://public.test:8080/x"],
  ]);
  const base = { targets: ["http://backend:3000/base"] };
  check(view({ ...base, root: "" }), [
    ["https://public.test/base/x", "https://public.test/x"],
    ["https://public.test/login", "https://public.test/login"],
  ]);
});

Deno.test("other targets of the list, and the host that was told, are the proxy's too", () => {
  const targets = ["http://a:1/base", "http://b:2/else", "https://c"];
  check(view({ targets, told: "shop.internal" }), [
    ["http://a:1/base/x", "/api/x"],
    ["http://b:2/else/x", "/api/x"],
    ["http://b:2/base/x", "http://b:2/base/x"],
    ["https://c/x", "/api/x"],
    ["http://shop.internal/base/x", "/api/x"],
    ["http://shop.internal/x", "http://shop.internal/x"],
  ]);
});

Deno.test("a base path and a mount keep their missing slash", () => {
  check(view({ targets: ["http://b/docs"], root: "/docs" }), [
    ["/docs", "/docs"],
    ["/docs/", "/docs/"],
    ["/docs?q", "/docs?q"],
    ["http://b/docs", "/docs"],
    ["/documents", "/documents"],
  ]);
  check(view({ targets: ["http://b/docs"], root: "" }), [
    ["/docs", "/"],
    ["/docs?q", "/?q"],
    ["/docs//evil.test", "/docs//evil.test"],
  ]);
});

Deno.test("refresh leads to the mount, quoted or not", () => {
  const cases: [given: string, got: string][] = [
    ["5", "5"],
    ["5; url=/x", "5; url=/api/x"],
    ["0;URL='http://backend:3000/x'", "0;URL='/api/x'"],
    ['0, url = "/x" more', '0, url = "/api/x" more'],
    ["0;url=//cdn.test/x", "0;url=//cdn.test/x"],
    ["0; /x", "0; /api/x"],
    ["1.5 url=/x", "1.5 url=/api/x"],
    ["0;'/x'", "0;'/api/x'"],
    ["0;urlx", "0;urlx"],
    ["x; url=/x", "x; url=/x"],
    ["0;url=", "0;url="],
    ["0;url='/x", "0;url='/api/x"],
  ];
  for (const [given, got] of cases) {
    assertEquals([given, clientRefresh(given, view({}))], [given, got]);
  }
});

Deno.test("the path of a cookie moves below the mount", () => {
  const based = view({ targets: ["http://b/base"], root: "/api" });
  const cases: [UriMapping, given: string, got: string][] = [
    [view({}), "a=1; Path=/; HttpOnly", "a=1; Path=/api; HttpOnly"],
    [view({}), "a=1; path=/x", "a=1; Path=/api/x"],
    [view({}), "a=/; Secure", "a=/; Secure"],
    [view({}), "a=1; Path=x", "a=1; Path=x"],
    [view({}), "a=1; Path", "a=1; Path"],
    [view({}), "__Host-a=1; Path=/; Secure", "__Host-a=1; Path=/; Secure"],
    [view({ root: "" }), "a=1;path=/x", "a=1;path=/x"],
    [based, "a=1; Path=/", "a=1; Path=/api"],
    [based, "a=1; Path=/base", "a=1; Path=/api"],
    [based, "a=1; Path=/base/x", "a=1; Path=/api/x"],
    [based, "a=1; Path=/base/", "a=1; Path=/api/"],
    [based, "a=1; Path=/other", "a=1; Path=/other"],
    [
      view({ targets: ["http://b/base"], root: "" }),
      "a; Path=/base",
      "a; Path=/",
    ],
  ];
  for (const [seen, given, got] of cases) {
    assertEquals([given, clientCookie(given, seen, null)], [given, got]);
  }
});

Deno.test("the domain of a cookie stays, is replaced, or goes", () => {
  const given = "a=1; Domain=backend; Path=/";
  const cases: [string | null, string][] = [
    [null, "a=1; Domain=backend; Path=/api"],
    ["", "a=1; Path=/api"],
    ["public.test", "a=1; Domain=public.test; Path=/api"],
  ];
  for (const [domain, got] of cases) {
    assertEquals(clientCookie(given, view({}), domain), got);
  }
  // One for the target alone is one for the proxy alone.
  assertEquals(clientCookie("a=1", view({}), "public.test"), "a=1");
});
