import { MetricsListener, plain } from "../../src/metrics/listener.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { until } from "../helpers/wait.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

async function withListener(
  use: (port: number, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  using listener = new MetricsListener(LOOPBACK, false, ({ path }) => {
    asked.push(path);
    return plain(200, "well");
  });
  await use(listener.address.port, asked);
}

/** What comes for bytes, until the connection ends. */
async function answer(port: number, request: string): Promise<string> {
  const connection = await RawConnection.open({ host: "127.0.0.1", port });
  try {
    await connection.send(request);
    return await new Response(connection.connection.readable).text();
  } finally {
    connection.close();
  }
}

Deno.test("a request gets its answer, and the connection ends", async () => {
  await withListener(async (port, asked) => {
    const got = await fetch(`http://localhost:${port}/healthz?x=/`);
    assertEquals([got.status, await got.text()], [200, "well\n"]);
    assertEquals(got.headers.get("content-type"), "text/plain; charset=utf-8");
    const head = await answer(port, "HEAD http://u/p HTTP/1.0\r\n\r\n");
    assert(head.startsWith("HTTP/1.1 200 OK\r\n"), head);
    assert(head.includes("content-length: 5\r\n"), head);
    assert(head.endsWith("\r\n\r\n"), head);
    assertEquals(asked, ["/healthz", "/p"]);
  });
});

Deno.test("nothing but GET and HEAD is answered, and no page of another host", async () => {
  await withListener(async (port, asked) => {
    const cases: [request: string, status: number][] = [
      [
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nxyz",
        405,
      ],
      ["DELETE /metrics HTTP/1.1\r\n\r\n", 405],
      ["GET / HTTP/2.0\r\n\r\n", 400],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
      ["\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400],
      ["\r\n\r\n", 400],
      [`GET /${"x".repeat(9000)} HTTP/1.1\r\n\r\n`, 400],
      ["GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", 421],
      ["GET / HTTP/1.1\r\nhost: 127.0.0.1.attacker.example\r\n\r\n", 421],
    ];
    for (const [request, status] of cases) {
      const text = await answer(port, request);
      assertEquals(text.slice(9, 12), String(status), request.slice(0, 60));
    }
    assertEquals(asked, []);
  });
});

Deno.test("hostile paths reach the answer as they are, and nothing else", async () => {
  await withListener(async (port, asked) => {
    const paths = ["/../etc", "/%00", "/\xff", "//metrics", "*", "/a\x00b"];
    for (const path of paths) {
      const text = await answer(port, `GET ${path} HTTP/1.1\r\n\r\n`);
      assertEquals(text.slice(9, 12), "200", path);
    }
    assertEquals(asked, paths);
  });
});

Deno.test("idle connections do not keep others from being answered", async () => {
  await withListener(async (port) => {
    const idle: RawConnection[] = [];
    for (let i = 0; i < 100; i++) {
      idle.push(await RawConnection.open({ host: "127.0.0.1", port }));
      await idle[i].send("GET / HT");
    }
    const got = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals([got.status, await got.text()], [200, "well\n"]);
    for (const one of idle) one.close();
  });
});

Deno.test("clients that leave in the middle harm nobody", async () => {
  await withListener(async (port, asked) => {
    for (let i = 0; i < 50; i++) {
      const one = await RawConnection.open({ host: "127.0.0.1", port });
      await one.send("GET / HTTP/1.1\r\n\r\n".slice(0, i % 19));
      one.close();
    }
    const got = await fetch(`http://127.0.0.1:${port}/last`);
    await got.body?.cancel();
    await until(() => asked.includes("/last"));
  });
});
