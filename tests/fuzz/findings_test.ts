/**
 * What fuzzing found, as fixed cases.
 *
 * @module
 */

import { describeApp } from "../../src/loader/app_spec.ts";
import { lint } from "../../src/middleware/lint.ts";
import { quote } from "../../src/options/option_error.ts";
import type { HeaderList, SendEvent } from "../../src/pagi/types.ts";
import { describeValue } from "../../src/pagi/event_checks.ts";
import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";
import { Answers, frame, PREFACE, request, SETTINGS } from "./http2_frames.ts";
import { Random } from "./random.ts";
import { RawConnection } from "../helpers/raw_connection.ts";

Deno.test("an app's name and its options' names are quoted where they are not plain", () => {
  const pairs = { "a\nb": "c d" };
  assertEquals(
    describeApp({ target: { kind: "module", name: "\x1b[1m" }, pairs }),
    '"\\u001b[1m" "a\\nb"="c d"',
  );
});

Deno.test("a symbol given for a setting does not speak in the message", () => {
  assertEquals(quote(Symbol("\n")), "a symbol");
});

Deno.test("a value in an app's event is told of in plain ASCII, whatever it is", () => {
  assertEquals(describeValue(Symbol("\n")), "[object Symbol]");
  assertEquals(
    describeValue({ [Symbol.toStringTag]: "\r\nx" }),
    "[object \\u000d\\u000ax]",
  );
});

Deno.test("a path with DEL, which HTTP/2 lets through, is refused", async () => {
  const called: string[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    called.push(scope.path);
    await reply(send, "ok");
  });
  await withServer(app, {}, async ({ port }) => {
    using wire = await RawConnection.open(port);
    const random = new Random(1);
    await wire.trySend(
      PREFACE + frame(SETTINGS, 0, 0, "") +
        request(random, 1, "/a\x7f", "") + request(random, 3, "/b?\x7f", "") +
        request(random, 5, "/c", ""),
    );
    const answers = new Answers(wire);
    while (answers.ended < 3 && await answers.read());
    assertEquals([...answers.bodies].sort(), [
      [1, "A request target must not have control characters.\n"],
      [3, "A request target must not have control characters.\n"],
      [5, "ok"],
    ]);
  });
  assertEquals(called, ["/c"]);
});

Deno.test("in development too, send rejects what cannot be looked at", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const app = lint(httpApp(async (_scope, _receive, send) => {
    const sent = send({ type: proxy } as unknown as SendEvent);
    await assertRejects(() => sent, TypeError);
    await reply(send, "ok");
  }));
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "ok");
  });
});

Deno.test("the lint tells of a content-length in plain ASCII", async () => {
  const app = lint(httpApp(async (_scope, _receive, send) => {
    const headers: HeaderList = [["content-length", "/\x80"]];
    await assertRejects(
      () => send({ type: "http.response.start", status: 200, headers }),
      Error,
      String.raw`content-length "/\u0080"`,
    );
    await reply(send, "ok");
  }));
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "ok");
  });
});
