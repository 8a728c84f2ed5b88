import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { CascadeApp } from "../../src/apps/cascade.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type {
  PagiApp,
  ReceiveEvent,
  Scope,
  SendEvent,
} from "../../src/pagi/types.ts";
import { httpApp } from "../helpers/http_app.ts";
import { runApp } from "../helpers/run_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

function answering(status: number, text: string): PagiApp {
  return async (_scope, receive, send) => {
    const event = await receive();
    const body = "body" in event ? new TextDecoder().decode(event.body) : "";
    await send({ type: "http.response.start", status });
    await send({ type: "http.response.body", body: text, more: 1 });
    await send({ type: "http.response.body", body });
  };
}

async function ask(cascade: CascadeApp, body = ""): Promise<string> {
  const { status, text } = await runApp(cascade.toApp(), {
    method: body ? "POST" : "GET",
    body,
  });
  return `${status} ${text}`;
}

Deno.test("Cascade moves on after 404 and 405 only, by default (PAGI.md 114)", async () => {
  for (const status of [404, 405]) {
    const cascade = new CascadeApp({
      apps: [answering(status, "first"), answering(200, "second")],
    });
    assertEquals(await ask(cascade), "200 second");
  }
  for (const status of [200, 301, 403, 410, 500]) {
    const cascade = new CascadeApp({
      apps: [answering(status, "first"), answering(200, "second")],
    });
    assertEquals(await ask(cascade), `${status} first`);
  }
});

Deno.test("the last answer stands, caught or not", async () => {
  const cascade = new CascadeApp()
    .add(answering(404, "first")).add(answering(405, "second"));
  assertEquals(await ask(cascade), "405 second");
  assertEquals((await ask(new CascadeApp())).slice(0, 3), "404");
});

Deno.test("catch says which statuses move on", async () => {
  const cascade = new CascadeApp({
    apps: [answering(500, "first"), answering(404, "second")],
    catch: [500],
  });
  assertEquals(await ask(cascade), "404 second");
});

Deno.test("each app is told that a request has no body", async () => {
  const events: ReceiveEvent[] = [];
  const listening: PagiApp = async (_scope, receive, send) => {
    events.push(await receive());
    await send({ type: "http.response.start", status: 404 });
    await send({ type: "http.response.body" });
  };
  await ask(new CascadeApp({ apps: [listening, listening, listening] }));
  assertEquals(events.length, 3);
  for (const event of events) {
    assertEquals(event, {
      type: "http.request",
      body: new Uint8Array(0),
      more: 0,
    });
  }
});

/** Reads `most` bytes of the body, answers, and notes what came. */
function reading(
  status: number,
  most: number,
  seen: string[],
  after: () => Promise<void> = () => Promise.resolve(),
): PagiApp {
  return httpApp(async (_scope, receive, send) => {
    let body = "";
    while (body.length < most) {
      const event = await receive();
      if (!("body" in event)) {
        seen.push(`${event.type} after ${body.length}`);
        return;
      }
      // Whatever an app does to the bytes is its own affair.
      body += new TextDecoder().decode(event.body);
      event.body.fill(0);
      if (!event.more) break;
    }
    seen.push(body);
    await send({ type: "http.response.start", status });
    await send({ type: "http.response.body", body: "x", more: 1 });
    await after();
    await send({ type: "http.response.body", body: String(status) });
  });
}

/** Sends `pieces` as the body of one request through a server. */
async function upload(
  app: PagiApp,
  pieces: string[],
  ...fields: string[]
): Promise<string> {
  let answer = "";
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    const framing = fields.length > 0 ? fields : ["transfer-encoding: chunked"];
    await client.request("POST /", ...framing);
    for (const piece of pieces) await client.send(piece);
    const { status, body } = await client.response();
    answer = `${status} ${body}`;
  });
  return answer;
}

Deno.test("each app receives the whole body, however much of it those before it have received", async () => {
  const chunks = ["3\r\nabc\r\n", "3\r\ndef\r\n", "0\r\n\r\n"];
  for (const most of [0, 1, 4, 99]) {
    for (
      const [pieces, ...fields] of [
        [chunks],
        [["abc", "def"], "content-length: 6"],
      ] as const
    ) {
      const seen: string[] = [];
      const cascade = new CascadeApp({
        apps: [
          reading(404, most, seen),
          reading(405, most, seen),
          reading(200, 99, seen),
        ],
      });
      const answer = await upload(cascade.toApp(), [...pieces], ...fields);
      assertEquals(answer, "200 x200");
      assertEquals(seen[2], "abcdef");
    }
  }
});

Deno.test("an app that reads on after its caught answer takes nothing from the next", async () => {
  const seen: string[] = [];
  const greedy = httpApp(async (_scope, receive, send) => {
    seen.push((await receive()).type);
    await send({ type: "http.response.start", status: 404 });
    seen.push((await receive()).type);
    await send({ type: "http.response.body" });
  });
  const cascade = new CascadeApp({ apps: [greedy, reading(200, 99, seen)] });
  const chunks = ["3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"];
  assertEquals(await upload(cascade.toApp(), chunks), "200 x200");
  assertEquals(seen, ["http.request", "http.disconnect", "abcdef"]);
});

Deno.test("what an app waits for when it is caught is the next one's, however much it is", async () => {
  const seen: string[] = [];
  for (const settlesFirst of [true, false]) {
    const go = Promise.withResolvers<void>();
    const impatient = httpApp(async (_scope, receive, send) => {
      await receive();
      const second = receive();
      await send({ type: "http.response.start", status: 404 });
      go.resolve();
      if (!settlesFirst) await second;
      await send({ type: "http.response.body" });
    });
    const slow = httpApp(async (scope, receive, send) => {
      const first = await receive();
      await delay(20);
      let begun = true;
      const rest = () => {
        if (!begun) return receive();
        begun = false;
        return Promise.resolve(first);
      };
      await reading(200, 99_999, seen)(scope, rest, send);
    });
    const cascade = new CascadeApp({
      apps: [impatient, slow],
      maxReplay: 1000,
    });
    await withServer(cascade.toApp(), {}, async ({ connect }) => {
      const client = await connect();
      await client.request("POST /", "content-length: 9003");
      await client.send("abc");
      await go.promise;
      await client.send("x".repeat(9000));
      assertEquals((await client.response()).body, "x200");
    });
    assertEquals(seen.pop(), "abc" + "x".repeat(9000));
  }
});

Deno.test("beyond max_replay the first answer stands; what is not received yet costs nothing", async () => {
  const long = "x".repeat(5000);
  const body = [long, long];
  const length = "content-length: 10000";
  for (
    const [most, answer] of [[99_999, "404 x404"], [0, "200 x200"]] as const
  ) {
    const seen: string[] = [];
    const cascade = new CascadeApp({
      apps: [reading(404, most, seen), reading(200, 99_999, seen)],
      maxReplay: 3000,
    });
    assertEquals(await upload(cascade.toApp(), body, length), answer);
    assertEquals(seen.at(-1), long + long);
  }
});

Deno.test("a caught answer that breaks off is caught all the same", async () => {
  const seen: string[] = [];
  const breaking = reading(
    404,
    99,
    seen,
    () => Promise.reject(new Error("broken")),
  );
  const cascade = new CascadeApp({ apps: [breaking, answering(200, "next:")] });
  assertEquals(await ask(cascade, "data"), "200 next:data");
});

Deno.test("a client that leaves in mid-body ends the cascade", async () => {
  const seen: string[] = [];
  const ended = Promise.withResolvers<void>();
  const app = new CascadeApp({
    apps: [reading(404, 99, seen), reading(200, 99, seen)],
  }).toApp();
  const watched: PagiApp = async (...args) => {
    await app(...args);
    ended.resolve();
  };
  await withServer(watched, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 9");
    await client.send("abc");
    client.close();
    await ended.promise;
  });
  assertEquals(seen.map((text) => text.split(" ")[0]), ["http.disconnect"]);
});

Deno.test("an app that throws on a request is not passed over", async () => {
  const cascade = new CascadeApp({
    apps: [() => Promise.reject(new Error("broken")), answering(200, "")],
  });
  await assertRejects(() => ask(cascade), Error, "broken");
});

async function connect(cascade: CascadeApp): Promise<SendEvent[]> {
  const sent: SendEvent[] = [];
  let connected = false;
  await cascade.toApp()(
    {
      type: "websocket",
      path: "/",
      headers: [],
      subprotocols: [],
    } as unknown as Scope,
    () => {
      if (connected) throw new Error("connect is received once only");
      connected = true;
      return Promise.resolve({ type: "websocket.connect" });
    },
    (event) => Promise.resolve(void sent.push(event)),
  );
  return sent;
}

Deno.test("WebSockets cascade: an app that knows none, or denies with 404, is passed over", async () => {
  const accepting: PagiApp = async (_scope, receive, send) => {
    assertEquals(await receive(), { type: "websocket.connect" });
    await send({ type: "websocket.accept" });
  };
  const denying: PagiApp = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.http.response.start", status: 404 });
    await send({ type: "websocket.http.response.body" });
  };
  const ignorant: PagiApp = () => Promise.reject(new Error("http only"));
  assertEquals(
    await connect(new CascadeApp({ apps: [ignorant, denying, accepting] })),
    [{ type: "websocket.accept" }],
  );
  await assertRejects(
    () => connect(new CascadeApp({ apps: [denying, ignorant] })),
    Error,
    "http only",
  );
});

Deno.test("compose() tries the apps by their numbers", async () => {
  const cascade = await CascadeApp.compose(
    { "2": "200", "1": "410", catch: "410,404" },
    (name) => Promise.resolve(answering(Number(name), name)),
  );
  assertEquals(await ask(cascade), "200 200");
});

Deno.test("compose() refuses what is no number, wrong statuses, and nothing", async () => {
  const load = () => Promise.resolve(answering(200, ""));
  for (
    const [pairs, words] of [
      [{ app: "x" }, 'unknown option "app"'],
      [{}, "nothing to try"],
      [{ "1": "x", catch: "4o4" }, "option catch"],
      [{ "1": "x", catch: "999" }, "option catch"],
    ] as const
  ) {
    await assertRejects(
      () => CascadeApp.compose(pairs, load),
      OptionError,
      words,
    );
  }
});
