/**
 * A real nginx, where one is installed.
 *
 * @module
 */

import { join } from "../../src/std/path.ts";
import { delay } from "./wait.ts";
import { findProgram } from "./programs.ts";
import { RawConnection } from "./raw_connection.ts";
import { tempFolder } from "./temp_folder.ts";

/** Where nginx is, or null. */
export const NGINX: string | null = findProgram("nginx");

if (NGINX === null) {
  console.warn("nginx is not installed: the tests with it are skipped.");
}

/** One nginx with one worker, on a port of its own. */
export class Nginx implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(
    process: Deno.ChildProcess,
    folder: string,
    readonly port: number,
  ) {
    this.#process = process;
    this.#folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /**
   * Starts it with what stands in `server { … }`. `ROOT` in it stands for a
   * folder that holds `files`, by relative path.
   */
  static async start(
    server: string,
    files: Readonly<Record<string, string>> = {},
    port: number = freePort(),
  ): Promise<Nginx> {
    const folder = tempFolder("pagi nginx ");
    const root = join(folder, "root");
    Deno.mkdirSync(root);
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(join(root, path, ".."), { recursive: true });
      Deno.writeTextFileSync(join(root, path), text);
    }
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path "${folder}/${kind}";`,
    );
    Deno.writeTextFileSync(
      join(folder, "nginx.conf"),
      `daemon off; master_process off; pid "${folder}/pid";
      error_log stderr crit; events {}
      http { access_log off; ${temp.join(" ")}
        types { text/html html; text/plain txt; }
        server { listen 127.0.0.1:${port}; ${
        server.replaceAll("ROOT", `"${root}"`)
      } } }`,
    );
    const process = new Deno.Command(NGINX!, {
      args: ["-p", folder, "-c", join(folder, "nginx.conf")],
      stdin: "null",
      stdout: "null",
    }).spawn();
    const nginx = new Nginx(process, folder, port);
    try {
      await nginx.#ready();
    } catch (error) {
      await nginx[Symbol.asyncDispose]();
      throw error;
    }
    return nginx;
  }

  /** Opens a plain TCP connection. */
  connect(): Promise<RawConnection> {
    return RawConnection.open({ host: "127.0.0.1", port: this.port });
  }

  async #ready(): Promise<void> {
    for (let left = 500; left > 0; left--) {
      try {
        return (await this.connect()).close();
      } catch {
        await delay(10);
      }
    }
    throw new Error("nginx did not start within 5 seconds");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#process.status;
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
