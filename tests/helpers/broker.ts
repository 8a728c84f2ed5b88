/**
 * Brokers for channels, as processes of their own.
 *
 * @module
 */

import { until } from "./wait.ts";

/** How to start a broker that keeps nothing, and where it listens. */
const COMMANDS = {
  "redis-server": (port: number) => [
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
  ],
  "nats-server": (port: number) => ["-a", "127.0.0.1", "-p", `${port}`],
};

/** The brokers of the tests. */
export type BrokerName = keyof typeof COMMANDS;

/** A broker that can be killed and started again at the same port. */
export class TestBroker implements AsyncDisposable {
  readonly port: number;
  readonly #name: BrokerName;
  #child: Deno.ChildProcess | null = null;

  private constructor(name: BrokerName) {
    this.#name = name;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = listener.addr.port;
  }

  /** A broker that is not started. */
  static unstarted(name: BrokerName): TestBroker {
    return new TestBroker(name);
  }

  /** A broker that accepts connections. */
  static async start(name: BrokerName): Promise<TestBroker> {
    const broker = new TestBroker(name);
    await broker.start();
    return broker;
  }

  /** For `--channels-backend`. */
  get url(): string {
    const scheme = this.#name === "redis-server" ? "redis" : "nats";
    return `${scheme}://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.#child = new Deno.Command(this.#name, {
      args: COMMANDS[this.#name](this.port),
      cwd: Deno.makeTempDirSync({ prefix: "pagi-broker-" }),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until(async () => {
      try {
        const { port } = this;
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    });
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
