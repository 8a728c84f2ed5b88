/**
 * The app that serves files and lists folders.
 *
 * @module
 */

import type { AppOptionTable } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { flag } from "../options/kinds.ts";
import type { PagiApp } from "../pagi/types.ts";
import { fileOptions, fileSettings } from "./file.ts";
import { readEntries } from "./files/read_entries.ts";
import { sendListing } from "./files/send_listing.ts";
import { serveTree } from "./files/serve_tree.ts";
import { replyStatus } from "./reply.ts";

const NAME = "PAGI::App::Directory";

const table = {
  ...fileOptions,
  show_hidden: {
    kind: flag,
    default: false,
    help: "list and serve names that begin with a dot",
  },
} satisfies AppOptionTable;

/**
 * Serves the files beneath `root` as the app File does, and lists folders that
 * have no index file, as HTML or JSON (PAGI.md 7). Wrong options throw an
 * `OptionError`.
 *
 * ```ts
 * new DirectoryApp({ root: "/var/www", show_hidden: true }).toApp();
 * ```
 */
export class DirectoryApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: Record<string, unknown> = {}) {
    const given = readAppOptions(NAME, table, options);
    const settings = fileSettings(NAME, given);
    const showHidden = given.show_hidden;
    this.#app = serveTree(NAME, {
      ...settings,
      showHidden,
      async sendFolder(scope, send, { path }, parts) {
        const entries = await readEntries(path, settings.root, showHidden);
        await (entries === null
          ? replyStatus(send, 404)
          : sendListing(scope, send, parts, entries));
      },
    });
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default DirectoryApp;
