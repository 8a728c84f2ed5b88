/**
 * How cost grows: the same scenario with more and more of something. Each point
 * is a scenario, so that parts of a curve can be measured anew; the plots join
 * them.
 *
 * @module
 */

import { bare, bundled, limit, nginx, ours } from "./contenders.ts";
import { short } from "./figures.ts";
import { client, connections, wrk } from "./load.ts";
import type { Scenario } from "./run_scenario.ts";
import { fileName } from "./workplace.ts";

const PAGE = `default_type text/plain; location / {
  return 200 "Hello from PAGI\\n"; }`;
const ROUNDS = 2;
const THOUSAND = 1000;
const MILLION = 1_000_000;

/** As "100 KB". */
function sizeText(bytes: number): string {
  return bytes < MILLION ? `${bytes / THOUSAND} KB` : `${bytes / MILLION} MB`;
}

/** A request in Lua for one file after the other, in no order of the disk. */
function eachFile(folder: string, count: number): string {
  return `local i = 0
function request()
  i = (i + 7919) % ${count}
  return wrk.format("GET", string.format("/${folder}/file%%20%04d.txt", i))
end
`;
}

/** In the order of the results. */
export const GROWTH: readonly Scenario[] = [
  ...[10, 100, 1000, 10_000].map((count): Scenario => ({
    name: `grow-connections-${count}`,
    title: `16-byte reply to ${short(count)} connections that all ask`,
    unit: "requests",
    maxRounds: ROUNDS,
    curve: {
      title: "Connections that all ask",
      at: short(count),
      shows: ["core", "memory"],
    },
    contenders: [ours("reply"), bare("reply"), nginx(PAGE)],
    ask: {},
    load: connections(count),
  })),
  ...[10, 100, 1000, 10_000, 100_000].map((count): Scenario => ({
    name: `grow-files-${count}`,
    title: `${short(count)} small files, one after the other`,
    unit: "requests",
    maxRounds: ROUNDS,
    curve: {
      title: "Small files, one after the other",
      at: short(count),
      shows: ["core", "memory"],
    },
    contenders: [
      bundled("PAGI::App::File", ({ site }) => [`root=${site}`]),
      nginx("root SITE;"),
    ],
    ask: { path: `/${count}/${encodeURI(fileName(0))}`, fields: [] },
    prepare: (workplace) => workplace.fill(String(count), count),
    load: wrk({ script: eachFile(String(count), count) }),
  })),
  ...[10, 100, 1000, 10_000, 100_000].map((count): Scenario => ({
    name: `grow-listing-${count}`,
    title: `Listing of ${short(count)} files`,
    unit: "listings",
    maxRounds: ROUNDS,
    curve: {
      title: "Listing of so many files",
      at: short(count),
      shows: ["core", "memory"],
      logarithmic: true,
    },
    contenders: [
      bundled("PAGI::App::Directory", ({ site }) => [`root=${site}`]),
      nginx("root SITE; autoindex on;"),
    ],
    ask: { path: `/${count}/`, fields: [], anyBody: true },
    prepare: (workplace) => workplace.fill(String(count), count),
    load: wrk({
      path: `/${count}/`,
      connections: 2,
      seconds: count > 10_000 ? 5 : 1,
    }),
  })),
  ...[1e3, 1e4, 1e5, 1e6, 1e7, 1e8].map((bytes): Scenario => ({
    name: `grow-size-${bytes}`,
    title: `Files of ${sizeText(bytes)}`,
    unit: "MB",
    maxRounds: ROUNDS,
    curve: {
      title: "Files of so many bytes",
      at: sizeText(bytes),
      shows: ["core"],
      logarithmic: true,
    },
    contenders: [
      bundled("PAGI::App::File", ({ site }) => [`root=${site}`]),
      nginx("root SITE;"),
      limit("file", { file: "growing.pdf" }),
    ],
    ask: { path: "/growing.pdf", fields: ["content-length"] },
    prepare: (workplace) => workplace.serve("growing.pdf", bytes),
    load: client(
      "download_client.ts",
      (servers) => [servers, "/growing.pdf", 4],
    ),
  })),
  ...[1, 2].map((count): Scenario => ({
    name: `grow-workers-${count}`,
    title: `16-byte reply by ${count === 1 ? "1 worker" : "2 workers"}`,
    unit: "requests",
    maxRounds: ROUNDS,
    curve: {
      title: "Workers",
      at: String(count),
      shows: ["rate", "core", "memory"],
    },
    contenders: [ours("reply", {
      place: count === 1 ? "server" : "two",
      options: () => ["--workers", String(count)],
    })],
    ask: {},
    load: wrk(),
  })),
];
