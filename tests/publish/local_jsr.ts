/**
 * JSR in small, on this machine. It serves this package as it would be
 * published, and stand-ins for the packages that it imports from there: each
 * hands on what the same name is in deno.json.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fromFileUrl, join } from "../../src/std/path.ts";
import config from "../../deno.json" with { type: "json" };
import jsr from "../../jsr.json" with { type: "json" };

/** The folder of the project. */
export const ROOT: string = fromFileUrl(new URL("../../", import.meta.url));

/** What jsr.json says that the package has, by path, in order. */
export function publishedFiles(): string[] {
  const { include, exclude } = jsr.publish;
  return include.flatMap(filesBelow).filter((path) => !exclude.includes(path))
    .sort();
}

function filesBelow(path: string): string[] {
  const full = join(ROOT, path);
  if (Deno.statSync(full).isFile) return [path];
  return [...Deno.readDirSync(full)].flatMap(({ name }) =>
    filesBelow(`${path}/${name}`)
  );
}

/** The files of a package by path, and its exports. */
interface Package {
  readonly version: string;
  readonly exports: Record<string, string>;
  readonly files: Map<string, string>;
}

/** A registry that runs until it is disposed of. */
export class LocalJsr implements AsyncDisposable {
  readonly #packages = new Map<string, Package>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#packages.set(jsr.name, {
      version: jsr.version,
      exports: jsr.exports,
      files: new Map(publishedFiles().map((path) => [path, published(path)])),
    });
    for (const name of Object.keys(jsr.imports)) this.#addStandIn(name);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
  }

  /** For the environment of a Deno that is to use this registry. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #addStandIn(specifier: string): void {
    const { [specifier]: target } = jsr.imports as Record<string, string>;
    const { [specifier]: npm } = config.imports as Record<string, string>;
    const [, name, version, path = ""] =
      /^jsr:(@[^/]+\/[^@]+)@([^/]+)(.*)$/.exec(target) ?? [];
    if (name === undefined) return;
    const found: Package = this.#packages.get(name) ??
      { version, exports: {}, files: new Map() };
    const file = `.${path || "/mod"}.js`;
    found.exports[`.${path}`] = file;
    found.files.set(file.slice(2), `export * from "${npm}";\n`);
    this.#packages.set(name, found);
  }

  #answer(path: string): Response {
    const [, name, rest] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
    const found = this.#packages.get(name);
    if (found === undefined) return new Response(null, { status: 404 });
    const { version, exports, files } = found;
    if (rest === "meta.json") {
      return Response.json({ versions: { [version]: {} } });
    }
    if (rest === `${version}_meta.json`) {
      const manifest = Object.fromEntries(
        [...files].map(([file, text]) => [`/${file}`, entry(text)]),
      );
      return Response.json({ exports, manifest });
    }
    const text = files.get(rest.slice(version.length + 1));
    return new Response(text, {
      status: text === undefined ? 404 : 200,
      headers: { "content-type": mediaType(rest) },
    });
  }
}

/** The text of a file as JSR has it: bare names stand no more. */
function published(path: string): string {
  const text = Deno.readTextFileSync(join(ROOT, path));
  if (!path.endsWith(".ts")) return text;
  return text.replace(
    /\b(from |import\(|import )"([^".][^"]*)"/g,
    (whole, before, name) => {
      const target = (jsr.imports as Record<string, string>)[name];
      return target === undefined ? whole : `${before}"${target}"`;
    },
  );
}

function entry(text: string): { size: number; checksum: string } {
  const bytes = new TextEncoder().encode(text);
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { size: bytes.length, checksum: `sha256-${digest}` };
}

function mediaType(path: string): string {
  if (path.endsWith(".ts")) return "text/typescript";
  return path.endsWith(".js") ? "text/javascript" : "application/json";
}
