/**
 * Users and the hashes of their passwords, from options and from a file as
 * htpasswd(1) writes it.
 */

import { log } from "../log/log.ts";
import { messageOf, OptionError, quote } from "../options/option_error.ts";
import {
  defineType,
  ValueError,
  type ValueType,
} from "../options/value_types.ts";
import { resolve } from "../std/path.ts";
import { FileStamp } from "../system/file_stamp.ts";
import { hashFault, isPlain } from "./password_hash.ts";

/** A comma before `USER:`; commas within a hash are followed by something else. */
const NEXT_CREDENTIAL = /\n|,(?=[^,:$\n]+:)/;

/** `USER:HASH`, several of them with commas; a wrong one is not shown. */
export const credentials: ValueType<string[]> = {
  ...defineType<string[]>({
    placeholder: "USER:HASH,…",
    allowed: "USER:HASH",
    parse: (given) => given.split(NEXT_CREDENTIAL).map(checkedCredential),
  }),
  coerce: (value) =>
    (Array.isArray(value) ? value : [value]).flatMap((item) => {
      if (typeof item === "string") return credentials.parse(item);
      throw new ValueError(`${typeof item} is not ${credentials.allowed}`);
    }),
};

function checkedCredential(text: string): string {
  const fault = credentialFault(text);
  if (fault !== null) throw new ValueError(fault);
  return text;
}

/** What is wrong with `USER:HASH`, or null; never shows a possible password. */
function credentialFault(text: string): string | null {
  const colon = text.indexOf(":");
  if (colon < 0) return "there is no colon, as in USER:HASH";
  if (colon === 0) return "there is no user before the colon";
  const user = text.slice(0, colon);
  const fault = hashFault(text.slice(colon + 1));
  return fault && `user ${quote(user)}: ${fault}`;
}

/** Users by name; the file is read again when it changes. */
export class Users {
  readonly #given: ReadonlyMap<string, string>;
  readonly #path: string | null;
  #stamp: FileStamp | null = null;
  #hashes: ReadonlyMap<string, string>;
  /** The last failure to read the file, which is logged once. */
  #fault: string | null = null;

  /**
   * @param given `USER:HASH`, checked.
   * @throws {OptionError} When the file cannot be read, or something in it is
   * wrong.
   */
  constructor(given: readonly string[], file: string | null) {
    this.#given = new Map(given.map(divided));
    this.#path = file === null ? null : resolve(file);
    this.#hashes = this.#given;
    if (this.#path !== null) this.#hashes = this.#read(this.#path);
    const plain = [...this.#hashes].filter(([, hash]) => isPlain(hash));
    if (plain.length > 0) {
      const names = plain.slice(0, 5).map(([user]) => quote(user)).join(", ");
      log.warn(
        `auth: the password of ${names} is kept as plain text; pagi-server --hash-password makes a hash of it.`,
      );
    }
  }

  /** The hashes by user, of the newest version of the file that has no fault. */
  current(): ReadonlyMap<string, string> {
    if (this.#path !== null && this.#stamp?.isUnchanged() !== true) {
      try {
        this.#hashes = this.#read(this.#path);
        this.#fault = null;
        log.info(
          `auth_file ${
            quote(this.#path)
          } was reloaded: ${this.#hashes.size} users.`,
        );
      } catch (error) {
        const fault = messageOf(error);
        if (fault !== this.#fault) {
          log.error(`${fault} The previous users stay in force.`);
        }
        this.#fault = fault;
      }
    }
    return this.#hashes;
  }

  #read(path: string): ReadonlyMap<string, string> {
    let text: string;
    try {
      using file = Deno.openSync(path);
      // If the file changes while it is read, the next check finds that.
      this.#stamp = new FileStamp(path, file.statSync());
      text = Deno.readTextFileSync(path);
    } catch (error) {
      throw new OptionError(
        `auth_file ${quote(path)} cannot be read: ${messageOf(error)}.`,
      );
    }
    const hashes = new Map(this.#given);
    const lineOf = new Map<string, number>();
    // Editors on Windows may write a byte order mark first.
    const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
    for (const [index, line] of lines.entries()) {
      if (/^\s*(?:#.*)?$/.test(line)) continue;
      const wrong = (what: string) =>
        new OptionError(
          `auth_file ${quote(path)}, line ${index + 1}: ${what}.`,
        );
      const fault = credentialFault(line);
      if (fault !== null) throw wrong(fault);
      const [user, hash] = divided(line);
      const before = lineOf.get(user);
      if (before !== undefined) {
        throw wrong(`user ${quote(user)} is in line ${before} already`);
      }
      lineOf.set(user, index + 1);
      hashes.set(user, hash);
    }
    return hashes;
  }
}

function divided(text: string): [user: string, hash: string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}
