/** Errors of the app that nobody waits for. */

import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { startProgram } from "../helpers/run_program.ts";

/** Each path throws in its own way, after the response or beside it. */
const APP = `
const ways = {
  "/timer": () => setTimeout(() => { throw new Error("from a timer"); }),
  "/promise": () => { Promise.reject(new TypeError("from a promise")); },
  "/nothing": () => { Promise.reject(); },
  "/hostile": () => { Promise.reject({ get message() { throw 1; }, [Symbol.for("Deno.customInspect")]() { throw 2; } }); },
  "/report": () => reportError(new Error("\\x1b[2Jline\\nline")),
};
export default async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error("No support for " + scope.type);
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: "served" });
  ways[scope.path]?.();
};
`;

Deno.test("an app's stray errors are logged, and it goes on serving", async () => {
  await using program = await startProgram(["-p", "0", "./app.js"], {
    files: { "app.js": APP },
  });
  const get = async (path: string): Promise<void> => {
    const response = await fetch(program.url + path);
    assertEquals(await response.text(), "served");
  };
  for (const path of ["timer", "promise", "nothing", "hostile", "report"]) {
    await get(`/${path}`);
  }
  await program.logged(
    / error The app threw outside of any request\.\n {4}Error: from a timer\n/,
  );
  await program.logged(
    / error A promise of the app was rejected, .*\n {4}TypeError: from a promise\n/,
  );
  await program.logged(/An error that cannot be inspected/);
  const [text] = await program.logged(/.*line\n.*line.*/);
  assertMatch(text, /^ {4}Error: \\x1b\[2Jline\n {4}line/i);
  await get("/");
  assertEquals((await program.stop()).code, 0);
});
