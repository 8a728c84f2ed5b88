/**
 * The executable that these tests run, built once for all of them.
 *
 * @module
 */

import { fromFileUrl, join } from "../../src/std/path.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** Where no runtime can be downloaded, a shared folder may hold one. */
const KIT = "../shared/compile-kit/setup";

const { path, reason } = build();

/** The executable's path; null where none can be built here. */
export const EXECUTABLE: string | null = path;

if (reason !== null) {
  Deno.test(`the executable is not tested here: ${reason}`, {
    ignore: true,
  }, () => {});
}

/** Builds it; a failure that has to do with this machine is a reason. */
function build(): { path: string | null; reason: string | null } {
  if (Deno.build.os === "windows") {
    return { path: null, reason: "compile.sh wants a shell" };
  }
  const { code, stdout, stderr } = new Deno.Command("bash", {
    args: ["-c", `${useKit()} exec ./compile.sh`],
    cwd: ROOT,
  }).outputSync();
  const said = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  if (code === 0) {
    console.log(said.trim());
    return { path: join(ROOT, "dist/pagi-server"), reason: null };
  }
  // Deno downloads its runtime and its bundler.
  const download = /error sending request|failed to download|dns error/i;
  if (!download.test(said)) throw new Error(`compile.sh failed:\n${said}`);
  return { path: null, reason: "what it is built with cannot be downloaded" };
}

function useKit(): string {
  try {
    Deno.statSync(join(ROOT, KIT));
  } catch {
    return `DENO='${Deno.execPath()}'`;
  }
  return `kit=$(${KIT}) || exit; eval "$kit";`;
}
