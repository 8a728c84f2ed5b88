/**
 * Apps that are made of other apps: how parts are named, and their lifespan.
 */

import { text, type ValueType } from "../options/value_types.ts";
import type {
  LifespanScope,
  PagiApp,
  Receive,
  ReceiveEvent,
  Send,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";

/** An app, or an object that gives one. */
export type AppPart = PagiApp | { toApp(): PagiApp };

/** The app that a part is. */
export function appOf(part: AppPart): PagiApp {
  return typeof part === "function" ? part : part.toApp();
}

/** The value of an option that names an app. */
export const part: ValueType<string> = { ...text, placeholder: "APP" };

/**
 * Loads an app that is named in an option's value, as on the command line but
 * with commas: `./api.ts`, `PAGI::App::File,root=public`.
 */
export type LoadPart = (named: string) => Promise<PagiApp>;

/** The result of an app's startup. */
type Start = { readonly how: "complete" | "absent" } | {
  readonly how: "failed";
  readonly message: string;
};

/**
 * Runs the lifespan of all `apps` as one (PAGI.md 5): they start at the same
 * time and share the state; if one fails, the whole fails; those without
 * lifespan are skipped. Throws when none has a lifespan.
 */
export async function composedLifespan(
  apps: Iterable<PagiApp>,
  scope: LifespanScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  await receive();
  const parts = [...new Set(apps)].map((app) => new LifespanPart(app, scope));
  const starts = await Promise.all(parts.map((part) => part.started));
  const running = parts.filter((_, i) => starts[i].how === "complete");
  const failed = starts.flatMap((start) =>
    start.how === "failed" ? [start.message] : []
  );
  if (failed.length > 0) {
    await Promise.all(running.map((part) => part.stop()));
    await send({
      type: "lifespan.startup.failed",
      message: failed.join("; "),
    });
    return;
  }
  if (running.length === 0) {
    throw new UnsupportedScope("Each of the apps", "lifespan");
  }
  await send({ type: "lifespan.startup.complete" });
  await receive();
  const messages = await Promise.all(running.map((part) => part.stop()));
  const message = messages.filter(Boolean).join("; ");
  await send(
    message
      ? { type: "lifespan.shutdown.failed", message }
      : { type: "lifespan.shutdown.complete" },
  );
}

/** The lifespan of one of the apps. */
class LifespanPart {
  readonly #started = Promise.withResolvers<Start>();
  readonly #stopped = Promise.withResolvers<string>();
  readonly #events: ReceiveEvent[] = [{ type: "lifespan.startup" }];
  #waiting: ((event: ReceiveEvent) => void) | null = null;

  constructor(app: PagiApp, scope: LifespanScope) {
    void this.#run(app, scope);
  }

  get started(): Promise<Start> {
    return this.#started.promise;
  }

  /** Resolves with the error message, or "". */
  stop(): Promise<string> {
    const event: ReceiveEvent = { type: "lifespan.shutdown" };
    if (this.#waiting !== null) this.#waiting(event);
    else this.#events.push(event);
    return this.#stopped.promise;
  }

  async #run(app: PagiApp, scope: LifespanScope): Promise<void> {
    try {
      await app(scope, () => this.#receive(), (event) => {
        switch (event.type) {
          case "lifespan.startup.complete":
            this.#started.resolve({ how: "complete" });
            break;
          case "lifespan.startup.failed":
            this.#started.resolve({
              how: "failed",
              message: event.message ?? "an app failed to start",
            });
            break;
          case "lifespan.shutdown.failed":
            this.#stopped.resolve(event.message ?? "an app failed to stop");
            break;
          case "lifespan.shutdown.complete":
            this.#stopped.resolve("");
        }
        return Promise.resolve();
      });
    } catch (error) {
      this.#stopped.resolve(String(error));
    }
    this.#started.resolve({ how: "absent" });
    this.#stopped.resolve("");
  }

  #receive(): Promise<ReceiveEvent> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => (this.#waiting = resolve));
  }
}
