import { withoutServerFrames } from "../../src/log/stack_frames.ts";
import { assertEquals } from "../../src/std/assert.ts";

const SERVER = new URL("../../src/", import.meta.url).href;
const OWN = [
  `    at serveHttp (${SERVER}server/http/exchange.ts:27:12)`,
  `    at async ${SERVER}server/dispatch.ts:51:14`,
  "    at handler (ext:deno_http/00_serve.ts:300:1)",
];

Deno.test("the stack of an app's error is logged without the server's frames", () => {
  const app = [
    "Error: at the app's own fault",
    "    at inner (file:///srv/app.ts:2:9)",
    OWN[0],
    "    at Module.outer (file:///srv/src/server/app.ts:3:9)",
  ];
  const cause = ["Caused by: TypeError: no", "    at file:///srv/b.ts:1:1"];
  assertEquals(withoutServerFrames([...app, ...OWN, ...cause, ...OWN]), [
    app[0],
    app[1],
    app[3],
    ...cause,
  ]);
});

Deno.test("where all frames are the server's, they stay", () => {
  const fault = ["Error: the server's", ...OWN];
  assertEquals(withoutServerFrames(fault), fault);
  assertEquals(withoutServerFrames(["no error"]), ["no error"]);
});
