/**
 * The app that mounts other apps at different paths.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import { namesFolder, pathSegments } from "../http/target.ts";
import type { AppOptionTable } from "../options/app_options.ts";
import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import type { PagiApp, Scope } from "../pagi/types.ts";
import { composedLifespan } from "./composed_lifespan.ts";
import { appOf, type AppPart, type LoadPart, part } from "./parts.ts";
import NotFoundApp from "./not_found.ts";

const NAME = "PAGI::App::URLMap";
/** `//host/prefix`, or just `/prefix`. */
const MOUNT = /^(?:\/\/([^/]+))?(\/.*)?$/s;

/** An app at a place. */
interface Mount {
  /** Lower case, without port; null for any host. */
  readonly host: string | null;
  /** Without the slash at the end: "" is the root. */
  readonly prefix: string;
  readonly app: PagiApp;
}

/** Options of {@linkcode UrlMapApp}. */
export interface UrlMapOptions {
  /** Answers what no mount does; without it that is 404. */
  readonly default?: AppPart;
}

/**
 * Mounts apps by path and host (PAGI.md 7): the longest prefix that ends at a
 * `/` wins, and among equal ones the mount that names the host. The mounted
 * app sees the rest as its `path`, and the prefix in `root_path`. Streams and
 * WebSockets are mounted as well, and lifespan reaches every app.
 *
 * ```ts
 * new UrlMapApp()
 *   .mount("/api", api)
 *   .mount("//static.example.com/", new FileApp({ root: "public" }))
 *   .toApp();
 * ```
 *
 * On the command line: `PAGI::App::URLMap /api=./api.ts
 * /=PAGI::App::Directory,root=public default=./not_found.ts`.
 */
export class UrlMapApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = {
    "/PREFIX": { kind: part, default: undefined, help: "the app at a path" },
    "//HOST/PREFIX": {
      kind: part,
      default: undefined,
      help: "the app at a path of one host",
    },
    default: {
      kind: part,
      default: "PAGI::App::NotFound",
      help: "the app for all else",
    },
  };

  #mounts: Mount[] = [];
  #default: PagiApp;

  constructor(options: UrlMapOptions = {}) {
    this.#default = appOf(options.default ?? new NotFoundApp());
  }

  /** Mounts the apps that a command line names. */
  static async compose(
    pairs: Readonly<Record<string, string>>,
    load: LoadPart,
  ): Promise<UrlMapApp> {
    const { default: fallback, ...mounts } = pairs;
    const map = new UrlMapApp(
      fallback === undefined ? {} : { default: await load(fallback) },
    );
    for (const [place, named] of Object.entries(mounts)) {
      if (!place.startsWith("/")) {
        throw new OptionError(
          `${NAME}: unknown option ${
            quote(place)
          }; write /PREFIX=APP, //HOST/PREFIX=APP or default=APP`,
        );
      }
      map.mount(place, await load(named));
    }
    if (map.#mounts.length === 0) {
      throw new OptionError(
        `${NAME} has nothing to mount; write /PREFIX=APP, for example /api=./api.ts`,
      );
    }
    return map;
  }

  /**
   * Mounts `app` at `place`: `/prefix` or `//host/prefix`. What is mounted
   * there already is replaced.
   *
   * @throws {OptionError} When `place` is neither.
   */
  mount(place: string, app: AppPart): this {
    const match = place === "" ? null : MOUNT.exec(place);
    if (match === null) {
      throw new OptionError(
        `${NAME}: ${quote(place)} is no place; write /PREFIX or //HOST/PREFIX`,
      );
    }
    const host = match[1] === undefined ? null : hostOf(match[1]);
    const prefix = (match[2] ?? "").replace(/\/+$/, "");
    this.#mounts = this.#mounts.filter((other) =>
      other.host !== host || other.prefix !== prefix
    );
    this.#mounts.push({ host, prefix, app: appOf(app) });
    this.#mounts.sort((a, b) =>
      b.prefix.length - a.prefix.length ||
      Number(a.host === null) - Number(b.host === null)
    );
    return this;
  }

  /** Mounts each app of `places` at its key. */
  map(places: Readonly<Record<string, AppPart>>): this {
    for (const [place, app] of Object.entries(places)) this.mount(place, app);
    return this;
  }

  /** The app itself. */
  toApp(): PagiApp {
    return (scope, receive, send) => {
      if (scope.type === "lifespan") {
        const apps = [...this.#mounts.map(({ app }) => app), this.#default];
        return composedLifespan(apps, scope, receive, send);
      }
      const [mount, path] = this.#find(scope);
      return mount === undefined
        ? this.#default(scope, receive, send)
        : mount.app(below(scope, mount.prefix, path), receive, send);
    };
  }

  /**
   * The mount of a request and the path below it. What counts is the path
   * without dot segments and empty names: however a path is written, it leads
   * to one mount, and `/a/../b` is not `/a`'s. An app gets its path as it was
   * written where that stays below its mount.
   */
  #find(
    scope: Exclude<Scope, { type: "lifespan" }>,
  ): [mount: Mount | undefined, path: string] {
    const { path } = scope;
    const host = hostOf(fieldValue(scope.headers, "host") ?? "");
    const given = this.#mountOf(host, path);
    const rest = path.slice(given?.prefix.length ?? 0);
    if (!UNCLEAN.test(path)) return [given, rest];
    const segments = pathSegments(path);
    // What leads out of everything is for the app to refuse.
    if (segments === null) return [given, rest];
    const clean = `/${segments.join("/")}${
      segments.length > 0 && namesFolder(path) ? "/" : ""
    }`;
    const mount = this.#mountOf(host, clean);
    return mount === given && pathSegments(rest) !== null
      ? [mount, rest]
      : [mount, clean.slice(mount?.prefix.length ?? 0)];
  }

  #mountOf(host: string, path: string): Mount | undefined {
    return this.#mounts.find((mount) =>
      (mount.host === null || mount.host === host) &&
      path.startsWith(mount.prefix) &&
      (path.length === mount.prefix.length ||
        path[mount.prefix.length] === "/")
    );
  }
}

/** What may hold a dot segment or an empty name. */
const UNCLEAN = /[/\\]\.|\/\/|\\/;

/** The scope as an app sees it that is mounted at `prefix`, with its `path`. */
function below<S extends Exclude<Scope, { type: "lifespan" }>>(
  scope: S,
  prefix: string,
  path: string,
): S {
  return {
    ...scope,
    path: path || "/",
    root_path: scope.root_path + prefix,
  };
}

/** The name in a host field, without port and final dot (RFC 3986, 3.2.2). */
function hostOf(field: string): string {
  return field.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}

export default UrlMapApp;
