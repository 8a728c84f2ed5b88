/** Traces of OpenTelemetry, as a collector gets them. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

interface SeenSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly string[];
}

/** Takes OTLP over HTTP, as JSON. */
class Collector implements AsyncDisposable {
  readonly spans: SeenSpan[] = [];
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = await request.text();
      if (new URL(request.url).pathname === "/v1/traces") this.#take(text);
      return Response.json({});
    },
  );

  get environment(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_DENO_METRICS: "false",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  #take(text: string): void {
    for (const { scopeSpans } of JSON.parse(text).resourceSpans) {
      for (const { spans } of scopeSpans) {
        for (const span of spans) {
          const attributes = Object.fromEntries(
            span.attributes.map((
              { key, value }: { key: string; value: object },
            ) => [key, String(Object.values(value)[0])]),
          );
          const events = (span.events ?? [])
            .map(({ name }: { name: string }) => name);
          this.spans.push({ ...span, attributes, events });
        }
      }
    }
  }

  /** The span of a request for a path; of the kind client or server. */
  async span(path: string, kind: "server" | "client" = "server") {
    const find = () =>
      this.spans.find((span) =>
        span.kind === (kind === "server" ? 2 : 3) &&
        new URL(span.attributes["url.full"]).pathname === path
      );
    await until(() => find() !== undefined);
    return find()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const APP = `export default async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("none");
  if (scope.path === "/boom") throw new RangeError("too far");
  if (scope.type === "websocket") {
    await send({ type: "websocket.accept" });
    return;
  }
  await send({ type: "http.response.start", status: 201, headers: [] });
  await send({ type: "http.response.body", body: "made" });
};`;

async function get(url: string, headers: Record<string, string> = {}) {
  const got = await fetch(url, { headers });
  return await got.text();
}

for (const workers of ["1", "2"]) {
  Deno.test(`spans have the client's trace, the mount, the status and the error, with --workers ${workers}`, async () => {
    await using collector = new Collector();
    const asked: (string | null)[] = [];
    await using upstream = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        asked.push(request.headers.get("traceparent"));
        return new Response("there", { status: 418 });
      },
    );
    const target = `http://127.0.0.1:${upstream.addr.port}/base`;
    await using program = await startProgram([
      "-p0",
      `-w${workers}`,
      "--access-log=-",
      "--access-log-format=%U %{trace_id}x %{span_id}x",
      "PAGI::App::URLMap",
      "/app=./app.js",
      `/api=PAGI::App::Proxy,target=${target}`,
      "/gone=PAGI::App::Proxy,target=http://127.0.0.1:1",
      "/=./fetch.js",
    ], {
      env: collector.environment,
      files: {
        "app.js": APP,
        "fetch.js": "export default { fetch: () => new Response('plain') };\n",
      },
    });
    const { url } = program;
    const headers = {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      tracestate: "a=b",
    };
    await get(`${url}/app/x`, headers);
    const made = await collector.span("/app/x");
    assertEquals([made.traceId, made.parentSpanId], [TRACE, PARENT]);
    assertEquals(made.name, "GET /app/*");
    assertEquals(made.attributes["http.route"], "/app/*");
    assertEquals(made.attributes["http.response.status_code"], "201");

    await get(`${url}/app/boom`);
    const failed = await collector.span("/app/boom");
    assertEquals(failed.status.code, 2);
    assertEquals(failed.events, ["exception"]);
    assertEquals(failed.attributes["http.response.status_code"], "500");
    assert(failed.traceId !== TRACE);

    assertEquals(await get(`${url}/api/y?z=1`, headers), "there");
    const proxied = await collector.span("/api/y");
    const client = await collector.span("/base/y", "client");
    assertEquals(client.attributes["url.full"], `${target}/y?z=1`);
    assertEquals(client.parentSpanId, proxied.spanId);
    assertEquals(client.traceId, TRACE);
    assertEquals(client.attributes["http.response.status_code"], "418");
    assertEquals(asked, [`00-${TRACE}-${client.spanId}-01`]);

    await get(`${url}/gone/w`);
    const gone = await collector.span("/w", "client");
    assertEquals([gone.status.code, gone.events], [2, ["exception"]]);

    assertEquals(await get(`${url}/plain`, headers), "plain");
    const plain = await collector.span("/plain");
    assertEquals(plain.traceId, TRACE);
    const socket = new WebSocket(`${url.replace("http", "ws")}/app/socket`);
    await new Promise((resolve) => socket.onclose = resolve);
    const upgraded = await collector.span("/app/socket");
    assertEquals(upgraded.attributes["http.response.status_code"], "101");
    assertEquals(upgraded.attributes["http.route"], "/app/*");
    const { stdout } = await program.stop();
    assertMatch(stdout, new RegExp(`^/app/x ${TRACE} ${made.spanId}$`, "m"));
    assertMatch(stdout, new RegExp(`^/plain ${TRACE} ${plain.spanId}$`, "m"));
  });
}

Deno.test("a plain answer of a fetch handler is traced too, and a 404 is no error", async () => {
  await using collector = new Collector();
  await using program = await startProgram(
    ["-p0", "--no-access-log", "./fetch.js"],
    {
      env: collector.environment,
      files: {
        "fetch.js": `export default { fetch(request) {
          if (request.url.endsWith("/boom")) throw new Error("no");
          const status = request.url.endsWith("/404") ? 404 : 200;
          return new Response("plain", { status });
        } };`,
      },
    },
  );
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  for (const path of ["/first", "/second", "/404", "/boom"]) {
    await get(program.url + path, headers);
  }
  const second = await collector.span("/second");
  assertEquals([second.traceId, second.parentSpanId], [TRACE, PARENT]);
  assertEquals(second.attributes["http.response.status_code"], "200");
  assertEquals((await collector.span("/404")).status.code ?? 0, 0);
  const boom = await collector.span("/boom");
  assertEquals([boom.status.code, boom.events], [2, ["exception"]]);
});

Deno.test("without tracing the client's trace context is passed on as it came", async () => {
  const asked: (string | null)[] = [];
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      asked.push(request.headers.get("traceparent"));
      return new Response("there");
    },
  );
  await using program = await startProgram([
    "-p0",
    "--access-log=-",
    "--access-log-format=%U %{trace_id}x",
    "PAGI::App::Proxy",
    `target=http://127.0.0.1:${upstream.addr.port}`,
  ]);
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  await get(`${program.url}/x`, { traceparent });
  assertEquals(asked, [traceparent]);
  const { stdout } = await program.stop();
  assertEquals(stdout, "/x -\n");
});
