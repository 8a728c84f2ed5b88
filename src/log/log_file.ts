/** A log that is written in batches: the access log. */

import { quote } from "../options/option_error.ts";
import { log } from "./log.ts";
import { LogOutput, reason, standardStream } from "./log_output.ts";
import { isFull, MAX_PAUSES, PAUSE, writeAllSync } from "./write_all_sync.ts";
import { delay } from "../std/timer.ts";

/** Writes the line of an entry without its LF at `at`; returns where it ends. */
export type LineFormat<Entry> = (
  entry: Entry,
  bytes: Uint8Array,
  at: number,
) => number;

const LINE_FEED = 10;
/** Initial bytes of the buffer, and after each batch. */
const SIZE = 128 * 1024;

/**
 * Buffered lines, as bytes: strings would allocate a dozen objects for each
 * line, which survive a garbage collection and still have to be encoded.
 */
export class LineBuffer {
  #bytes = new Uint8Array(SIZE);
  #length = 0;

  /** The number of buffered bytes. */
  get length(): number {
    return this.#length;
  }

  /** Adds the line of an entry. */
  add<Entry>(format: LineFormat<Entry>, entry: Entry): void {
    const end = format(entry, this.#bytes, this.#length);
    if (end >= this.#bytes.length) return this.#grow(end, format, entry);
    this.#bytes[end] = LINE_FEED;
    this.#length = end + 1;
  }

  /** Takes all bytes. @param partialLine Puts an LF first, to end that line. */
  take(partialLine: boolean): Uint8Array<ArrayBuffer> {
    const start = partialLine ? 1 : 0;
    const taken = new Uint8Array(start + this.#length);
    if (partialLine) taken[0] = LINE_FEED;
    taken.set(this.#bytes.subarray(0, this.#length), start);
    this.#length = 0;
    if (this.#bytes.length > SIZE) this.#bytes = new Uint8Array(SIZE);
    return taken;
  }

  /** Adds a line that is longer than the rest of the buffer. */
  #grow<Entry>(end: number, format: LineFormat<Entry>, entry: Entry): void {
    const bytes = new Uint8Array(2 * end);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.add(format, entry);
  }
}

/** Milliseconds for which a line waits for others. */
const DELAY = 100;
/** Lines formatted together, which keeps the code in the processor's cache. */
const RECORDS_PER_BATCH = 128;
/** Bytes that are written without waiting for more. */
const BATCH = 64 * 1024;
/** Maximum bytes buffered while the disk stalls; more lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/**
 * The access log: a line per entry, for a file, or for stderr or stdout.
 *
 * Lines of several workers do not mix. When the file was moved or deleted, a
 * new one is opened within a second of the next line. When it cannot be written
 * (full or too slow) lines are lost: the log says so once, and how many when
 * writing works again. Requests are served all the same.
 */
export class LogFile<Entry> {
  readonly #name: string;
  readonly #format: LineFormat<Entry>;
  readonly #output: LogOutput | typeof Deno.stdout;
  readonly #file: LogOutput | null;
  /** Why the file could not be opened again, as it was logged. */
  #problem: string | null = null;
  /** Entries without a line so far. */
  #entries: Entry[] = [];
  readonly #lines = new LineBuffer();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushing = false;
  #closed = false;
  #lost = 0;
  /** True when the file ends with a part of a line. */
  #partialLine = false;
  /** The last write that was queued; never rejects. */
  #work: Promise<void> = Promise.resolve();

  /**
   * @param path Null for stderr, `-` for stdout.
   * @param format Writes the line of an entry. Entries are kept for a moment,
   *   and should refer to nothing large.
   * @throws {OptionError} When the file cannot be opened.
   */
  constructor(path: string | null, format: LineFormat<Entry>) {
    this.#format = format;
    const stream = path === null ? "stderr" : standardStream(path);
    this.#file = stream === null ? new LogOutput("--access-log", path!) : null;
    this.#output = this.#file ??
      (stream === "stdout" ? Deno.stdout : Deno.stderr);
    this.#name = stream === null
      ? `The access log ${quote(path!)}`
      : `The access log on ${stream}`;
  }

  /** Takes an entry, which must not change; it is written a moment later. */
  write(entry: Entry): void {
    if (this.#closed) return;
    if (this.#lines.length >= MAX_BUFFERED_BYTES) {
      return this.#lose(1, "it cannot be written as fast as lines come");
    }
    const count = this.#entries.push(entry);
    if (count > 1 && count < RECORDS_PER_BATCH) return;
    if (count === RECORDS_PER_BATCH) this.#makeLines();
    this.#schedule();
  }

  /** Writes what is buffered; resolves when it is written. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#writeWaiting());
  }

  /** Writes what is buffered, then opens the file again if it was moved. */
  reopen(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#writeWaiting();
      this.#checkFile("reopen");
    });
  }

  /** Writes what is buffered and closes the file; later lines are dropped. */
  close(): Promise<void> {
    if (this.#closed) return this.#work;
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#enqueue(async () => {
      await this.#writeWaiting();
      this.#file?.close();
    });
  }

  /** Writes synchronously, for a process that ends without `close`. */
  flushSync(): void {
    const bytes = this.#take();
    try {
      writeAllSync(this.#output, bytes);
    } catch (error) {
      this.#lose(countLines(bytes), reason(error));
    }
  }

  #schedule(): void {
    if (this.#flushing) return;
    if (this.#lines.length >= BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), DELAY);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = true;
    this.#enqueue(async () => {
      this.#checkFile("follow");
      await this.#writeWaiting();
      this.#flushing = false;
      if (this.#hasWaiting && !this.#closed) this.#schedule();
    });
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    return this.#work = this.#work.then(task);
  }

  #makeLines(): void {
    for (const entry of this.#entries) this.#lines.add(this.#format, entry);
    this.#entries = [];
  }

  get #hasWaiting(): boolean {
    return this.#lines.length > 0 || this.#entries.length > 0;
  }

  #take(): Uint8Array {
    this.#makeLines();
    return this.#lines.take(this.#partialLine);
  }

  async #writeWaiting(): Promise<void> {
    if (!this.#hasWaiting) return;
    const bytes = this.#take();
    let done = 0;
    try {
      for (let pauses = 0; done < bytes.length;) {
        try {
          done += await this.#output.write(bytes.subarray(done));
        } catch (error) {
          if (!isFull(error) || ++pauses > MAX_PAUSES) throw error;
          await delay(PAUSE);
        }
      }
    } catch (error) {
      const first = this.#partialLine ? 1 : 0;
      this.#lose(
        countLines(bytes.subarray(Math.max(done, first))),
        reason(error),
      );
      if (done > 0) this.#partialLine = bytes[done - 1] !== LINE_FEED;
      return;
    }
    this.#partialLine = false;
    if (this.#lost === 0) return;
    log.warn(`${this.#name} is written again; ${this.#lost} lines were lost.`);
    this.#lost = 0;
  }

  #lose(lines: number, why: string): void {
    if (this.#lost === 0) log.warn(`${this.#name} loses lines: ${why}.`);
    this.#lost += lines;
  }

  /** Opens the file again if it was moved; logs a failure once. */
  #checkFile(how: "reopen" | "follow"): void {
    if (this.#file === null || this.#closed) return;
    const { identity } = this.#file;
    const problem = this.#file[how]();
    if (this.#file.identity !== identity) this.#partialLine = false;
    if (problem !== null && this.#problem === null) {
      log.warn(
        `${this.#name} cannot be reopened, so the old file stays in use: ${problem}.`,
      );
    }
    this.#problem = problem;
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_FEED) lines++;
  return lines;
}
