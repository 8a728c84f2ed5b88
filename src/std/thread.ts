/** Starts the program's threads. */

/** What a thread reports. */
export interface ThreadEvents<Message> {
  message(data: Message): void;
  /** The thread has failed, for the reason in `message`, and ended. */
  error(message: string): void;
}

/**
 * Starts a thread.
 *
 * @param module Its module beneath `src`: `apps/files/listing_thread`.
 * @param name For debuggers.
 */
export function startThread<Message>(
  module: string,
  name: string,
  on: ThreadEvents<Message>,
): Worker {
  // compile.sh puts the modules of threads beneath the one that this is part of.
  const path = import.meta.url.endsWith(".ts")
    ? `../${module}.ts`
    : `./${module}.js`;
  const url = new URL(path, import.meta.url);
  const thread = new Worker(url, { type: "module", name });
  thread.addEventListener("message", ({ data }) => on.message(data));
  thread.addEventListener("error", (event) => {
    event.preventDefault();
    on.error(event.message);
  });
  return thread;
}
