/**
 * Hashes of passwords as htpasswd(1), crypt(5) and miniserve write them.
 *
 * bcrypt and Argon2 (by hash-wasm) and the hashes of crypt(5) take 10 ms to 1 s
 * of CPU time, so the server verifies them in a thread (`password_check.ts`).
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { concat } from "../std/bytes.ts";

/** Bytes of the longest password; some hashes take time by its length. */
const MAX_PASSWORD_BYTES = 1024;
/** Bytes that bcrypt uses of a password (htpasswd ignores the rest silently). */
export const MAX_BCRYPT_BYTES = 72;
/** 2^10 rounds: about 50 ms, and htpasswd's own cost is lower. */
const BCRYPT_COST = 10;

/** A form of hashes, and how they are verified. */
interface HashForm {
  readonly pattern: RegExp;
  /** Whether a password has this hash, from the groups of the pattern. */
  verify(password: Uint8Array, groups: string[]): boolean | Promise<boolean>;
  /** Why a hash of this form is refused; null if it is not. */
  refuse?(groups: string[]): string | null;
  /** True where verifying takes no time worth a thread. */
  readonly fast?: true;
}

const FORMS: readonly HashForm[] = [
  {
    pattern: /^\$2[abxy]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/,
    refuse: ([cost]) =>
      Number(cost) < 4 || Number(cost) > 16
        ? `its cost ${Number(cost)} is not one from 4 to 16`
        : null,
    async verify(password, [cost, salt, digest]) {
      const made = await bcryptHash(
        password.subarray(0, MAX_BCRYPT_BYTES),
        Number(cost),
        fromBcrypt64(salt),
      );
      return isSameText(made.slice(-digest.length), digest);
    },
  },
  {
    pattern:
      /^\$(argon2(?:id|i|d))\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{16,})$/,
    refuse: ([, memory, time, lanes]) =>
      Number(memory) > 1_048_576 || Number(memory) < 8 * Number(lanes)
        ? `m=${memory} is not from 8 times p to 1048576 KiB`
        : Number(time) < 1 || Number(lanes) < 1
        ? "t and p are 1 at least"
        : null,
    async verify(password, [kind, memory, time, lanes, salt, digest]) {
      const { argon2d, argon2i, argon2id } = await import("hash-wasm");
      const argon2 = { argon2d, argon2i, argon2id }[kind]!;
      const expected = Uint8Array.fromBase64(digest);
      const made = await argon2({
        password,
        salt: Uint8Array.fromBase64(salt),
        memorySize: Number(memory),
        iterations: Number(time),
        parallelism: Number(lanes),
        hashLength: expected.length,
        outputType: "binary",
      });
      return timingSafeEqual(made, expected);
    },
  },
  {
    pattern:
      /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,16})\$([./A-Za-z0-9]{43,86})$/,
    refuse: ([, rounds = "5000"]) =>
      Number(rounds) > 1_000_000
        ? `its ${rounds} rounds are more than 1000000`
        : null,
    verify: (password, [id, rounds = "5000", salt, digest]) =>
      isSameText(
        shaCrypt(id === "5" ? 32 : 64, password, salt, Number(rounds)),
        digest,
      ),
  },
  {
    pattern: /^(\$(?:apr1|1)\$)([^$:\n]{0,8})\$([./A-Za-z0-9]{22})$/,
    verify: (password, [magic, salt, digest]) =>
      isSameText(md5Crypt(magic, password, salt), digest),
  },
  {
    pattern: /^\{SHA\}([A-Za-z0-9+/]{27}=)$/,
    verify: (password, [digest]) =>
      isSameText(createHash("sha1").update(password).digest("base64"), digest),
    fast: true,
  },
  {
    pattern: /^(sha256|sha512):((?:[0-9A-Fa-f]{64}){1,2})$/,
    refuse: ([name, digest]) =>
      digest.length === (name === "sha256" ? 64 : 128)
        ? null
        : `it has ${digest.length} digits`,
    verify: (password, [name, digest]) =>
      isSameText(
        createHash(name).update(password).digest("hex"),
        digest.toLowerCase(),
      ),
    fast: true,
  },
  {
    pattern: /^(?:plain:|\{PLAIN\})(.+)$/is,
    verify: (password, [plain]) =>
      isSameText(
        createHash("sha256").update(password).digest("hex"),
        createHash("sha256").update(plain).digest("hex"),
      ),
    fast: true,
  },
];

/** Whether a hash is the password itself, marked as plain text. */
export function isPlain(hash: string): boolean {
  return /^(?:plain:|\{PLAIN\})/i.test(hash);
}

/** True where {@linkcode verifyPassword} takes no time worth a thread. */
export function isFast(hash: string): boolean {
  return formOf(hash)?.form.fast === true;
}

/**
 * Why a hash cannot be used, as the end of a sentence without the hash, which
 * may be a password; null where it can.
 */
export function hashFault(hash: string): string | null {
  const found = formOf(hash);
  if (found === null) {
    return "the hash has none of the forms bcrypt ($2y$), Argon2 ($argon2id$v=19$), SHA-crypt ($5$, $6$), $apr1$, {SHA}, sha256: and sha512:. pagi-server --hash-password makes one; in a shell it stands in single quotes. A password in plain text is marked, as in USER:plain:PASSWORD";
  }
  const refused = found.form.refuse?.(found.groups) ?? null;
  return refused && `the hash cannot be used: ${refused}`;
}

/**
 * Whether `hash`, in which {@linkcode hashFault} finds no fault, is that of
 * `password`.
 */
export async function verifyPassword(
  password: string,
  hash: string,
): Promise<boolean> {
  const found = formOf(hash);
  const bytes = new TextEncoder().encode(password);
  // No user has an empty password, and none has one of over a kilobyte.
  if (
    found === null || hashFault(hash) !== null || bytes.length === 0 ||
    bytes.length > MAX_PASSWORD_BYTES
  ) return false;
  return await found.form.verify(bytes, found.groups);
}

/** The bcrypt hash of a password of 1 to {@linkcode MAX_BCRYPT_BYTES} bytes. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const bytes = new TextEncoder().encode(password);
  // The form that htpasswd -B writes.
  return (await bcryptHash(bytes, BCRYPT_COST, salt)).replace(/^\$2a/, "$2y");
}

function formOf(hash: string): { form: HashForm; groups: string[] } | null {
  for (const form of FORMS) {
    const [, ...groups] = form.pattern.exec(hash) ?? [];
    if (groups.length > 0) return { form, groups };
  }
  return null;
}

/** Compares texts in a time that does not reveal where they differ. */
export function isSameText(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

async function bcryptHash(
  password: Uint8Array,
  costFactor: number,
  salt: Uint8Array,
): Promise<string> {
  const { bcrypt } = await import("hash-wasm");
  return await bcrypt({ password, salt, costFactor, outputType: "encoded" });
}

const BASE64 =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** The digits of crypt(5). */
const CRYPT64 =
  "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The bytes of bcrypt's own base64: other digits in another order. */
function fromBcrypt64(text: string): Uint8Array {
  const digits =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const plain = text.replace(/./g, (digit) => BASE64[digits.indexOf(digit)]);
  // The last digit may have bits that are not part of the 16 bytes.
  return Uint8Array.fromBase64(plain, { lastChunkHandling: "loose" });
}

type Parts = readonly (Uint8Array | string)[];

function digestOf(name: string, parts: Parts): Uint8Array {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** `length` bytes: `bytes` again and again. */
function repeated(bytes: Uint8Array, length: number): Uint8Array {
  const times = Math.ceil(length / bytes.length);
  return concat(Array.from({ length: times }, () => bytes)).subarray(0, length);
}

/** Groups of up to three bytes, least significant digit first (crypt(5)). */
function crypt64(bytes: Uint8Array, groups: readonly number[][]): string {
  return groups.map((group) => {
    let word = group.reduce((word, index) => word << 8 | bytes[index], 0);
    let text = "";
    for (let digits = group.length + 1; digits > 0; digits--) {
      text += CRYPT64[word & 63];
      word >>= 6;
    }
    return text;
  }).join("");
}

/**
 * SHA-crypt, https://www.akkadia.org/drepper/SHA-crypt.txt.
 *
 * @param size Bytes of the digest: 32 for `$5$`, 64 for `$6$`.
 */
function shaCrypt(
  size: 32 | 64,
  password: Uint8Array,
  saltText: string,
  asked: number,
): string {
  const name = `sha${size * 8}`;
  const salt = new TextEncoder().encode(saltText);
  const rounds = Math.max(1000, asked);
  const inner = digestOf(name, [password, salt, password]);
  const first: Uint8Array[] = [
    password,
    salt,
    repeated(inner, password.length),
  ];
  for (let n = password.length; n > 0; n >>= 1) {
    first.push(n & 1 ? inner : password);
  }
  let digest = digestOf(name, first);
  const p = repeated(
    digestOf(name, Array(password.length).fill(password)),
    password.length,
  );
  const s = salt.length === 0 ? salt : repeated(
    digestOf(name, Array(16 + digest[0]).fill(salt)),
    salt.length,
  );
  for (let i = 0; i < rounds; i++) {
    digest = digestOf(name, [
      i & 1 ? p : digest,
      i % 3 ? s : "",
      i % 7 ? p : "",
      i & 1 ? digest : p,
    ]);
  }
  // The bytes of a group are a third of the digest apart, and move on.
  const third = Math.floor(size / 3);
  const step = size === 32 ? 21 : 22;
  const groups = Array.from(
    { length: third },
    (_, i) =>
      [0, third, 2 * third].map((start) => (start + step * i) % (3 * third)),
  );
  return crypt64(digest, [...groups, size === 32 ? [31, 30] : [63]]);
}

/** The MD5 form of crypt(5), and Apache's: `$1$` and `$apr1$`. */
function md5Crypt(magic: string, password: Uint8Array, salt: string): string {
  const inner = digestOf("md5", [password, salt, password]);
  const first: (Uint8Array | string)[] = [
    password,
    magic,
    salt,
    repeated(inner, password.length),
  ];
  for (let n = password.length; n > 0; n >>= 1) {
    first.push(n & 1 ? "\0" : password.subarray(0, 1));
  }
  let digest = digestOf("md5", first);
  for (let i = 0; i < 1000; i++) {
    digest = digestOf("md5", [
      i & 1 ? password : digest,
      i % 3 ? salt : "",
      i % 7 ? password : "",
      i & 1 ? digest : password,
    ]);
  }
  const groups = [0, 1, 2, 3].map((i) => [i, i + 6, i + 12]);
  return crypt64(digest, [...groups, [4, 10, 5], [11]]);
}
