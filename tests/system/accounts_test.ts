import { assertEquals } from "../../src/std/assert.ts";
import { findGroup, findUser } from "../../src/system/privileges.ts";

const ignore = Deno.build.os === "windows";

Deno.test("findUser() knows users by name and by number", { ignore }, () => {
  assertEquals(findUser("root"), { uid: 0, gid: 0 });
  assertEquals(findUser("0"), { uid: 0, gid: 0 });
});

Deno.test(
  "findGroup() knows groups by number, and by the name of root's on Linux",
  { ignore },
  () => {
    assertEquals(findGroup("0"), 0);
    if (Deno.build.os === "linux") assertEquals(findGroup("root"), 0);
  },
);

Deno.test("a number that belongs to nobody is a user without a known group", {
  ignore,
}, () => {
  assertEquals(findUser("4123456789"), { uid: 4123456789, gid: null });
  assertEquals(findUser("4294967294"), { uid: 4294967294, gid: null });
  assertEquals(findGroup("4123456789"), 4123456789);
});

Deno.test(
  "what is neither a name nor a number is not found",
  { ignore },
  () => {
    for (
      const name of [
        "",
        "no such user",
        "root:x",
        "root\n",
        "\0",
        "-1",
        "+0",
        "0x0",
        " 0",
        "1e3",
        // -1 and beyond: "leave it as it is" to the system.
        "4294967295",
        "4294967296",
        "99999999999999999999",
        "__proto__",
      ]
    ) assertEquals([findUser(name), findGroup(name)], [null, null], name);
  },
);
