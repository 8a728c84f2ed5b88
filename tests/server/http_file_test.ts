/** Files and open handles as bodies (PAGI.md 3.2, 3.3). */

import type {
  FileHandle,
  HeaderList,
  Send,
  SendEvent,
  Slice,
} from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { httpApp, linesOf, reply } from "../helpers/http_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { responseOf } from "../helpers/response_of.ts";
import { withServer } from "../helpers/with_server.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const BIG = 300_000;

/** A folder with files to send. */
function fixtures(): Disposable & { path(name: string): string } {
  const folder = tempFolder("pagi-file-");
  const path = (name: string) => join(folder, name);
  Deno.writeTextFileSync(path("letters"), LETTERS);
  Deno.writeTextFileSync(path("big"), digits(BIG));
  Deno.writeTextFileSync(path("empty"), "");
  Deno.writeTextFileSync(path(" %20é'\"\n;.txt"), "hostile");
  Deno.mkdirSync(path("folder"));
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function digits(length: number): string {
  return Array.from({ length }, (_, i) => i % 10).join("");
}

async function sendFile(
  send: Send,
  fields: { file: string } | { fh: FileHandle },
  slice: { offset?: number; length?: number; more?: 0 | 1 } = {},
  headers: HeaderList = [],
): Promise<void> {
  await send({ type: "http.response.start", status: 200, headers });
  await send({ type: "http.response.body", ...fields, ...slice });
}

Deno.test("a whole file is sent, small, empty and large", async () => {
  using files = fixtures();
  for (
    const [name, content] of [
      ["letters", LETTERS],
      ["empty", ""],
      ["big", digits(BIG)],
      [" %20é'\"\n;.txt", "hostile"],
    ]
  ) {
    const file = files.path(name);
    const { headers, body } = await responseOf((send) =>
      sendFile(send, { file })
    );
    assert(body === content);
    assertEquals(headers.has("content-type"), false);
    const announced: HeaderList = [["content-length", `${content.length}`]];
    const fixed = await responseOf((send) =>
      sendFile(send, { file }, {}, announced)
    );
    assert(fixed.body === content);
    assertEquals(fixed.headers.get("content-length"), `${content.length}`);
  }
});

for (
  const [offset, length, content] of [
    [3, 4, "defg"],
    [0, 3, "abc"],
    [20, undefined, "uvwxyz"],
    [20, 100, "uvwxyz"],
    [undefined, 5, "abcde"],
    [undefined, 100, LETTERS],
    [0, 26, LETTERS],
    [25, 1, "z"],
    [3, 0, ""],
    [0, 0, ""],
  ] as const
) {
  Deno.test(`offset ${offset} and length ${length} send exactly that slice (PAGI.md 37)`, async () => {
    using files = fixtures();
    const file = files.path("letters");
    const slice = { offset, length };
    assertEquals(
      (await responseOf((send) => sendFile(send, { file }, slice))).body,
      content,
    );
    using fh = await Deno.open(file);
    assertEquals(
      (await responseOf((send) => sendFile(send, { fh }, slice))).body,
      content,
    );
  });
}

Deno.test("a slice of a large file is exact (PAGI.md 37)", async () => {
  using files = fixtures();
  const file = files.path("big");
  const slice = { offset: 65_530, length: 131_100 };
  const { body } = await responseOf((send) => sendFile(send, { file }, slice));
  assert(body === digits(BIG).slice(65_530, 65_530 + 131_100));
});

Deno.test("an offset past the end sends zero bytes (PAGI.md 40)", async () => {
  using files = fixtures();
  const file = files.path("letters");
  for (const offset of [26, 27, 2 ** 40]) {
    const slice = { offset };
    assertEquals(
      (await responseOf((send) => sendFile(send, { file }, slice))).body,
      "",
    );
    using fh = await Deno.open(file);
    assertEquals(
      (await responseOf((send) => sendFile(send, { fh }, slice))).body,
      "",
    );
  }
});

Deno.test("more is ignored: a file completes the body", async () => {
  using files = fixtures();
  const file = files.path("letters");
  const { body } = await responseOf(async (send) => {
    await sendFile(send, { file }, { more: 1 });
    await send({ type: "http.response.body", body: "ignored" });
  });
  assertEquals(body, LETTERS);
});

Deno.test("a file may follow pieces", async () => {
  using files = fixtures();
  const file = files.path("letters");
  for (const slice of [{}, { offset: 23 }]) {
    const { body } = await responseOf(async (send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "first ", more: 1 });
      await send({ type: "http.response.body", file, ...slice });
    });
    assertEquals(body, "first " + LETTERS.slice(slice.offset ?? 0));
  }
});

Deno.test("a missing file, a folder or a device rejects, and the app can answer (PAGI.md 38)", async () => {
  using files = fixtures();
  for (
    const file of [
      files.path("missing"),
      files.path("folder"),
      files.path("letters/x"),
      "/dev/zero",
      "/dev/null",
      "a\0b",
      "",
    ]
  ) {
    const { status, body } = await responseOf(async (send) => {
      await send({ type: "http.response.start", status: 203 });
      const event: SendEvent = { type: "http.response.body", file };
      await assertRejects(() => send(event));
      await assertRejects(() => send({ ...event, offset: 1, length: 2 }));
      await send({ type: "http.response.body", body: "another answer" });
    });
    assertEquals([status, body], [203, "another answer"]);
  }
});

Deno.test("a FIFO rejects at once and does not wait for a writer (PAGI.md 38)", async () => {
  using files = fixtures();
  const file = files.path("fifo");
  const made = await new Deno.Command("mkfifo", { args: [file] }).output();
  assert(made.success);
  const { body } = await responseOf(async (send) => {
    await send({ type: "http.response.start", status: 200 });
    await assertRejects(
      () => send({ type: "http.response.body", file }),
      Error,
      "regular file",
    );
    await send({ type: "http.response.body", body: "no" });
  });
  assertEquals(body, "no");
});

Deno.test("fh is still open after send resolves, and is read from where it stands (PAGI.md 39)", async () => {
  using files = fixtures();
  using fh = await Deno.open(files.path("letters"));
  const { body } = await responseOf(async (send) => {
    await fh.seek(5, Deno.SeekMode.Start);
    await sendFile(send, { fh }, { length: 3 });
    const next = new Uint8Array(2);
    assertEquals(await fh.read(next), 2);
    assertEquals(new TextDecoder().decode(next), "ij");
  });
  assertEquals(body, "fgh");
});

for (
  const [how, slice, headers] of [
    ["by the engine", {}, []],
    ["a part of it", { offset: 3, length: 4 }, []],
    ["as long as announced", { length: 5 }, [["content-length", "5"]]],
  ] as const
) {
  Deno.test(`fh that comes with close is closed by the server, sent ${how}`, async () => {
    using files = fixtures();
    const fh = await Deno.open(files.path("letters"));
    const { body } = await responseOf(async (send) => {
      await send({
        type: "http.response.start",
        status: 200,
        headers: headers.map(([name, value]) => [name, value]),
      });
      await send({ type: "http.response.body", fh, ...slice, close: 1 });
    });
    const { offset = 0, length = 26 } = slice as Slice;
    assertEquals(body, LETTERS.slice(offset, offset + length));
    assertThrows(() => fh.statSync());
  });
}

Deno.test("any handle that comes with close is closed by the server, also when it fails", async () => {
  for (const fails of [false, true]) {
    let closed = 0;
    const fh: FileHandle = {
      read: () =>
        fails ? Promise.reject(new Error("no")) : Promise.resolve(null),
      close: () => void closed++,
    };
    await responseOf(async (send) => {
      await send({ type: "http.response.start", status: 200 });
      const sent = send({ type: "http.response.body", fh, close: 1 });
      if (!fails) return await sent;
      await assertRejects(() => sent, Error, "no");
      await send({ type: "http.response.body", body: "failed" });
    });
    assertEquals(closed, 1);
  }
});

Deno.test("the server closes a file that it opened", async () => {
  using files = fixtures();
  const file = Deno.realPathSync(files.path("big"));
  const open = () =>
    [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`) === file;
      } catch {
        return false; // Closed since.
      }
    }).length;
  const app = httpApp((_scope, _receive, send) =>
    sendFile(send, { file }, { length: BIG - 1 })
  );
  const whole = httpApp((_scope, _receive, send) => sendFile(send, { file }));
  for (const served of [app, whole]) {
    await withServer(served, {}, async ({ connect }) => {
      const client = await connect();
      for (let i = 0; i < 3; i++) {
        await client.request("GET /");
        await client.response();
      }
    });
    assertEquals(open(), 0);
  }
});

Deno.test("a handle without seek is read up to the offset", async () => {
  const text = new TextEncoder().encode(LETTERS);
  let at = 0;
  const fh: FileHandle = {
    read(into) {
      if (at === text.length) return Promise.resolve(null);
      const piece = text.subarray(at, at + Math.min(5, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
  const { body } = await responseOf((send) =>
    sendFile(send, { fh }, { offset: 7, length: 6 })
  );
  assertEquals(body, "hijklm");
});

Deno.test("a closed handle rejects, and the app can answer (PAGI.md 38)", async () => {
  using files = fixtures();
  const fh = await Deno.open(files.path("letters"));
  fh.close();
  const { body } = await responseOf(async (send) => {
    await send({ type: "http.response.start", status: 200 });
    await assertRejects(() => send({ type: "http.response.body", fh }));
    await send({ type: "http.response.body", body: "closed" });
  });
  assertEquals(body, "closed");
});

Deno.test("a handle that fails in the middle rejects; the response is cut", async () => {
  let reads = 0;
  const fh: FileHandle = {
    read(into) {
      if (++reads > 1) return Promise.reject(new Error("disk gone"));
      into.set([97, 98, 99]);
      return Promise.resolve(3);
    },
  };
  const app = httpApp((_scope, _receive, send) => sendFile(send, { fh }));
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    const wire = await client.rest();
    assert(wire.endsWith("3\r\nabc\r\n"), wire);
  });
  assertStringIncludes(linesOf("error", log)[0], "disk gone");
});

Deno.test("what is sent beside a file is ignored", async () => {
  using files = fixtures();
  for (
    const slice of [{}, { offset: 1 }] // by the engine, and in pieces
  ) {
    const { body } = await responseOf(async (send) => {
      const file = files.path("big");
      await send({ type: "http.response.start", status: 200 });
      const sending = send({ type: "http.response.body", file, ...slice });
      await send({ type: "http.response.body", body: "beside", more: 1 });
      await send({ type: "http.response.body", body: "beside" });
      await send({ type: "http.response.body", file });
      await sending;
    });
    assert(body === digits(BIG).slice(slice.offset ?? 0));
  }
});

Deno.test("HEAD of a file reads none of it", async () => {
  using files = fixtures();
  const file = files.path("big");
  const { headers } = await responseOf(
    (send) => sendFile(send, { file }, {}, [["content-length", `${BIG}`]]),
    "HEAD",
  );
  assertEquals(headers.get("content-length"), `${BIG}`);
  const bare = await responseOf((send) => sendFile(send, { file }), "HEAD");
  assertEquals(bare.headers.has("content-length"), false);
});

Deno.test("status 304 with a file sends no body", async () => {
  using files = fixtures();
  const { status } = await responseOf(async (send) => {
    await send({ type: "http.response.start", status: 304 });
    await send({ type: "http.response.body", file: files.path("letters") });
  });
  assertEquals(status, 304);
});

Deno.test("a file that was cut since its length was announced closes the connection", async () => {
  using files = fixtures();
  const file = files.path("letters");
  for (const slice of [{}, { offset: 0, length: 30 }]) {
    const reasons: string[] = [];
    const app = httpApp((scope, _receive, send) => {
      scope["pagi.connection"].onDisconnect((reason) => reasons.push(reason));
      return sendFile(send, { file }, slice, [["content-length", "30"]]);
    });
    const log = await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      assert((await client.rest()).endsWith("\r\n\r\n" + LETTERS));
    });
    assertStringIncludes(linesOf("error", log)[0], "26 of 30 bytes");
    assertEquals(reasons, ["server_error"]);
  }
});

Deno.test("a file that has grown since its length was announced is sent up to there", async () => {
  using files = fixtures();
  const file = files.path("letters");
  for (const slice of [{}, { offset: 0, length: 20 }]) {
    const { body } = await responseOf((send) =>
      sendFile(send, { file }, slice, [["content-length", "10"]])
    );
    assertEquals(body, LETTERS.slice(0, 10));
  }
});

Deno.test("a file that grows while it is sent ends the message all the same", async () => {
  using files = fixtures();
  const file = files.path("big");
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/next") return await reply(send, "next");
    await sendFile(send, { file });
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await client.until("\r\n\r\n");
    await Deno.writeTextFile(file, "grown", { append: true });
    await client.until("\r\n0\r\n\r\n");
    await client.request("GET /next");
    assertEquals((await client.response()).body, "next");
  });
});
