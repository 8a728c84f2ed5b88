/**
 * What compile.sh says, and what it leaves behind: run in a copy, with a Deno
 * that only pretends to compile.
 *
 * @module
 */

import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const FILES = [
  "compile.sh",
  "deno.json",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
];
const VERSION = "0.0.1";

/** A Deno of `version` that compiles every target but `unknown`. */
function pretender(version: string, unknown = ""): string {
  return `#!/bin/sh
case $1 in
--version) echo "deno ${version} (stable, release, x86_64-unknown-linux-gnu)" ;;
eval) echo x86_64-unknown-linux-gnu ;;
bundle)
  while [ "$1" != --outdir ]; do shift; done
  mkdir -p "$2/loader"
  echo code > "$2/loader/bundler.js"
  echo code > "$2/chunk.js" ;;
info) echo '  "npmCache": "'"$PWD"'/npm"' ;;
compile)
  while [ $# -gt 0 ]; do
    case $1 in
    --target) target=$2 ;;
    --output) output=$2 ;;
    esac
    shift
  done
  if [ "$target" = "${unknown}" ]; then echo "no runtime" >&2; exit 1; fi
  case $target in *windows*) output=$output.exe ;; esac
  echo "$target \${DENORT_BIN-none}" > "$output" ;;
esac
`;
}

interface Run {
  readonly code: number;
  readonly said: string;
  /** What is in dist, hidden files too. */
  readonly dist: readonly string[];
  readonly folder: string;
}

/** Runs a copy of compile.sh; `env` names what it is to find. */
async function compile(
  args: readonly string[],
  deno: string | null,
  check: (run: Run) => void | Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = tempFolder("pagi compile ");
  try {
    for (const file of FILES) {
      Deno.copyFileSync(join(ROOT, file), join(folder, file));
    }
    const config = Deno.readTextFileSync(join(folder, "deno.json"));
    Deno.writeTextFileSync(
      join(folder, "deno.json"),
      config.replace(/"version": ".*"/, `"version": "${VERSION}"`),
    );
    // They go into the archives.
    for (const papers of ["man", "completions"]) {
      Deno.mkdirSync(join(folder, papers));
    }
    // Deno's cache, with what becomes a part of the executable.
    const [, version] = /npm:esbuild-wasm@([\d.]+)/.exec(config)!;
    const cached = join(folder, "npm/registry/esbuild-wasm", version);
    Deno.mkdirSync(cached, { recursive: true });
    Deno.writeTextFileSync(join(cached, "esbuild.wasm"), "wasm");
    const path = join(folder, "deno");
    if (deno !== null) Deno.writeTextFileSync(path, deno, { mode: 0o755 });
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: [join(folder, "compile.sh"), ...args],
      env: { DENO: path, DENORT_BIN: "", ...env },
    }).output();
    const said = new TextDecoder().decode(stdout) +
      new TextDecoder().decode(stderr);
    const dist = names(join(folder, "dist"));
    await check({ code, said, dist, folder });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

const ignore = Deno.build.os === "windows";

Deno.test("compile.sh says at once what is missing", { ignore }, async () => {
  await compile(["--all"], null, ({ code, said, dist }) => {
    assertEquals([code, dist], [1, []]);
    assertMatch(said, /there is no Deno \(.*\): install it from/);
    assertMatch(said, /there is no runtime \/nowhere/);
  }, { DENORT_BIN: "/nowhere" });
  await compile(["--everything"], null, ({ code, said }) => {
    assertEquals(code, 1);
    assertStringIncludes(said, "usage: ./compile.sh [--all]");
  });
});

Deno.test("compile.sh refuses Deno before 2.7.11 and warns before 2.9", {
  ignore,
}, async () => {
  for (const version of ["1.46.3", "2.6.99", "2.7.10"]) {
    await compile([], pretender(version), ({ code, said, dist }) => {
      assertEquals([code, dist], [1, []], version);
      assertStringIncludes(said, `Deno ${version} is too old`);
    });
  }
  for (const version of ["2.7.11", "2.8.2", "2.9.0", "2.10.0-rc.1", "3.0.0"]) {
    await compile([], pretender(version), ({ code, said, dist }) => {
      assertEquals([code, dist], [0, ["pagi-server"]], said);
      assertEquals(said.includes("older"), /^2\.[78]\./.test(version), said);
    });
  }
});

Deno.test(
  "compile.sh --all makes an archive for each system, and sums that hold",
  { ignore },
  async () => {
    const archives = [
      `pagi-server-${VERSION}-aarch64-apple-darwin.tar.gz`,
      `pagi-server-${VERSION}-aarch64-unknown-linux-gnu.tar.gz`,
      `pagi-server-${VERSION}-x86_64-apple-darwin.tar.gz`,
      `pagi-server-${VERSION}-x86_64-pc-windows-msvc.zip`,
      `pagi-server-${VERSION}-x86_64-unknown-linux-gnu.tar.gz`,
    ];
    await compile(
      ["--all"],
      pretender("2.9.6"),
      ({ code, said, dist, folder }) => {
        assertEquals([code, dist], [0, ["SHA256SUMS", ...archives]], said);
        const script = `cd '${folder}/dist'
      { sha256sum --check SHA256SUMS || shasum -a 256 --check SHA256SUMS; } >&2
      for archive in *.tar.gz; do tar -xzf "$archive" || exit; done
      cat */pagi-server; ls pagi-server-${VERSION}-aarch64-apple-darwin`;
        const { success, stdout } = new Deno.Command("bash", {
          args: ["-ec", script],
          stderr: "null",
        }).outputSync();
        assertEquals(success, true);
        // The runtime that DENORT_BIN names is for this machine only.
        assertMatch(
          new TextDecoder().decode(stdout),
          /^aarch64-apple-darwin none\naarch64-unknown-linux-gnu none\nx86_64-apple-darwin none\nx86_64-unknown-linux-gnu \/bin\/bash\nCHANGELOG\.md\nLICENSE\nREADME\.md\n/,
        );
      },
      { DENORT_BIN: "/bin/bash" },
    );
  },
);

Deno.test(
  "compile.sh --all names the systems that it cannot build for, and leaves nothing",
  { ignore },
  async () => {
    const unknown = "aarch64-apple-darwin";
    await compile(
      ["--all"],
      pretender("2.9.6", unknown),
      ({ code, said, dist }) => {
        assertEquals([code, dist], [1, []]);
        assertMatch(
          said,
          /aarch64-apple-darwin cannot be built:\n {2}no runtime\n/,
        );
        assertMatch(
          said,
          /nothing was put into dist.*for aarch64-apple-darwin$/m,
        );
      },
    );
  },
);
