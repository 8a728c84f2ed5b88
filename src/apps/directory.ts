/**
 * The app that serves files and lists folders.
 *
 * @module
 */

import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { choice, flag, text } from "../options/value_types.ts";
import type { PagiApp } from "../pagi/types.ts";
import { type FileOptions, fileOptions, fileSettings } from "./file.ts";
import { MarkdownPages } from "./files/markdown.ts";
import { directorySender } from "./files/send_listing.ts";
import { serveTree } from "./files/serve_tree.ts";
import { SORT_KEYS } from "./files/directory_entries.ts";

const NAME = "PAGI::App::Directory";

/** Options of {@linkcode DirectoryApp}. */
export interface DirectoryOptions extends FileOptions {
  /** List and serve names that begin with a dot. */
  readonly showHidden?: boolean;
  /** What listings call the root, in place of its path. */
  readonly title?: string;
  /** What listings are sorted by until a reader says more. */
  readonly sort?: "name" | "size" | "time";
  /** Offer folders as archives: ZIP, tar and tar.gz. */
  readonly zip?: boolean;
  /** Offer to search for names below a folder. */
  readonly search?: boolean;
  /** Show README files below listings. */
  readonly readme?: boolean;
  /** Show Markdown as it is meant, to browsers. */
  readonly markdown?: boolean;
}

const table = {
  ...fileOptions,
  show_hidden: {
    type: flag,
    default: false,
    help: "list and serve names that begin with a dot",
  },
  title: {
    type: text,
    default: null,
    help: "what listings call the root, in place of its path",
  },
  sort: {
    type: choice(SORT_KEYS),
    default: "name",
    help: "what listings are sorted by until a reader says more",
  },
  zip: {
    type: flag,
    default: true,
    help: "offer folders as archives: ZIP, tar and tar.gz",
  },
  search: {
    type: flag,
    default: true,
    help: "offer to search for names below a folder",
  },
  readme: {
    type: flag,
    default: true,
    help: "show README files below listings",
  },
  markdown: {
    type: flag,
    default: true,
    help: "show Markdown as it is meant, to browsers",
  },
} satisfies TableFor<DirectoryOptions>;

/**
 * Serves the files beneath `root` as the app File does, and lists folders that
 * have no index file, as HTML or JSON (PAGI.md 7). Wrong options throw an
 * `OptionError`.
 *
 * ```ts
 * new DirectoryApp({ root: "/var/www", showHidden: true }).toApp();
 * ```
 */
export class DirectoryApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: DirectoryOptions = {}) {
    const given = readAppOptions(NAME, table, options);
    const { show_hidden: showHidden, title, sort } = given;
    const { zip, search, readme, markdown } = given;
    const files = fileSettings(NAME, given, showHidden);
    const listings = { ...files, title, sort, zip, search, readme, markdown };
    this.#app = serveTree(NAME, {
      ...files,
      sendDirectory: directorySender(listings),
      markdown: markdown ? new MarkdownPages(title, files.compress) : undefined,
    });
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default DirectoryApp;
