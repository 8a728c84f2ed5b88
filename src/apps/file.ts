/** The app that serves files. */

import type {
  AppOptionTable,
  AppOptionValues,
  TableFor,
} from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { choice, flag, list, text } from "../options/value_types.ts";
import { cachePolicy } from "../http/content_type.ts";
import type { PagiApp } from "../pagi/types.ts";
import { ContentDigests } from "./files/file_version.ts";
import { DocumentRoot } from "./files/document_root.ts";
import { FileCache } from "./files/file_cache.ts";
import { serveTree } from "./files/serve_tree.ts";
import type { TreeSettings } from "./files/serve_tree.ts";
import { charset, fieldText, mediaType } from "./reply.ts";

const NAME = "PAGI::App::File";

/** Options of {@linkcode FileApp}. */
export interface FileOptions {
  /** The folder to serve. */
  readonly root?: string;
  /** Index files of folders. */
  readonly index?: string | readonly string[];
  /** The media type of files with an unknown extension. */
  readonly defaultType?: string;
  /** Answer range requests. */
  readonly handleRanges?: boolean;
  /** Send FILE.br, FILE.zst or FILE.gz in place of FILE where they exist. */
  readonly precompressed?: boolean;
  /** Compress text responses. */
  readonly compress?: boolean;
  /**
   * The cache-control of files, as in "max-age=3600", for pages without the
   * lifetime; "auto": a year for names with a hash.
   */
  readonly cacheControl?: string;
  /** The cache-control of HTML pages. */
  readonly htmlCacheControl?: string;
  /**
   * The charset of text that declares none; by default UTF-8 if the text is
   * valid UTF-8, "" for none.
   */
  readonly charset?: string;
  /** The basis of entity tags: time and size, or the content. */
  readonly etag?: "stat" | "content";
  /** Serve about.html as /about. */
  readonly cleanUrls?: boolean;
  /** Serve the root's index file for pages that do not exist. */
  readonly spa?: boolean;
  /** The file of the root that is sent with status 404; "" for none. */
  readonly notFound?: string;
}

/** The options of the app File. */
export const fileOptions = {
  root: {
    type: text,
    default: ".",
    help: "the folder to serve",
    positional: true,
  },
  index: {
    type: list(text),
    default: ["index.html", "index.htm"],
    help: "index files of folders",
  },
  default_type: {
    type: mediaType,
    default: "application/octet-stream",
    help: "the media type of files with an unknown extension",
  },
  handle_ranges: {
    type: flag,
    default: true,
    help: "answer range requests",
  },
  precompressed: {
    type: flag,
    default: true,
    help: "send FILE.br, FILE.zst or FILE.gz in place of FILE where they exist",
  },
  compress: {
    type: flag,
    default: true,
    help: "compress text responses",
  },
  cache_control: {
    type: fieldText,
    default: null,
    help:
      'the cache-control of files, as in "max-age=3600", for pages without the ' +
      'lifetime; "auto": a year for names with a hash',
  },
  html_cache_control: {
    type: fieldText,
    default: null,
    help: "the cache-control of HTML pages",
  },
  charset: {
    type: charset,
    default: null,
    help: "the charset of text that declares none; by default UTF-8 if the " +
      'text is valid UTF-8, "" for none',
  },
  etag: {
    type: choice(["stat", "content"]),
    default: "stat",
    help: "the basis of entity tags: time and size, or the content",
  },
  clean_urls: {
    type: flag,
    default: false,
    help: "serve about.html as /about",
  },
  spa: {
    type: flag,
    default: false,
    help: "serve the root's index file for pages that do not exist",
  },
  not_found: {
    type: text,
    default: "404.html",
    help: 'the file of the root that is sent with status 404; "" for none',
  },
} satisfies TableFor<FileOptions>;

/** What the options of the app called `appName` mean. */
export function fileSettings(
  appName: string,
  given: AppOptionValues<typeof fileOptions>,
  showHidden = false,
): TreeSettings {
  const root = new DocumentRoot(appName, given.root, { showHidden });
  return {
    root,
    files: new FileCache(root),
    index: given.index,
    defaultType: given.default_type,
    handleRanges: given.handle_ranges,
    precompressed: given.precompressed,
    compress: given.compress,
    charset: given.charset,
    cacheControl: cachePolicy(given.cache_control, given.html_cache_control),
    digests: given.etag === "content" ? new ContentDigests() : null,
    sandbox: false,
    cleanUrls: given.clean_urls,
    spa: given.spa,
    notFound: given.not_found,
    showHidden,
  };
}

/**
 * Serves the files beneath `root` (PAGI.md 7), never anything outside it.
 * Wrong options throw an `OptionError`.
 *
 * ```ts
 * new FileApp({ root: "/var/www" }).toApp();
 * ```
 */
export class FileApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = fileOptions;

  readonly #app: PagiApp;

  constructor(options: FileOptions = {}) {
    const given = readAppOptions(NAME, fileOptions, options);
    this.#app = serveTree(NAME, fileSettings(NAME, given));
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default FileApp;
