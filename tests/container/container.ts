/**
 * What an engine does with the image, by hand: its root file system, which
 * cannot be written to, and its entrypoint as process 1 in namespaces of its
 * own, as the image's user. Takes root, Linux and util-linux.
 *
 * @module
 */

import { dirname, join } from "../../src/std/path.ts";
import { BareRoot } from "../binary/bare_root.ts";
import { Program } from "../helpers/run_program.ts";

import { readImage } from "./dockerfile.ts";

/** The image as the Dockerfile describes it. */
export const image = readImage();

/** Runs as process 1: shuts the root, opens the loopback, and starts. */
const START = `
  set -e
  root=$1; shift
  mount --bind "$root" "$root"
  mount --bind . "$root${image.folder}"
  mount -o remount,bind,ro "$root${image.folder}"
  mount -t proc proc "$root/proc"
  for device in null urandom; do
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mount -o remount,bind,ro "$root"
  ip link set lo up
  exec setpriv --no-new-privs env -i ${
  Object.entries(image.env).map(([name, value]) => `${name}=${value}`).join(" ")
} unshare --root "$root" --wd ${image.folder} \
    --setgid ${image.group} --setuid ${image.user} "$@"
`;

/**
 * The root file system: the executable, the libraries that it is linked with,
 * and what the base image and engines add.
 */
export function assembleRoot(executable: string): BareRoot {
  const { user, group, folder } = image;
  const root = new BareRoot(executable, {
    "/etc/passwd": `nonroot:x:${user}:${group}::/:/sbin/nologin\n`,
    "/etc/group": `nonroot:x:${group}:\n`,
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/dev/null": "",
    "/dev/urandom": "",
  });
  const [[, to]] = image.copied;
  for (const needed of ["/tmp", folder, dirname(to)]) {
    Deno.mkdirSync(join(root.folder, needed), { recursive: true });
  }
  Deno.renameSync(join(root.folder, root.executable), join(root.folder, to));
  Deno.chmodSync(root.folder, 0o755);
  return root;
}

/** A container that runs. */
export class Container implements AsyncDisposable {
  private constructor(readonly program: Program) {}

  /**
   * Does what `docker run --read-only -v files:/srv:ro IMAGE args` does, without
   * a network.
   */
  static start(
    root: BareRoot,
    args: readonly string[] = image.command,
    files: Readonly<Record<string, string>> = {},
  ): Container {
    const words = [root.folder, ...image.entrypoint].map((word) => `'${word}'`);
    return new Container(
      Program.spawn(args, {
        files,
        // What comes first is how a test starts the program otherwise.
        shell: `shift 4; chmod -R a+rX . && exec unshare \
          --mount --pid --net --ipc --fork \
          sh -c '${START.replaceAll("'", "")}' sh ${words.join(" ")} "$@"`,
      }),
    );
  }

  /** The same; resolves when it serves. */
  static async serving(
    ...options: Parameters<typeof Container.start>
  ): Promise<Container> {
    const container = Container.start(...options);
    try {
      await container.program.logged(/ info {2}Ready/);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Process 1, by its number outside. */
  get pid(): number {
    const { pid } = this.program;
    return Number(
      Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`),
    );
  }

  /** Sends process 1 a signal, as an engine does. */
  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** Runs a command of the image in it, as `docker exec` does. */
  execute(command: readonly string[]): Promise<Deno.CommandOutput> {
    return this.#enter([
      ...["--mount", "--pid", "--ipc", "--root", "--wd"],
      ...[`--setuid=${image.user}`, `--setgid=${image.group}`],
      ...command,
    ]);
  }

  /** What a GET from its network is answered: status and body. */
  async get(url: string): Promise<[status: number, body: string]> {
    const code = `const answer = await fetch(${JSON.stringify(url)});
      console.log(JSON.stringify([answer.status, await answer.text()]));`;
    const { stdout, stderr } = await this.#enter(
      [Deno.execPath(), "eval", "--no-config", code],
    );
    if (stdout.length === 0) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  #enter(args: readonly string[]): Promise<Deno.CommandOutput> {
    return new Deno.Command("nsenter", {
      args: ["--target", String(this.pid), "--net", ...args],
    }).output();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // It outlives unshare, whose --kill-child a change of the user undoes.
      this.signal("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.program[Symbol.asyncDispose]();
  }
}
