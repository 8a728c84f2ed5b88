import type { HttpScope } from "../../src/pagi/types.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { readBody, reply } from "../helpers/http_app.ts";
import {
  assertSameAnswer,
  assertSameDeparture,
  assertSameTalk,
  type BothRequest,
  noteConnection,
  type NotingApp,
  trySend,
} from "./both_ways.ts";

const FILE = fromFileUrl(new URL("../../LICENSE", import.meta.url));
const STREAM = { headers: { accept: "text/event-stream" } };
const ENCODER = new TextEncoder();

/** What an app does, and the request it does it for. */
const ANSWERS: Record<string, [NotingApp, BothRequest?]> = {
  "a whole answer": [() => async (_scope, _receive, send) => {
    await reply(send, "héllo", [["x-a", "1"], ["x-a", "2"]], 201);
  }],
  "events at the wrong moment": [(notes) => async (_scope, _receive, send) => {
    await trySend(notes, send, { type: "http.response.body", body: "early" });
    await trySend(notes, send, { type: "http.response.start", status: 200 });
    await trySend(notes, send, { type: "http.response.start", status: 404 });
    await trySend(notes, send, { type: "http.response.trailers" });
    await trySend(notes, send, { type: "http.response.body", body: "a" });
    await trySend(notes, send, { type: "http.response.body", body: "b" });
    await trySend(notes, send, { type: "http.response.trailers" });
  }],
  "events that are none": [(notes) => async (_scope, _receive, send) => {
    const headers = [["x", "a\nb"]];
    const events = [
      null,
      {},
      { type: "sse.start" },
      { type: "http.fullflush" },
      { type: "http.response.start" },
      { type: "http.response.start", status: 199 },
      { type: "http.response.start", status: 200, headers },
      { type: "http.response.body", body: 1 },
      { type: "http.response.body", body: "", file: FILE },
    ];
    for (const event of events) await trySend(notes, send, event);
    await reply(send, "after all");
  }],
  "a file, a slice of it, and none": [
    (notes) => async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      const file = "/none/such";
      await trySend(notes, send, { type: "http.response.body", file });
      const slice = { file: FILE, offset: 4, length: 40 };
      await trySend(notes, send, { type: "http.response.body", ...slice });
    },
  ],
  "an open file": [(notes) => async (_scope, _receive, send) => {
    using fh = await Deno.open(FILE);
    await send({ type: "http.response.start", status: 200 });
    await trySend(notes, send, { type: "http.response.body", fh });
    await fh.seek(0, 0);
    notes.push(`read ${await fh.read(new Uint8Array(3))}`);
  }],
  "a whole file": [() => async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", file: FILE });
  }],
  "HEAD": [() => async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
    await send({ type: "http.response.body", body: "b" });
  }, { method: "HEAD" }],
  "a status without a body": [() => async (_scope, _receive, send) => {
    await reply(send, "swallowed", [], 204);
  }],
  "more than was announced": [() => async (_scope, _receive, send) => {
    const headers: [string, string][] = [["content-length", "3"]];
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body", body: "ab", more: 1 });
    await send({ type: "http.response.body", body: "cd" });
  }],
  "less than was announced": [() => async (_scope, _receive, send) => {
    const headers: [string, string][] = [["content-length", "30"]];
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body", body: "ab", more: 1 });
    await send({ type: "http.response.body", body: "cd" });
  }],
  "a throw before the start": [(notes) => (scope) => {
    noteConnection(notes, scope as HttpScope);
    return Promise.reject(new Error("on purpose"));
  }],
  "a throw in mid-body": [(notes) => async (scope, _receive, send) => {
    noteConnection(notes, scope as HttpScope);
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
    throw new Error("on purpose");
  }],
  "no answer at all": [(notes) => (scope) => {
    noteConnection(notes, scope as HttpScope);
    return Promise.resolve();
  }],
  "a return in mid-body": [() => async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
  }],
  "a request without a body": [(notes) => async (_scope, receive, send) => {
    notes.push(JSON.stringify(await receive()));
    await reply(send);
    notes.push(JSON.stringify(await receive()));
  }],
  "a request with a body": [(notes) => async (scope, receive, send) => {
    noteConnection(notes, scope as HttpScope);
    await reply(send, await readBody(receive));
  }, { method: "PUT", body: "a body" }],
  "a body that is too large": [(notes) => async (_scope, receive, send) => {
    notes.push("called");
    await reply(send, await readBody(receive));
  }, { method: "POST", body: "x".repeat(1001) }],
  "what the scope says": [(notes) => async (scope, _receive, send) => {
    const { path, raw_path, query_string, root_path, http_version } =
      scope as HttpScope;
    const { method, scheme, extensions, pagi, state } = scope as HttpScope;
    const seen = { path, raw_path, query_string, root_path, http_version };
    notes.push(JSON.stringify(seen));
    notes.push(JSON.stringify({ method, scheme, extensions, pagi, state }));
    const cookie = (scope as HttpScope).headers
      .filter(([name]) => /^(cookie|x-)/.test(name)).sort();
    notes.push(JSON.stringify(cookie));
    await reply(send);
  }, {
    method: "DELETE",
    target: "/a%2Fb/caf%C3%A9/%FF/+?q=%20&r",
    headers: { cookie: "a=1; b=2", "X-One": "1" },
  }],
  "an event stream": [(notes) => async (scope, receive, send) => {
    notes.push(scope.type, JSON.stringify(await receive()));
    await trySend(notes, send, { type: "sse.send", data: "early" });
    await trySend(notes, send, { type: "sse.send", data: 1 });
    await trySend(notes, send, { type: "sse.start", status: 201 });
    await trySend(notes, send, { type: "sse.send", data: "a\nb", id: "7" });
    await trySend(notes, send, { type: "sse.comment", comment: "hm" });
    await trySend(notes, send, {
      type: "sse.http.response.start",
      status: 200,
    });
    await trySend(notes, send, { type: "sse.close" });
    await trySend(notes, send, { type: "sse.send", data: "late" });
    await trySend(notes, send, { type: "sse.close" });
  }, STREAM],
  "a stream declined": [(notes) => async (_scope, _receive, send) => {
    const headers = [["x-why", "no"]];
    const start = { type: "sse.http.response.start", status: 403, headers };
    await trySend(notes, send, start);
    await trySend(notes, send, { type: "sse.start" });
    const body = { type: "sse.http.response.body", body: "no" };
    await trySend(notes, send, body);
    await trySend(notes, send, body);
  }, STREAM],
  "a stream closed before its start": [
    (notes) => async (_scope, _receive, send) => {
      await trySend(notes, send, { type: "sse.close" });
      await trySend(notes, send, { type: "sse.start" });
    },
    STREAM,
  ],
  "an answer to who wanted a stream": [() => async (_scope, _r, send) => {
    await reply(send, "a page", [["content-type", "text/html"]]);
  }, STREAM],
};

for (const [name, [app, request]] of Object.entries(ANSWERS)) {
  Deno.test(`${name} comes out of the test client as out of a server`, async () => {
    await assertSameAnswer(app, request);
  });
}

Deno.test("an app learns of a departure by the test client as on a server", async () => {
  await assertSameDeparture((notes) => async (scope, receive, send) => {
    noteConnection(notes, scope as HttpScope);
    await receive();
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
    notes.push(JSON.stringify(await receive()));
    await trySend(notes, send, { type: "http.response.body", body: "b" });
    notes.push(`${(scope as HttpScope)["pagi.connection"].isConnected()}`);
  });
  await assertSameDeparture((notes) => async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "a" });
    notes.push(JSON.stringify(await receive()));
    await trySend(notes, send, { type: "sse.send", data: "b" });
  }, STREAM.headers);
});

/** Accepts, and does `then`. */
function accepting(
  then: (...given: Parameters<ReturnType<NotingApp>>) => Promise<void>,
): NotingApp {
  return (notes) => async (scope, receive, send) => {
    notes.push(JSON.stringify(await receive()));
    await send({ type: "websocket.accept", subprotocol: "chat" });
    await then(scope, async () => {
      const event = await receive();
      notes.push(JSON.stringify(event));
      return event;
    }, send);
  };
}

Deno.test("messages pass through the test client as through a server", async () => {
  const echo = accepting(async (_scope, receive, send) => {
    while (true) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      const { text, bytes } = event;
      await send(
        bytes
          ? { type: "websocket.send", bytes }
          : { type: "websocket.send", text },
      );
    }
  });
  await assertSameTalk(echo, async (socket) => {
    const got: unknown[] = [socket.subprotocol];
    for (const message of ["", "häh", ENCODER.encode("bytes")]) {
      socket.send(message);
      got.push(await socket.receive());
    }
    socket.close(4000, "enough");
    return got;
  }, ["other", "chat"]);
});

Deno.test("an app closes by the test client as on a server", async () => {
  const app = accepting(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "last" });
    await send({ type: "websocket.close", code: 3001, reason: "full" });
    await send({ type: "websocket.send", text: "too late" });
    await receive();
  });
  await assertSameTalk(app, (socket) => socket.receive(), ["chat"]);
});

Deno.test("an app that returns or throws closes by the test client as on a server", async () => {
  await assertSameTalk(
    accepting(() => Promise.resolve()),
    () => Promise.resolve(),
    ["chat"],
  );
  await assertSameTalk(
    accepting(() => Promise.reject(new Error("on purpose"))),
    () => Promise.resolve(),
    ["chat"],
  );
});

Deno.test("a message over the limit closes by the test client as on a server", async () => {
  const app = accepting(async (_scope, receive) => {
    await receive();
  });
  await assertSameTalk(app, (socket) => {
    socket.send("x".repeat(70000));
    return Promise.resolve();
  }, ["chat"]);
});
