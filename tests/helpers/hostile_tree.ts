/**
 * A tree of files with the names and links that hurt.
 *
 * @module
 */

import { join } from "../../src/std/path.ts";
import { tempFolder } from "./temp_folder.ts";

/** File names that are legal and served, each with itself as its content. */
export const HOSTILE_NAMES: readonly string[] = [
  "plain.txt",
  "with space.txt",
  " leading and trailing ",
  'quote".txt',
  "apostrophe'.txt",
  "<script>alert(1)<&>.txt",
  "&amp;.txt",
  "new\nline.txt",
  "tab\tand\x07bell.txt",
  "percent%20.txt",
  "percent%2e%2e%2f.txt",
  "100%",
  "question?.txt",
  "hash#.txt",
  "semi;colon.txt",
  "plus+.txt",
  "colon:.txt",
  "javascript:alert(1)",
  "https:",
  "-dash.txt",
  "~tilde.txt",
  "café.txt",
  "cafe\u0301.txt",
  "日本語.txt",
  "😀.txt",
  "\u202Egnp.exe",
  "\uFEFFbom.txt",
  "trailing.",
  "x...y",
  "CON",
  "x".repeat(255),
];

/** A tree in a folder of its own, removed when disposed of. */
export interface HostileTree extends Disposable {
  /** The folder around it all: `www`, `www2` and `outside`. */
  base: string;
  /** The folder to serve. */
  root: string;
}

/** What no response may ever contain: it stands in all files that are not served. */
export const SECRET = "SECRET-OUTSIDE";

/**
 * Makes the tree: every {@linkcode HOSTILE_NAMES} in `root/names`, folders,
 * dot-files and links of all kinds; and next to the root what must never be
 * served.
 */
export function hostileTree(): HostileTree {
  const base = Deno.realPathSync(tempFolder("pagi hostile "));
  const root = join(base, "www");
  const folder = (path: string) =>
    Deno.mkdirSync(join(base, path), { recursive: true });
  const file = (path: string, content: string) =>
    Deno.writeTextFileSync(join(base, path), content);
  const link = (target: string, path: string) =>
    Deno.symlinkSync(target, join(base, path));

  folder("www/names");
  for (const name of HOSTILE_NAMES) file(`www/names/${name}`, name);
  file("www/hello.txt", "hello");
  file("www/back\\slash.txt", "back");
  folder("www/sub/deep er");
  file("www/sub/deep er/file.txt", "deep");
  file("www/sub/b.txt", "b");
  folder("www/indexed");
  file("www/indexed/index.html", "<p>index");
  folder("www/empty");
  folder("www/evil.com");
  file("www/.hidden", "hidden");
  folder("www/.git");
  file("www/.git/config", "config");
  folder("www/sub/.dots");
  file("www/sub/.dots/file.txt", "dots");

  file("secret.txt", SECRET);
  folder("outside");
  file("outside/secret.txt", SECRET);
  file("outside/index.html", SECRET);
  folder("www2");
  file("www2/secret.txt", SECRET);

  folder("www/links");
  link("../hello.txt", "www/links/inside.txt");
  link("../sub", "www/links/inside-folder");
  link("../../secret.txt", "www/links/outside.txt");
  link(join(base, "secret.txt"), "www/links/absolute.txt");
  link("../../outside", "www/links/outside-folder");
  link("../../www2", "www/links/sibling");
  link("../..", "www/links/above");
  link("nowhere", "www/links/broken.txt");
  link("loop", "www/links/loop");
  link("/etc/passwd", "www/links/passwd");
  link("/dev/zero", "www/links/zero");
  folder("www/leaking-index");
  link("../../outside/index.html", "www/leaking-index/index.html");

  return {
    base,
    root,
    [Symbol.dispose]: () => Deno.removeSync(base, { recursive: true }),
  };
}

/** Adds `special/pipe` and `special/socket` to the folder `root`. */
export function addSpecialFiles(root: string): void {
  const folder = join(root, "special");
  Deno.mkdirSync(folder);
  new Deno.Command("mkfifo", { args: [join(folder, "pipe")] }).outputSync();
  // A socket's file stays behind when its listener is closed.
  Deno.listen({ transport: "unix", path: join(folder, "socket") }).close();
}
