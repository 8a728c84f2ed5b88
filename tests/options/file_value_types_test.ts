import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { existingFile, ValueError } from "../../src/options/value_types.ts";

Deno.test("an existing file may have any name", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["a b", '"quoted"', "new\nline", "😀", "%20", "-p"]) {
      const file = `${folder}/${name}`;
      Deno.writeTextFileSync(file, "");
      assertEquals(existingFile.parse(file), file);
      assertEquals(existingFile.coerce(file), file);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a file that is missing or a directory is refused with the reason", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (
      const [given, reason] of [
        [`${folder}/none`, ": no such file"],
        [folder, " is not a file"],
        ["", '"" is not a path'],
        ["a\0b", '"a\\u0000b" is not a path'],
        [`${folder}/${"x".repeat(300)}`, "name too long"],
      ] as const
    ) {
      assertThrows(() => existingFile.parse(given), ValueError, reason);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
