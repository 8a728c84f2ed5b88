/**
 * Fuzzes the apps that serve files: nothing outside of the root ever leaves.
 *
 * @module
 */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import { configureLog } from "../../src/log/log.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { HOSTILE_NAMES, hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";
import { BYTE_PIECES } from "./hostile.ts";
import type { Random } from "./random.ts";
import { hold, type Target } from "./target.ts";
import { fromBytes } from "../helpers/raw_connection.ts";

const STATUSES = new Set([
  200,
  206,
  301,
  304,
  307,
  308,
  400,
  403,
  404,
  405,
  412,
  416,
]);
const PARTS = [
  ...["..", ".", "", "links", "names", "sub", "deep er", "indexed", "www2"],
  ...["above", "outside", "outside-folder", "sibling", "passwd", "loop"],
  ...["secret.txt", "hello.txt", "index.html", ".git", "config", ".hidden"],
  ...["absolute.txt", "leaking-index", "broken.txt", "outside.txt", "etc"],
  ...["evil.com", "%2e%2e", "..%2f", "..;", "…"],
  ...HOSTILE_NAMES,
];
/** What a file outside of the root holds. */
const OUTSIDE = new RegExp(`${SECRET}|root:x?:0:0`);

/** Any path, however written, gives what is beneath the root, or an error. */
export const files: Target = {
  name: "files",
  share: 40,
  open() {
    // Failed reads are told of, and here they are many.
    configureLog({ level: "error", write: () => {} });
    const tree = hostileTree();
    const { root } = tree;
    const hidden: PagiApp[] = [
      new DirectoryApp({ root }).toApp(),
      new FileApp({ root }).toApp(),
    ];
    const shown = new DirectoryApp({ root, showHidden: true }).toApp();
    return {
      parallel: 8,
      async round(random) {
        const app = random.pick([...hidden, shown]);
        const request = {
          method: random.once(12)
            ? random.pick(["POST", "TRACE", "x"])
            : random.pick(["GET", "GET", "GET", "HEAD"]),
          target: target(random),
          headers: Object.fromEntries(random.list(3, () => header(random))),
        };
        const { status, text, headers } = await runApp(app, request);
        const told = () => `${JSON.stringify(request)} gave ${status} ${text}`;
        hold(STATUSES.has(status), told);
        hold(!OUTSIDE.test(text), told);
        hold(
          app === shown || status >= 300 ||
            !/^(dots|hidden|config)$/.test(text),
          told,
        );
        for (const [name, value] of headers) {
          hold(/^[\t\x20-\x7e\x80-\xff]*$/.test(value), told);
          // A redirect stays on this host.
          hold(name !== "location" || /^\/(?!\/)/.test(value), told);
        }
        return 1;
      },
      close() {
        tree[Symbol.dispose]();
        configureLog({ level: "info" });
      },
    };
  },
};

function target(random: Random): string {
  const parts = random.list(
    6,
    () =>
      random.once(5)
        ? random.text([...BYTE_PIECES, "..", "%2e", "%5c", "\\", "/"], 4)
        : encoded(random, random.pick(PARTS)),
  );
  const slash = () =>
    random.once(12) ? random.pick(["//", "\\", "%2f", "%5C", ";/"]) : "/";
  const path = slash() + parts.map((part) => part + slash()).join("");
  const whole = random.once(2) ? path.replace(/\/$/, "") || "/" : path;
  const query = random.pick([
    ...["", "", "", "?", "?sort=size&order=desc", "?zip=1", "?page=2"],
    `?${random.text(BYTE_PIECES, 4)}`,
  ]);
  // What the engine lets through in a target.
  return (whole.replace(/[?#]/g, "%3F") + query).replace(
    /[\0-\x20\x7f#]/g,
    encodeURIComponent,
  );
}

/** A name as a target has it: encoded as far as must be, or more. */
function encoded(random: Random, name: string): string {
  const way = random.below(6);
  if (way === 0) {
    return Array.from(
      new TextEncoder().encode(name),
      (byte) => `%${byte.toString(16).padStart(2, "0")}`,
    ).join("");
  }
  if (way === 1) return fromBytes(new TextEncoder().encode(name));
  if (way === 2) return encodeURIComponent(encodeURIComponent(name));
  return encodeURIComponent(name);
}

function header(random: Random): [string, string] {
  return [
    random.pick([
      ...["range", "if-range", "if-none-match", "if-match", "accept"],
      ...["if-modified-since", "accept-encoding", "if-unmodified-since"],
    ]),
    random.pick([
      ...["bytes=0-4", "bytes=-1", "bytes=9-", "bytes=5-2", "bytes=0-0,2-3"],
      ...["*", '"a"', 'W/"a"', "gzip, br", "application/json", "text/html"],
      "Sun, 06 Nov 1994 08:49:37 GMT",
      random.text(BYTE_PIECES, 6),
    ]),
  ];
}
