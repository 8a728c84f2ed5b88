/** Requests and sockets of an engine whose internals have another shape. */

import {
  bodyOf,
  lowerNames,
  sentHeaders,
  setUrl,
  takeBody,
} from "../../src/engine/request.ts";
import {
  awaitClose,
  KeepAlive,
  ReadPause,
} from "../../src/engine/websocket.ts";
import { configureLog } from "../../src/log/log.ts";
import { assertEquals } from "../../src/std/assert.ts";

const REQUEST = Object.getOwnPropertySymbols(new Request("http://localhost/"))
  .find(({ description }) => description === "request")!;

/** A request of which all is as the public API has it, but for `inner`. */
function request(inner: unknown, method = "GET"): Request {
  return {
    [REQUEST]: inner,
    method,
    headers: new Headers({ "X-B": "2", "x-a": "1", "content-length": "1" }),
    body: null,
  } as unknown as Request;
}

/** Something that throws whatever is done with it. */
const HOSTILE: unknown = new Proxy({}, {
  get() {
    throw new Error("not here");
  },
});

const SHAPES: [string, unknown][] = [
  ["nothing", undefined],
  ["null", null],
  ["a string", "list"],
  ["an object", {}],
  ["a list of names and values in turn", { headerList: ["X-B", "2"] }],
  ["objects", { headerList: [{ name: "X-B", value: "2" }] }],
  ["names alone", { headerList: [["X-B"]] }],
  ["values that are bytes", { headerList: [["X-B", new Uint8Array([50])]] }],
  ["numbers", { headerList: [[1, 2]] }],
  ["null among fields", { headerList: [["X-B", "2"], null] }],
  ["fields that are frozen", { headerList: [Object.freeze(["X-B", "2"])] }],
  ["a map", { headerList: new Map([["X-B", "2"]]) }],
  ["a getter that throws", HOSTILE],
  ["a frozen object", Object.freeze({ method: "GET", headerList: [] })],
];

for (const [shape, inner] of SHAPES) {
  Deno.test(`where a request holds ${shape}, its public side serves`, () => {
    configureLog({ level: "error" });
    const fields = sentHeaders(request(inner));
    lowerNames(fields);
    const isEmptyList = shape === "a frozen object";
    assertEquals(
      fields,
      isEmptyList ? [] : [["content-length", "1"], ["x-a", "1"], ["x-b", "2"]],
    );
    for (const method of ["GET", "POST"]) {
      assertEquals(bodyOf(request(inner, method)), null);
    }
    configureLog({ level: "info" });
  });
}

Deno.test("a request that cannot be changed is left as it is", () => {
  class Inner {
    get body(): null {
      return null;
    }
    url(): string {
      return "http://localhost/";
    }
  }
  const taker = { takesWhole: () => true, replace: <T>(stream: T) => stream };
  const frozen = request(Object.freeze(new Inner()));
  assertEquals(takeBody(frozen, taker), false);
  assertEquals(setUrl(frozen, "http://other/"), false);
  assertEquals(takeBody(request(new Inner()), taker), true);
});

Deno.test("a body of another shape is read as a stream", () => {
  const bodies: unknown[] = [
    {},
    { streamOrStatic: null },
    { streamOrStatic: { body: "text", consumed: false } },
    { streamOrStatic: { body: new Uint8Array(1) } },
    { streamOrStatic: { body: new Uint8Array(1), consumed: "no" } },
    {
      streamOrStatic: Object.freeze({
        body: new Uint8Array(1),
        consumed: false,
      }),
    },
    HOSTILE,
  ];
  for (const body of bodies) {
    assertEquals(bodyOf(request({ headerList: [], body }, "POST")), null);
  }
});

Deno.test("a request keeps the method that it had", () => {
  const made = new Request("http://localhost/", {
    headers: { "content-length": "1" },
  });
  assertEquals(bodyOf(made), null);
  assertEquals(made.method, "GET");
  assertEquals(new Request(made).method, "GET");
});

Deno.test("a socket of another shape is left alone", () => {
  const socket = new EventTarget() as WebSocket;
  assertEquals(KeepAlive.of(socket, () => {}), null);
  assertEquals(ReadPause.of(socket, null), null);
  awaitClose(socket);
  assertEquals(
    Reflect.ownKeys(socket).length,
    Reflect.ownKeys(new EventTarget()).length,
  );
});

Deno.test("an engine that goes on reading while it should pause is noticed", async () => {
  configureLog({ level: "error" });
  const pause = ReadPause.of(unopenedSocket(), null)!;
  assertEquals([pause.pause(), pause.pause()], [true, false]);
  await null;
  pause.resume(); // the loop of a socket without a connection fails
  assertEquals(pause.pause(), true);
  configureLog({ level: "info" });
});

/** A socket of the engine without a connection. */
function unopenedSocket(): WebSocket {
  let socket!: WebSocket;
  class Unopened {}
  Object.setPrototypeOf(
    Unopened.prototype,
    new Proxy(WebSocket.prototype, {
      set: (_target, name, value, receiver) =>
        Reflect.set(EventTarget.prototype, name, value, socket = receiver),
    }),
  );
  try {
    Reflect.construct(WebSocket, [":"], Unopened);
  } catch {
    // no address
  }
  return Object.setPrototypeOf(socket, WebSocket.prototype);
}
