import { assert, assertEquals } from "../../src/std/assert.ts";
import { openLibc } from "../../src/system/libc.ts";

const SYMBOLS = { getpid: { parameters: [], result: "i32" } } as const;

Deno.test({
  name:
    "functions of the C library are shared until the last holder closes them",
  ignore: Deno.build.os !== "linux",
  fn() {
    const [first, second] = [openLibc(SYMBOLS)!, openLibc(SYMBOLS)!];
    assert(first.symbols === second.symbols);
    first.close();
    first.close(); // counts once
    assertEquals(second.symbols.getpid(), Deno.pid);
    second.close();
    using third = openLibc(SYMBOLS)!;
    assert(third.symbols !== second.symbols);
    assertEquals(third.symbols.getpid(), Deno.pid);
  },
});
