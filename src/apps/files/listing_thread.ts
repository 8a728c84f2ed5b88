/** The thread that lists long directories for {@linkcode LongListings}. */

/// <reference lib="deno.worker" />

import { configureLog } from "../../log/log.ts";
import type { ReceiveEvent, SendEvent } from "../../pagi/types.ts";
import { holdFileLibrary } from "../../system/file_names.ts";
import { lowerPriority } from "../../system/thread_priority.ts";
import type { RequestScope } from "../reply.ts";
import { DocumentRoot } from "./document_root.ts";
import {
  SENT_AT_ONCE,
  type ThreadAnswer,
  type ThreadNotice,
  type ThreadRequest,
  type ThreadSettings,
} from "./long_listings.ts";
import { directorySender } from "./send_listing.ts";
import type { SendDirectory } from "./serve_tree.ts";
import { PACE } from "./time_slice.ts";

/** Events of a request that are on their way: about half a megabyte. */
const MAX_UNSENT = 2 * SENT_AT_ONCE;

// Only listings wait for each other here.
PACE.slice = 10;

// Until the thread ends.
holdFileLibrary();
lowerPriority();

configureLog({
  level: "warn",
  format: "json",
  write: (line) => tell({ warning: JSON.parse(line).message }),
});

function tell(answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void {
  self.postMessage(answer, transfer);
}

/** A request that is being answered. */
class Exchange {
  readonly #left = Promise.withResolvers<ReceiveEvent>();
  readonly #id: number;
  #unsent = 0;
  #resume: () => void = () => {};

  constructor(id: number) {
    this.#id = id;
  }

  readonly receive = (): Promise<ReceiveEvent> => this.#left.promise;

  readonly send = async (event: SendEvent): Promise<void> => {
    const id = this.#id;
    if ("body" in event && event.body instanceof Uint8Array) {
      // The listing is kept for others.
      const body = event.body.slice();
      tell({ id, event: { ...event, body } }, [body.buffer]);
    } else tell({ id, event });
    if (++this.#unsent < MAX_UNSENT) return;
    await new Promise<void>((resolve) => this.#resume = resolve);
  };

  take(notice: ThreadNotice["notice"]): void {
    if (notice === "sent") this.#unsent -= SENT_AT_ONCE;
    else this.#left.resolve({ type: "http.disconnect" });
    this.#resume();
  }
}

const exchanges = new Map<number, Exchange>();
let sendDirectory: SendDirectory;

async function answer(
  { id, scope, parts }: ThreadRequest,
): Promise<void> {
  const exchange = new Exchange(id);
  exchanges.set(id, exchange);
  const { receive, send } = exchange;
  const error = await sendDirectory(scope as RequestScope, receive, send, parts)
    .then(() => null, (error) => error);
  exchanges.delete(id);
  tell({ id, error });
}

self.addEventListener(
  "message",
  ({ data }: MessageEvent<ThreadSettings | ThreadRequest | ThreadNotice>) => {
    if ("scope" in data) void answer(data);
    else if ("notice" in data) exchanges.get(data.id)?.take(data.notice);
    else {
      const { appName, directory, changes, ...options } = data;
      const root = new DocumentRoot(appName, directory, options);
      sendDirectory = directorySender({
        ...options,
        root,
        changes: Promise.resolve(changes),
        longest: Infinity,
      }).sendDirectory;
    }
  },
);
