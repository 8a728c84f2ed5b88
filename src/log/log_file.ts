/**
 * A log that is written in batches: the access log.
 *
 * @module
 */

import { OptionError, quote } from "../options/option_error.ts";
import { openToAppend } from "../system/folder.ts";
import { log } from "./log.ts";
import {
  fileIdentity,
  isAt,
  LOG_MODE,
  LOOK_INTERVAL,
  reason,
  standardStream,
} from "./server_log_file.ts";
import { isFull, MAX_PAUSES, PAUSE, writeAllSync } from "./write_all_sync.ts";
import type { SyncWriter } from "./write_all_sync.ts";
import { delay } from "../std/timer.ts";

/**
 * Writes the line of an entry, without its end, into `bytes` from `at` on;
 * returns where it ended (see `append.ts`).
 */
export type LineFormat<Entry> = (
  entry: Entry,
  bytes: Uint8Array,
  at: number,
) => number;

/** The byte that ends a line. */
const LINE_FEED = 10;
/** Bytes that there is room for from the start, and after each batch. */
const SIZE = 128 * 1024;

/**
 * Lines that wait to be written. To join their parts as strings first would
 * make a dozen objects for each line, which outlive the collector's round and
 * are walked once more to make bytes of them.
 */
export class LineBuffer {
  #bytes = new Uint8Array(SIZE);
  #length = 0;

  /** Bytes that wait to be taken. */
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

  /** Takes out all bytes. @param partialLine They follow a part of a line. */
  take(partialLine: boolean): Uint8Array<ArrayBuffer> {
    const start = partialLine ? 1 : 0;
    const taken = new Uint8Array(start + this.#length);
    if (partialLine) taken[0] = LINE_FEED;
    taken.set(this.#bytes.subarray(0, this.#length), start);
    this.#length = 0;
    if (this.#bytes.length > SIZE) this.#bytes = new Uint8Array(SIZE);
    return taken;
  }

  /** Adds a line that ends behind the last byte there is. */
  #grow<Entry>(end: number, format: LineFormat<Entry>, entry: Entry): void {
    const bytes = new Uint8Array(2 * end);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.add(format, entry);
  }
}

/** Milliseconds that a line waits for others to be written with. */
const DELAY = 100;
/**
 * Lines that are made at once: code that comes into the processor's cache for
 * one of them serves the others, too.
 */
const RECORDS_PER_BATCH = 128;
/** Bytes that are written at once without waiting for more. */
const BATCH = 64 * 1024;
/** Bytes that are kept while the disk stalls; more lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

interface Output extends SyncWriter {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * The access log: a line per entry, for a file, or for stderr or stdout.
 *
 * A line is whole in the file, also where several workers write to it. When
 * the file was moved or deleted, a new one is opened within a second of the
 * next line. When it cannot be written (the disk is full, or slower than the
 * lines come) lines are lost, the log says so once, and how many they were
 * when writing works again; requests are served all the same.
 */
export class LogFile<Entry> {
  readonly #path: string | null;
  readonly #format: LineFormat<Entry>;
  #output: Output = Deno.stderr;
  #file: Deno.FsFile | null = null;
  #identity = "";
  #looked = 0;
  #reopens = true;
  /** What came in since lines were made. */
  #entries: Entry[] = [];
  /** The lines of what came before that. */
  readonly #lines = new LineBuffer();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushing = false;
  #closed = false;
  #lost = 0;
  /** True when the file ends with a part of a line. */
  #partialLine = false;
  /** Settles when all writing that was asked for is done; never rejects. */
  #work: Promise<void> = Promise.resolve();

  /**
   * Opens the file at `path` to append to; null stands for stderr, and `-` for
   * stdout.
   *
   * @param format Writes the line of an entry. An entry is kept for a moment,
   *   and should hold on to nothing large.
   * @throws {OptionError} When the file cannot be opened.
   */
  constructor(path: string | null, format: LineFormat<Entry>) {
    this.#format = format;
    const stream = path === null ? "stderr" : standardStream(path);
    this.#path = stream === null ? path : null;
    if (stream === "stdout") this.#output = Deno.stdout;
    if (path === null || stream !== null) return;
    try {
      this.#open(path);
    } catch (error) {
      throw new OptionError(
        `--access-log ${quote(path)} cannot be opened: ${reason(error)}`,
      );
    }
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

  /** Writes what waits; resolves when it is written. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#writeWaiting());
  }

  /**
   * Opens the file anew unless it is where it was; what was taken so far still
   * goes to the old one.
   */
  reopen(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#writeWaiting();
      if (this.#path === null || this.#closed) return;
      if (!isAt(this.#path, this.#identity)) this.#replace(this.#path);
    });
  }

  /** Writes what waits and closes the file; later lines are dropped. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#enqueue(async () => {
      await this.#writeWaiting();
      this.#file?.close();
      this.#file = null;
    });
  }

  /** Writes at once what waits, for a process that ends without `close`. */
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
      await this.#follow();
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

  get #name(): string {
    return this.#path === null
      ? "The access log on stderr"
      : `The access log ${quote(this.#path)}`;
  }

  #open(path: string): void {
    const file = openToAppend(path, LOG_MODE);
    const opened = fileIdentity(file.statSync());
    if (opened !== this.#identity) this.#partialLine = false;
    this.#identity = opened;
    this.#looked = performance.now();
    this.#file?.close();
    this.#file = file;
    this.#output = file;
  }

  /** Opens the file anew; where that fails, the old one stays in use. */
  #replace(path: string): void {
    try {
      this.#open(path);
      this.#reopens = true;
    } catch (error) {
      if (this.#reopens) {
        log.warn(
          `${this.#name} cannot be opened anew, and the old file is used further: ${
            reason(error)
          }.`,
        );
      }
      this.#reopens = false;
    }
  }

  /** Opens the file anew when it was moved or deleted. */
  async #follow(): Promise<void> {
    const path = this.#path;
    const now = performance.now();
    if (path === null || now - this.#looked < LOOK_INTERVAL) return;
    this.#looked = now;
    try {
      if (fileIdentity(await Deno.stat(path)) === this.#identity) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return;
    }
    this.#replace(path);
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_FEED) lines++;
  return lines;
}
