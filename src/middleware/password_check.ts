/**
 * Verifies the users and passwords that clients send, in bounded time and memory.
 *
 * A right password is cached for a while as a keyed digest, so that its hash is
 * computed once. Wrong ones count against their client. One thread verifies them
 * in sequence, and ends when it has been idle for a while.
 */

import { createHmac, randomBytes } from "node:crypto";
import { parseIpAddress } from "../http/addresses.ts";
import { log } from "../log/log.ts";
import { type KeptThread, keptThreads } from "../pagi/kept_threads.ts";
import { startThread } from "../std/thread.ts";
import { type Timer, unref } from "../std/timer.ts";
import { isFast, verifyPassword } from "./password_hash.ts";
import type { Users } from "./users.ts";

/** How long a right password is cached (ms). */
const REMEMBERED_MS = 300_000;
const MAX_REMEMBERED = 1000;
/** Wrong passwords that a client may send at once. */
const MAX_FAILURES = 10;
/** The time after which it may send one more (ms). */
const FAILURE_MS = 6000;
/** Clients whose failures are counted; the oldest are dropped. */
const MAX_CLIENTS = 10_000;
/** Passwords that wait for the thread. */
const MAX_WAITING = 64;
/** How long the idle thread is kept (ms). */
const IDLE_MS = 10_000;

/** The result for the credentials of a request. */
export type Verdict =
  | { readonly user: string }
  /** The name that was tried; null where the field is malformed. */
  | { readonly failed: string | null }
  /** Not verified: this client (429) or all (503) should retry later. */
  | { readonly status: 429 | 503; readonly seconds: number };

/** A right password. */
interface Remembered {
  readonly user: string;
  readonly hash: string;
  /** `performance.now()`. */
  readonly until: number;
}

/** Verifies credentials against {@linkcode Users}. */
export class PasswordChecker {
  readonly #users: Users;
  readonly #key = randomBytes(32);
  /** By the keyed digest of the header field; the oldest come first. */
  readonly #remembered = new Map<string, Remembered>();
  /** Pending verifications, shared by requests with the same field. */
  readonly #running = new Map<string, Promise<Verdict>>();
  readonly #failures = new Map<string, { count: number; at: number }>();

  constructor(users: Users) {
    this.#users = users;
  }

  /**
   * @param field The `authorization` of a request.
   * @param client Its address.
   */
  check(field: string, client: string): Verdict | Promise<Verdict> {
    const key = createHmac("sha256", this.#key).update(field).digest("base64");
    const hashes = this.#users.current();
    const known = this.#remembered.get(key);
    if (known !== undefined) {
      const { user, hash, until } = known;
      if (until > performance.now() && hashes.get(user) === hash) {
        return { user };
      }
      this.#remembered.delete(key);
    }
    const given = basicCredentials(field);
    if (given === null) return { failed: null };
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const seconds = this.#blockedFor(client);
    if (seconds > 0) return { status: 429, seconds };
    if (waiting.size >= MAX_WAITING) return { status: 503, seconds: 5 };
    // Counted in advance, so that parallel attempts do not evade the limit.
    this.#count(client, 1);
    const verdict = this.#verify(given, hashes, key, client)
      .finally(() => this.#running.delete(key));
    this.#running.set(key, verdict);
    return verdict;
  }

  async #verify(
    [user, password]: readonly [string, string],
    hashes: ReadonlyMap<string, string>,
    key: string,
    client: string,
  ): Promise<Verdict> {
    const hash = hashes.get(user);
    // An unknown user takes as long as a known one, so that time reveals none.
    const tried = hash ?? decoy(user, hashes);
    const isRight = tried === undefined
      ? false
      : isFast(tried)
      ? await verifyPassword(password, tried)
      : await verifyInThread(password, tried);
    if (isRight === null) {
      this.#count(client, -1);
      return { status: 503, seconds: 5 };
    }
    if (!isRight || hash === undefined) return { failed: user };
    this.#count(client, -1);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(oldest);
    }
    const until = performance.now() + REMEMBERED_MS;
    this.#remembered.set(key, { user, hash, until });
    return { user };
  }

  /** Seconds until `client` may try again; 0 where it may now. */
  #blockedFor(client: string): number {
    const excess = this.#failuresOf(client) - MAX_FAILURES + 1;
    return Math.ceil(Math.max(0, excess) * FAILURE_MS / 1000);
  }

  #count(client: string, more: number): void {
    const count = this.#failuresOf(client) + more;
    const name = networkOf(client);
    this.#failures.delete(name);
    if (count > 0) this.#failures.set(name, { count, at: performance.now() });
    if (this.#failures.size > MAX_CLIENTS) {
      const [oldest] = this.#failures.keys();
      this.#failures.delete(oldest);
    }
  }

  /** The failures of `client` that still count. */
  #failuresOf(client: string): number {
    const { count, at } = this.#failures.get(networkOf(client)) ??
      { count: 0, at: 0 };
    return Math.max(0, count - (performance.now() - at) / FAILURE_MS);
  }
}

/** An IPv4 address, or the /64 of which one host may have all addresses. */
function networkOf(client: string): string {
  const bytes = client.includes(":")
    ? parseIpAddress(client)?.bytes
    : undefined;
  return bytes?.length === 16 ? bytes.slice(0, 8).join(".") : client;
}

/** The hash to verify for an unknown name: of one user, always the same. */
function decoy(
  user: string,
  hashes: ReadonlyMap<string, string>,
): string | undefined {
  let sum = 0;
  for (let i = 0; i < user.length; i++) {
    sum = (sum * 31 + user.charCodeAt(i)) >>> 0;
  }
  return [...hashes.values()][sum % hashes.size];
}

/** The user and password of RFC 7617; null where the field has another form. */
export function basicCredentials(
  field: string,
): readonly [user: string, password: string] | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(field) ?? [];
  if (encoded === undefined) return null;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(encoded);
  } catch {
    return null;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    text = new TextDecoder("latin1").decode(bytes);
  }
  const colon = text.indexOf(":");
  return colon < 0 ? null : [text.slice(0, colon), text.slice(colon + 1)];
}

/** A password for the thread to verify. */
export interface PasswordQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

/** The result; null if the password could not be verified. */
export interface PasswordAnswer {
  readonly id: number;
  readonly isRight: boolean | null;
}

/** Resolvers of pending questions, by their ids. */
const waiting = new Map<number, (isRight: boolean | null) => void>();
let thread: Worker | null = null;
let nextId = 0;
let idle: Timer | undefined;

/** Null where the thread failed. */
function verifyInThread(
  password: string,
  hash: string,
): Promise<boolean | null> {
  clearTimeout(idle);
  thread ??= start();
  const question: PasswordQuestion = { id: nextId++, password, hash };
  thread.postMessage(question);
  return new Promise((resolve) => waiting.set(question.id, resolve));
}

function start(): Worker {
  keptThreads.add(kept);
  return startThread("middleware/password_thread", "passwords", {
    message({ id, isRight }: PasswordAnswer) {
      waiting.get(id)?.(isRight);
      waiting.delete(id);
      if (waiting.size === 0) {
        clearTimeout(idle);
        idle = unref(setTimeout(endPasswordThread, IDLE_MS));
      }
    },
    error(message) {
      log.error(`The thread that verifies passwords failed: ${message}`);
      endPasswordThread();
    },
  });
}

const kept: KeptThread = {
  // Otherwise it ends soon.
  endWhenIdle: () => waiting.size === 0 && endPasswordThread(),
};

/** Ends the thread; pending passwords are not verified. */
export function endPasswordThread(): void {
  keptThreads.delete(kept);
  clearTimeout(idle);
  thread?.terminate();
  thread = null;
  for (const resolve of waiting.values()) resolve(null);
  waiting.clear();
}
