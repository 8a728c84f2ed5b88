import { executableAdvice } from "../../src/loader/executable_advice.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";

function missing(message: string): TypeError {
  return Object.assign(new TypeError(message), {
    code: "ERR_MODULE_NOT_FOUND",
  });
}

Deno.test("executableAdvice() has packages bundled first, with a command for the app's file", () => {
  const messages = [
    "Could not find constraint 'hono@4' in the list of packages.",
    'Import "hono" not a dependency',
    'Import "hono" not a dependency and not in import map from "file:///a.js"',
    "Module not found: jsr:@std/path",
    "Module not found: https://example.com/x.js",
  ];
  for (const message of messages) {
    assertMatch(
      executableAdvice("./my app.mjs", missing(message), "2.9.6") ?? "none",
      /packages.*\n {2}deno bundle --output "\.\/my app\.bundle\.js" "\.\/my app\.mjs"$/,
      message,
    );
  }
  assertMatch(
    executableAdvice("npm:hono", missing(messages[0]), "2.9.6") ?? "none",
    /deno bundle --output app\.bundle\.js app\.ts$/,
  );
});

Deno.test("executableAdvice() says which runtime reads TypeScript", () => {
  for (const version of ["2.7.11", "2.8.1", "1.46.3"]) {
    const advice = executableAdvice("app.mts", new SyntaxError("x"), version);
    assertMatch(
      advice ?? "none",
      /built with Deno \d.*2\.8\.2 or newer.*\n {2}deno bundle/,
      version,
    );
  }
  for (const version of ["2.8.2", "2.9.0-rc.1", "2.10.0", "3.0.0"]) {
    const advice = executableAdvice("app.mts", new SyntaxError("x"), version);
    assertEquals(advice, null, version);
  }
});

Deno.test("executableAdvice() is silent where an executable makes no difference", () => {
  const errors = [
    missing("Module not found: file:///srv/lib.js"),
    missing('Module not found "file:///srv/lib.js".'),
    new SyntaxError("Unexpected token"),
    new Error("app"),
    "thrown",
  ];
  for (const error of errors) {
    assertEquals(executableAdvice("app.js", error, "2.7.11"), null);
  }
});
