import { assertEquals } from "../../src/std/assert.ts";
import {
  NOFILE,
  raiseDescriptorLimit,
  RLIMIT,
} from "../../src/system/descriptor_budget.ts";
import { openLibc } from "../../src/system/libc.ts";

Deno.test("raiseDescriptorLimit() raises the soft limit to the hard one", () => {
  const libc = openLibc(RLIMIT)!;
  const limit = new BigUint64Array(2);
  libc.symbols.getrlimit(NOFILE, limit);
  const hard = limit[1];
  limit[0] = hard - 1n;
  libc.symbols.setrlimit(NOFILE, limit);
  assertEquals(raiseDescriptorLimit(), Number(hard));
  libc.symbols.getrlimit(NOFILE, limit);
  assertEquals(limit[0], hard);
  libc.close();
});
