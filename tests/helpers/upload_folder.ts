/**
 * A folder that clients may change, for tests.
 *
 * @module
 */

import {
  DirectoryApp,
  type DirectoryOptions,
} from "../../src/apps/directory.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { join } from "../../src/std/path.ts";
import { type AppRequest, type AppResponse, runApp } from "./run_app.ts";
import { TempFolder } from "./temp_folder.ts";

/** All that may be changed. */
export const ALL: DirectoryOptions = {
  upload: true,
  mkdir: true,
  rename: true,
  delete: true,
};

/** The app Directory on a new folder. */
export class UploadFolder implements Disposable {
  readonly app: PagiApp;
  readonly #outer = new TempFolder();
  /** The served folder; what is beside it nobody may reach. */
  readonly path = join(this.#outer.path, "root");

  constructor(options: DirectoryOptions = ALL) {
    Deno.mkdirSync(this.path);
    this.app = new DirectoryApp({ root: this.path, ...options }).toApp();
  }

  /** What is at `target` is asked to change. */
  send(
    method: string,
    target: string,
    request: AppRequest = {},
  ): Promise<AppResponse> {
    return runApp(this.app, { method, target, ...request });
  }

  /** Files with their content and folders (null), hidden ones too. */
  tree(folder = this.path, prefix = ""): Record<string, string | null> {
    const found: Record<string, string | null> = {};
    for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      found[prefix + name] = isFile
        ? Deno.readTextFileSync(path)
        : isDirectory
        ? null
        : `link to ${Deno.readLinkSync(path)}`;
      if (isDirectory) {
        Object.assign(found, this.tree(path, `${prefix}${name}/`));
      }
    }
    return found;
  }

  /** Everything beside the served folder. */
  outside(): string[] {
    return [...Deno.readDirSync(this.#outer.path)].map(({ name }) => name)
      .filter((name) => name !== "root");
  }

  [Symbol.dispose](): void {
    this.#outer[Symbol.dispose]();
  }
}
