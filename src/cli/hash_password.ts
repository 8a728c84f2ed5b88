/**
 * `--hash-password`: makes the hash of a password for `auth` and `auth_file`.
 */

import { hashPassword, MAX_BCRYPT_BYTES } from "../middleware/password_hash.ts";
import { OptionError, quote } from "../options/option_error.ts";
import { print, printError } from "./terminal.ts";

const ENTER = new Set([0x0a, 0x0d]);
const INTERRUPT = 0x03;
const END = 0x04;
const ERASE = new Set([0x08, 0x7f]);

/**
 * Asks for a password, or reads the first line of standard input where that is
 * no terminal, and prints its hash, with `USER:` in front where a user is named.
 *
 * @throws {OptionError} When there is no password, or it cannot be used.
 */
export async function printHash(words: readonly string[]): Promise<void> {
  const [user, other] = words;
  if (other !== undefined) {
    throw new OptionError(
      `--hash-password takes one user, not ${quote(other)} as well`,
    );
  }
  if (user !== undefined && /[:,$\s]/.test(user)) {
    throw new OptionError(
      `${quote(user)} is not a user for auth: no colon, comma, $ or space`,
    );
  }
  const password = Deno.stdin.isTerminal()
    ? await askTwice()
    : await firstLine();
  const bytes = new TextEncoder().encode(password).length;
  if (bytes === 0) throw new OptionError("--hash-password: no password came");
  if (bytes > MAX_BCRYPT_BYTES) {
    throw new OptionError(
      `--hash-password: a password has at most ${MAX_BCRYPT_BYTES} bytes, this one has ${bytes}; bcrypt would ignore the rest`,
    );
  }
  const hash = await hashPassword(password);
  print(`${user === undefined ? "" : `${user}:`}${hash}\n`);
}

async function askTwice(): Promise<string> {
  const first = await ask("Password: ");
  if (first !== await ask("Again: ")) {
    throw new OptionError("--hash-password: the two passwords differ");
  }
  return first;
}

/** Asks on the terminal, which shows nothing of what is typed. */
async function ask(prompt: string): Promise<string> {
  printError(prompt);
  const typed: number[] = [];
  const buffer = new Uint8Array(64);
  Deno.stdin.setRaw(true);
  try {
    for (;;) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) return decoded(typed);
      for (const byte of buffer.subarray(0, count)) {
        if (ENTER.has(byte) || byte === END) return decoded(typed);
        if (byte === INTERRUPT) {
          throw new OptionError("--hash-password: interrupted");
        }
        if (!ERASE.has(byte)) typed.push(byte);
        else while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    printError("\n");
  }
}

/** The first line of standard input, without its end. */
async function firstLine(): Promise<string> {
  const text = await new Response(Deno.stdin.readable).text();
  return text.split(/\r?\n/, 1)[0];
}

function decoded(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
