/** The app that serves files and lists folders. */

import type {
  AppOptionTable,
  AppOptionValues,
  TableFor,
} from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import {
  choice,
  defineType,
  flag,
  list,
  size,
  text,
  type ValueType,
} from "../options/value_types.ts";
import { OptionError } from "../options/option_error.ts";
import { announceRaisedLimits } from "../pagi/body_limit.ts";
import type { PagiApp } from "../pagi/types.ts";
import { type FileOptions, fileOptions, fileSettings } from "./file.ts";
import { MarkdownPages } from "./files/markdown.ts";
import { directorySender, LONGEST } from "./files/send_listing.ts";
import { serveTree, type TreeSettings } from "./files/serve_tree.ts";
import { SORT_KEYS } from "./files/directory_entries.ts";
import type { Changes } from "./uploads/serve_changes.ts";

const NAME = "PAGI::App::Directory";

/** Options of {@linkcode DirectoryApp}. */
export interface DirectoryOptions extends FileOptions {
  /** List and serve names that begin with a dot. */
  readonly showHidden?: boolean;
  /** The name of the root in listings (default: its path). */
  readonly title?: string;
  /** The order of listings unless the request names one. */
  readonly sort?: "name" | "size" | "time";
  /** Offer folders as archives: ZIP, tar and tar.gz. */
  readonly zip?: boolean;
  /** Offer to search for names below a folder. */
  readonly search?: boolean;
  /** Show README files below listings. */
  readonly readme?: boolean;
  /** Render Markdown for browsers. */
  readonly markdown?: boolean;
  /** Accept uploads, by PUT and from forms. */
  readonly upload?: boolean;
  /** What becomes of a file whose name is taken: refuse, replace, rename. */
  readonly overwrite?: "0" | "1" | "rename";
  /** Bytes of an uploaded file; 0: any number. */
  readonly uploadLimit?: string | number;
  /** Extensions and media types of files that are taken. */
  readonly uploadTypes?: string | readonly string[];
  /** Let clients make folders. */
  readonly mkdir?: boolean;
  /** Let clients rename and move files and folders. */
  readonly rename?: boolean;
  /** Let clients delete files and folders. */
  readonly delete?: boolean;
  /** Serve the folder as a drive, by WebDAV. */
  readonly webdav?: boolean;
}

/** `.jpg`, `image/png` or `image/*`, in lower case. */
const fileType: ValueType<string> = defineType({
  placeholder: "TYPE",
  allowed: "an extension or a media type, as in .pdf or image/*",
  parse: (given) =>
    /^(?:\.[^\s/,"<>]+|[\w.+-]+\/(?:\*|[\w.+-]+))$/.test(given)
      ? given.toLowerCase()
      : undefined,
});

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
    help: "the name of the root in listings (default: its path)",
  },
  sort: {
    type: choice(SORT_KEYS),
    default: "name",
    help: "the order of listings unless the request names one",
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
    help: "render Markdown for browsers",
  },
  upload: {
    type: flag,
    default: false,
    help: "accept uploads, by PUT and from the page",
  },
  overwrite: {
    type: choice(["0", "1", "rename"]),
    default: "0",
    help:
      "what becomes of a file whose name is taken: refuse it (0), replace " +
      "the other one (1), or give it another name",
  },
  upload_limit: {
    type: size,
    default: 0,
    help: "how large an uploaded file may be, as in 2G; 0: any size",
  },
  upload_types: {
    type: list(fileType),
    default: null,
    help: "which files are taken, as in .pdf,image/*; by default all",
  },
  mkdir: {
    type: flag,
    default: false,
    help: "let clients make folders",
  },
  rename: {
    type: flag,
    default: false,
    help: "let clients rename and move files and folders",
  },
  delete: {
    type: flag,
    default: false,
    help: "let clients delete files and folders, with all that is in them",
  },
  webdav: {
    type: flag,
    default: false,
    help:
      "serve the folder as a drive, which file managers can mount; it can " +
      "be read, and changed as the other options allow",
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
    const changes = loadChanges(files, given);
    const page = changes?.then(({ pageParts }) => pageParts) ?? null;
    const listings = {
      root: files.root,
      showHidden,
      compress: files.compress,
      title,
      sort,
      zip,
      search,
      readme,
      markdown,
      changes: page,
      longest: LONGEST,
    };
    this.#app = serveTree(NAME, {
      ...files,
      sandbox: given.upload,
      ...directorySender(listings),
      markdown: markdown ? new MarkdownPages(title, files.compress) : undefined,
      serveChange: changes === null
        ? undefined
        : async (...request) => await (await changes).serve(...request),
    });
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

/** Refuses an option that says how files are taken where none are. */
function assertUsed(
  option: "overwrite" | "upload_types" | "upload_limit",
  given: AppOptionValues<typeof table>,
  isUsed: boolean,
): void {
  if (isUsed || given[option] === table[option].default) return;
  throw new OptionError(
    `${NAME}, option ${option}: no files are taken without upload=1; add that, or leave ${option} out`,
  );
}

/** Loads what serves changes, if an option allows any; null if none does. */
function loadChanges(
  files: TreeSettings,
  given: AppOptionValues<typeof table>,
): Promise<Changes> | null {
  const { upload, mkdir, rename, delete: deletes, webdav } = given;
  assertUsed("overwrite", given, upload || rename);
  assertUsed("upload_types", given, upload || rename);
  assertUsed("upload_limit", given, upload);
  if (!upload && !mkdir && !rename && !deletes && !webdav) return null;
  // Uploads have a limit of their own.
  if (upload) announceRaisedLimits();
  const settings = {
    ...files,
    appName: NAME,
    upload,
    overwrite: given.overwrite,
    uploadLimit: given.upload_limit,
    uploadTypes: given.upload_types ?? [],
    mkdir,
    rename,
    delete: deletes,
  };
  return webdav
    ? import("./webdav/mod.ts").then(({ WebDav }) => new WebDav(settings))
    : import("./uploads/serve_changes.ts").then(({ Changes }) =>
      new Changes(settings)
    );
}

export default DirectoryApp;
