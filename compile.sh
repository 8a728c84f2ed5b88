#!/usr/bin/env bash
# Builds the server as one executable: the program, its workers, the bundled
# apps, its packages and Deno's runtime.
#
#   ./compile.sh         for this machine: dist/pagi-server
#   ./compile.sh --all   for every system: archives and SHA256SUMS in dist
#
# DENO is the Deno to build with (default: deno). DENORT_BIN is a runtime for
# this machine, which Deno would download otherwise.
set -euo pipefail
cd "$(dirname "$0")"
export NO_COLOR=1

DENO=${DENO:-deno}
LEAST=2.7.11 # the sources use nothing that is newer
BEST=2.9.0   # the first that runs .ts apps and leaves compression to the server
TARGETS=(
  x86_64-unknown-linux-gnu
  aarch64-unknown-linux-gnu
  x86_64-apple-darwin
  aarch64-apple-darwin
  x86_64-pc-windows-msvc
)
# All that the program may need is allowed, as with `deno run -A`. A code cache
# would lie in the temp folder under a name that everybody can foretell. The
# first error in a large file costs V8 20 ms unless it keeps all positions.
# WebAssembly is not optimized while it runs: esbuild, which is large and runs
# once, then takes half the time and memory.
FLAGS=(--allow-all --unstable-net --unstable-no-legacy-abort --no-code-cache
  --v8-flags=--no-enable-lazy-source-positions,--no-wasm-tier-up,--no-wasm-dynamic-tiering)
# The packages are those of the lock file, or there is no executable.
LOCKED=(--lock=deno.lock --frozen)
# The program, its workers, and the threads that bundle apps, verify passwords
# and list long folders.
ENTRIES=(src/cli/main.ts src/process/worker_main.ts src/loader/bundler.ts
  src/middleware/password_thread.ts src/apps/files/listing_thread.ts)
PAPERS=(README.md CHANGELOG.md LICENSE man completions)

say() { echo "compile.sh: $*" >&2; }
fail() { say "$@"; exit 1; }

# Is version $1 older than $2?
older() {
  local have want i
  IFS=. read -ra have <<<"$1"
  IFS=. read -ra want <<<"$2"
  for i in 0 1 2; do
    ((10#${have[i]:-0} == 10#${want[i]:-0})) || break
  done
  ((10#${have[i]:-0} < 10#${want[i]:-0}))
}

bytes() { find "$@" -type f -exec cat {} + | wc -c; }
megabytes() { awk -v n="$1" 'BEGIN { printf "%.1f MB", n / 1e6 }'; }

# Whatever is missing, all at once and before anything is built.
require() {
  local missing=()
  command -v "$DENO" >/dev/null ||
    missing+=("Deno ($DENO): install it from https://deno.com, or name it in DENO")
  if [ -n "${DENORT_BIN:-}" ] && [ ! -x "$DENORT_BIN" ]; then
    missing+=("runtime $DENORT_BIN, which DENORT_BIN names")
  fi
  if $all; then
    command -v tar >/dev/null || missing+=("tar, for archives")
    command -v zip >/dev/null || missing+=("zip, for the archive for Windows")
    sums=$(command -v sha256sum || command -v shasum) ||
      missing+=("sha256sum or shasum, for checksums")
  fi
  if [ "${#missing[@]}" -gt 0 ]; then
    for what in "${missing[@]}"; do say "there is no $what"; done
    exit 1
  fi
  local version
  version=$("$DENO" --version | awk 'NR == 1 { print $2 }')
  version=${version%%[-+]*}
  [[ $version =~ ^[0-9]+(\.[0-9]+)+$ ]] || fail "$DENO does not tell its version"
  if older "$version" "$LEAST"; then
    fail "Deno $version is too old: it takes $LEAST, and better $BEST or newer"
  fi
  if older "$version" "$BEST"; then
    say "Deno $version is older than $BEST: see docs/engines.md for what differs"
  fi
}

# One file for what every start loads, and others for what only some need. That
# is faster than hundreds, and than one: such a file would load all of Node's
# modules that any part of it imports. Types are checked before.
bundle() {
  "$DENO" check --quiet "${LOCKED[@]}" "${ENTRIES[@]}"
  # LogTape's build for browsers does without node:util and what that loads.
  DENO_CONDITIONS=browser "$DENO" bundle --quiet --code-splitting --outdir "$stage/src" \
    "${LOCKED[@]}" "${ENTRIES[@]}" >"$stage/log" 2>&1 || { cat "$stage/log" >&2; fail "the program cannot be bundled"; }
  lazy_require
  # Under a name that is no module's, or its imports would be looked for.
  local cache version
  version=$(sed -n 's/.*npm:esbuild-wasm@\([0-9.]*\).*/\1/p' deno.json)
  cache=$("$DENO" info --json | sed -n 's/^ *"npmCache": "\(.*\)",*$/\1/p')
  local esbuild
  esbuild=$(echo "$cache"/*/"esbuild-wasm/$version/esbuild.wasm")
  "$DENO" run --quiet --allow-all "${LOCKED[@]}" tools/compact.ts "$stage/src" "$esbuild"
  gzip -9 -c "$esbuild" >"$stage/src/loader/esbuild.gz"
  cp LICENSE "$stage"
}

# For the few CommonJS packages, the bundler has each start import node:module,
# which loads most of Node: 27 ms. All they require are modules of Node's.
lazy_require() {
  local part
  for part in "$stage"/src/chunk-*.js; do
    grep -q '^import .*"node:module";$' "$part" || continue
    sed -e '/^import .*"node:module";$/d' \
      -e 's/^var __require = .*(import\.meta\.url);$/var __require = (name) => process.getBuiltinModule(name);/' \
      "$part" >"$stage/part"
    mv "$stage/part" "$part"
    ! grep -q createRequire "$part" || fail "this Deno bundles require() in another way"
  done
}

# compile TARGET OUTPUT
compile() {
  local environment=(env)
  # That runtime is for this machine only.
  [ "$1" = "$own" ] || environment+=(-u DENORT_BIN)
  (cd "$stage" && "${environment[@]}" "$DENO" compile --quiet --no-config \
    --no-check "${FLAGS[@]}" --target "$1" --include src/process/worker_main.js \
    --include src/middleware/password_thread.js \
    --include src/apps/files/listing_thread.js \
    --include src/loader --include LICENSE --output "$2" src/cli/main.js)
}

report() {
  local total program
  total=$(bytes "$1")
  program=$(bytes "$stage/src" "$stage/LICENSE")
  echo "$2: $(megabytes "$total"): the server $(megabytes "$program"), Deno's runtime $(megabytes $((total - program)))"
}

build_one() {
  compile "$own" "$stage/$name" || fail "$own cannot be built"
  mv "$stage/$name" "dist/$name"
  report "dist/$name" "dist/$name"
}

# Everything or nothing: sums of a part would pass for those of a release.
build_all() {
  local version target folder failed=()
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' deno.json)
  mkdir "$stage/dist"
  for target in "${TARGETS[@]}"; do
    folder=pagi-server-$version-$target
    mkdir "$stage/$folder"
    if ! compile "$target" "$stage/$folder/pagi-server" 2>"$stage/log"; then
      failed+=("$target")
      say "$target cannot be built:"
      sed -e '/Stack backtrace/,$d' -e '/^ *$/d' -e 's/^/  /' "$stage/log" >&2
      continue
    fi
    report "$stage/$folder"/pagi-server* "$target"
    cp -R "${PAPERS[@]}" "$stage/$folder"
    case $target in
      *windows*) (cd "$stage" && zip -qr "dist/$folder.zip" "$folder") ;;
      *) tar -czf "$stage/dist/$folder.tar.gz" -C "$stage" "$folder" ;;
    esac
    rm -r "${stage:?}/$folder"
  done
  if [ "${#failed[@]}" -gt 0 ]; then
    fail "nothing was put into dist, because there is no executable for ${failed[*]}"
  fi
  [[ $sums == *shasum ]] && sums="$sums -a 256"
  (cd "$stage/dist" && $sums pagi-server-* >SHA256SUMS)
  mv "$stage/dist"/* dist
  echo "dist/SHA256SUMS:"
  cat dist/SHA256SUMS
}

all=false
case $* in
  "") ;;
  --all) all=true ;;
  *) fail "usage: ./compile.sh [--all]" ;;
esac
require
own=$("$DENO" eval --no-config 'console.log(Deno.build.target)')
case $own in *windows*) name=pagi-server.exe ;; *) name=pagi-server ;; esac
mkdir -p dist
# In dist, so that moving out of it takes no copying.
stage=$(cd dist && mktemp -d "$PWD/.build-XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/src"
bundle
if $all; then build_all; else build_one; fi
