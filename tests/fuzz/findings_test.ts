/**
 * What fuzzing found, as fixed cases.
 *
 * @module
 */

import { describeApp } from "../../src/loader/app_spec.ts";
import { quote } from "../../src/options/quote.ts";
import { shown } from "../../src/pagi/event_fields.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("an app's name and its options' names are quoted where they are not plain", () => {
  const pairs = { "a\nb": "c d" };
  assertEquals(
    describeApp({ target: { kind: "module", name: "\x1b[1m" }, pairs }),
    '"\\u001b[1m" "a\\nb"="c d"',
  );
});

Deno.test("a symbol given for a setting does not speak in the message", () => {
  assertEquals(quote(Symbol("\n")), "a symbol");
});

Deno.test("a value in an app's event is told of in plain ASCII, whatever it is", () => {
  assertEquals(shown(Symbol("\n")), "[object Symbol]");
  assertEquals(
    shown({ [Symbol.toStringTag]: "\r\nx" }),
    "[object \\u000d\\u000ax]",
  );
});
