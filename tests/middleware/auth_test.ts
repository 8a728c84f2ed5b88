import { auth, type AuthOptions } from "../../src/middleware/auth.ts";
import {
  basicCredentials,
  endPasswordThread,
  PasswordChecker,
} from "../../src/middleware/password_check.ts";
import { Users } from "../../src/middleware/users.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { configureLog } from "../../src/log/log.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { TestClient } from "../../testing/mod.ts";
import { runApp } from "../helpers/run_app.ts";

/** Of "secret", at the lowest cost. */
const BCRYPT = "$2y$04$KBCwKxOzLha2MUDgW0PjXe/hE/UCO9qF89dOydoHjSwxcHev5LRn.";
const QUICK =
  "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

function basic(text: string): string {
  return `Basic ${new TextEncoder().encode(text).toBase64()}`;
}

/** Starts the thread, which may take longer than the test client waits. */
async function startThread(): Promise<void> {
  const checker = new PasswordChecker(new Users([`a:${BCRYPT}`], null));
  await checker.check(basic("a:secret"), "192.0.2.1");
}

/** Answers with the user and the header fields that it sees. */
const who: PagiApp = async (scope, _receive, send) => {
  if (scope.type === "lifespan") throw new Error("no lifespan");
  if (scope.type === "websocket") {
    await send({ type: "websocket.accept" });
    return await send({ type: "websocket.close" });
  }
  const body = JSON.stringify([scope["auth.user"] ?? null, scope.headers]);
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body });
};

async function ask(
  options: AuthOptions,
  given: string | null,
  more: Record<string, unknown> = {},
) {
  const app = auth(options)(who);
  return await runApp(app, {
    headers: given === null ? [] : [["authorization", basic(given)]],
    ...more,
  });
}

Deno.test("auth lets users with the right password in, and nobody else", async () => {
  await startThread();
  for (const hash of [BCRYPT, QUICK, "plain:secret", "{PLAIN}secret"]) {
    configureLog({ level: "error" });
    const options = { auth: [`alice:${hash}`, `bob:${QUICK}`] };
    for (
      const [given, status] of [
        ["alice:secret", 200],
        ["alice:Secret", 401],
        ["alice:", 401],
        ["alice:secretx", 401],
        ["bob:secret", 200],
        ["eve:secret", 401],
        [":secret", 401],
        ["alice", 401],
        [null, 401],
      ] as const
    ) {
      const response = await ask(options, given);
      assertEquals(response.status, status, `${hash} ${given}`);
      assertEquals(
        response.header("www-authenticate"),
        status === 200 ? null : 'Basic realm="pagi-server", charset="UTF-8"',
      );
    }
  }
  endPasswordThread();
});

Deno.test("the app behind auth knows the user, and gets no password", async () => {
  const { text } = await ask({ auth: `ä b:${QUICK}` }, "ä b:secret");
  const [user, headers] = JSON.parse(text);
  assertEquals(user, "ä b");
  assertNotMatch(JSON.stringify(headers), /authorization|c2VjcmV0/i);
});

Deno.test("auth within auth takes the same credentials", async () => {
  const options = { auth: `alice:${QUICK}` };
  const app = auth(options)(auth(options)(who));
  const headers: [string, string][] = [[
    "authorization",
    basic("alice:secret"),
  ]];
  assertEquals((await runApp(app, { headers })).status, 200);
});

Deno.test("auth_for=write asks for what may change something only", async () => {
  const options: AuthOptions = { auth: `alice:${QUICK}`, authFor: "write" };
  for (const method of ["GET", "HEAD", "OPTIONS", "PROPFIND"]) {
    assertEquals((await ask(options, null, { method })).status, 200, method);
  }
  for (const method of ["PUT", "POST", "DELETE", "MKCOL", "get", "LOCK", "X"]) {
    assertEquals((await ask(options, null, { method })).status, 401, method);
    const right = await ask(options, "alice:secret", { method });
    assertEquals(right.status, 200, method);
  }
});

Deno.test("a CORS preflight passes auth, without body and other fields", async () => {
  const headers: [string, string][] = [
    ["origin", "https://a.example"],
    ["access-control-request-method", "PUT"],
    ["x-http-method-override", "GET"],
    ["cookie", "a=b"],
  ];
  const app = auth({ auth: `alice:${QUICK}` })(who);
  const { status, text } = await runApp(app, { method: "OPTIONS", headers });
  assertEquals(status, 200);
  assertNotMatch(text, /override|cookie/);
  const plain = await runApp(app, { method: "OPTIONS", headers: [] });
  assertEquals(plain.status, 401);
  assertEquals((await runApp(app, { headers })).status, 401);
});

Deno.test("event streams and WebSockets need the password too", async () => {
  const app = auth({ auth: `alice:${QUICK}`, authFor: "write" })(who);
  const strict = auth({ auth: `alice:${QUICK}` })(who);
  assertEquals((await runApp(strict, { type: "sse" })).status, 401);
  for (const guarded of [app, strict]) {
    const client = new TestClient(guarded);
    const denied = await client.websocket("/").then(
      () => "open",
      (error) => String(error),
    );
    assertMatch(denied, /401/);
    const socket = await client.websocket("/", {
      headers: { authorization: basic("alice:secret") },
    });
    assert(socket !== null);
    await socket.close?.();
  }
});

Deno.test("a client with many wrong passwords has to wait, and who is in stays in", async () => {
  configureLog({ level: "error" });
  const app = auth({ auth: `alice:${QUICK}` })(who);
  const ask = async (given: string, host: string) => (await runApp(app, {
    headers: [["authorization", basic(given)]],
    scope: { client: [host, 1] },
  }));
  assertEquals((await ask("alice:secret", "192.0.2.1")).status, 200);
  const statuses = [];
  for (let i = 0; i < 12; i++) {
    statuses.push((await ask(`alice:${i}`, "192.0.2.1")).status);
  }
  assertEquals(statuses.filter((status) => status === 401).length, 10);
  const last = await ask("alice:again", "192.0.2.1");
  assertEquals(last.status, 429);
  assert(Number(last.header("retry-after")) > 0);
  assertEquals((await ask("alice:secret", "192.0.2.1")).status, 200);
  assertEquals((await ask("bob:secret", "192.0.2.1")).status, 429);
  assertEquals((await ask("alice:secret", "192.0.2.2")).status, 200);
  // Addresses of one IPv6 network count as one client.
  for (let i = 0; i < 10; i++) await ask(`alice:${i}`, `2001:db8::${i + 1}`);
  assertEquals((await ask("alice:x", "2001:db8::ff")).status, 429);
  assertEquals((await ask("alice:x", "2001:db8:1::1")).status, 401);
});

Deno.test("many wrong passwords at a time are no way around the limit", async () => {
  await startThread();
  configureLog({ level: "error" });
  const app = auth({ auth: `alice:${BCRYPT}` })(who);
  const responses = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      runApp(app, {
        headers: [["authorization", basic(`alice:${i}`)]],
        scope: { client: ["192.0.2.1", 1] },
      })),
  );
  const wrong = responses.filter(({ status }) => status === 401);
  assertEquals(wrong.length, 10);
  endPasswordThread();
});

Deno.test("auth_file is read anew when it changes; a fault leaves the users as they were", async () => {
  configureLog({ level: "error" });
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `# users\n\nalice:${QUICK}\r\n`);
    const app = auth({ authFile: file })(who);
    const status = async (given: string) =>
      (await runApp(app, { headers: [["authorization", basic(given)]] }))
        .status;
    assertEquals(await status("alice:secret"), 200);
    await Deno.writeTextFile(file, `bobby:${QUICK}\n`);
    assertEquals(await status("alice:secret"), 401);
    assertEquals(await status("bobby:secret"), 200);
    await Deno.writeTextFile(file, "carol:secret\n");
    assertEquals(await status("bobby:secret"), 200);
    // As Notepad writes it.
    await Deno.writeTextFile(file, `\ufeffdavid:${QUICK}\r\n`);
    assertEquals(await status("david:secret"), 200);
    await Deno.writeTextFile(file, `bobby:${QUICK}\n`);
    assertEquals(await status("bobby:secret"), 200);
    await Deno.remove(file);
    assertEquals(await status("bobby:secret"), 200);
  } finally {
    await Deno.remove(file).catch(() => {});
  }
});

Deno.test("what is wrong with users is said with the line, and without the password", async () => {
  const file = await Deno.makeTempFile();
  const cases: [string, RegExp][] = [
    ["alice\n", /line 1: there is no colon/],
    [`a:${QUICK}\n\n:${QUICK}`, /line 3: there is no user/],
    ["alice:hunter2", /line 1: user "alice": the hash has none of the forms/],
    [`a:${QUICK}\na:${QUICK}`, /line 2: user "a" is in line 1 already/],
    [`a:$2y$31$${"a".repeat(53)}`, /its cost 31 is not one from 4 to 16/],
    ["a:$argon2id$v=19$m=9999999,t=1,p=1$YWJjZGVmZ2g$" + "a".repeat(43), /m=/],
  ];
  try {
    for (const [text, expected] of cases) {
      await Deno.writeTextFile(file, text);
      const { message } = assertThrows(
        () => auth({ authFile: file }),
        OptionError,
      );
      assertMatch(message, expected);
      assertNotMatch(message, /hunter2/);
    }
  } finally {
    await Deno.remove(file);
  }
  const given = assertThrows(
    () => auth({ auth: "alice:hunter2" }),
    OptionError,
  );
  assertStringIncludes(given.message, "--hash-password");
  assertNotMatch(given.message, /hunter2/);
  assertThrows(() => auth({}), OptionError, "auth needs users");
  assertThrows(() => auth({ authFile: "/nowhere/at all" }), OptionError);
});

Deno.test("basicCredentials() reads names and passwords in UTF-8 and Latin-1", () => {
  assertEquals(basicCredentials(basic("ä:ö:ü")), ["ä", "ö:ü"]);
  assertEquals(basicCredentials(`basic ${btoa("\xe4:\xf6")}`), ["ä", "ö"]);
  for (const field of ["", "Basic", "Basic !", "Bearer YTpi", "Basic YWI="]) {
    assertEquals(basicCredentials(field), null, field);
  }
});
