import { VERSION } from "../../src/cli/version.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import { OPTIONS } from "../../src/options/table.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { readImage } from "./dockerfile.ts";

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`../../${name}`, import.meta.url));
}

Deno.test("the image is built by the Deno that the README names, from pinned bases", () => {
  const { bases } = readImage();
  const [, version] = /npx -y deno@(\S+) task/.exec(read("README.md"))!;
  assertEquals(bases.length, 2);
  const [build, base] = bases.map((base) => base.split("@"));
  assertEquals(build[0], `denoland/deno:${version}`);
  assertMatch(base[0], /^gcr\.io\/distroless\/cc-debian\d+:nonroot$/);
  for (const [, digest] of [build, base]) {
    assertMatch(digest, /^sha256:[0-9a-f]{64}$/);
  }
});

Deno.test("the image holds the executable that compile.sh builds, and starts it", () => {
  const { copied, entrypoint, command, healthCheck } = readImage();
  const [[from, to]] = copied;
  assertEquals([copied.length, from], [1, "/build/dist/pagi-server"]);
  assertEquals([entrypoint, command, healthCheck[0]], [[to], [], to]);
});

Deno.test("all that compile.sh reads gets into the build, and nothing else", () => {
  const let_in = [...read(".dockerignore").matchAll(/^!(.*)$/gm)]
    .map(([, name]) => name);
  for (const name of let_in) {
    assert(Deno.statSync(new URL(`../../${name}`, import.meta.url)));
  }
  assertEquals(let_in, [
    "compile.sh",
    "deno.json",
    "deno.lock",
    "LICENSE",
    "src",
  ]);
});

Deno.test("the image's environment makes a server for others, in production", () => {
  const { env, port, entrypoint, command } = readImage();
  const args = [...entrypoint.slice(1), ...command];
  const { settings } = parseCommandLine(args, env);
  assertEquals(settings.host, "0.0.0.0");
  assertEquals(settings.port, port);
  assertEquals(settings.env, "production");
  assertEquals(settings.accessLog, null); // standard error
  assertEquals(OPTIONS.host.default, "127.0.0.1"); // outside of it
});

Deno.test("the image's user is not root, and a number", () => {
  const { user, group } = readImage();
  assert(user > 0 && group > 0);
});

Deno.test("the health check asks the server itself, and waits longer than a probe does", () => {
  const { healthCheck, healthCheckTimes, port } = readImage();
  const { probe } = parseCommandLine(healthCheck.slice(1), {});
  assertEquals(String(probe), `http://127.0.0.1:${port}/`);
  assert(healthCheckTimes.timeout > 5);
  assertEquals(
    healthCheckTimes["start-period"],
    OPTIONS.lifespanStartupTimeout.default,
  );
});

Deno.test("the image's labels tell of this version", () => {
  const { labels, stopSignal } = readImage();
  assertEquals(labels["org.opencontainers.image.version"], VERSION);
  assertStringIncludes(
    read("LICENSE"),
    labels["org.opencontainers.image.licenses"],
  );
  assertEquals(stopSignal, "SIGTERM");
});
