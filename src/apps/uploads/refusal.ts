/**
 * Answers to changes of a served folder, and their refusals: a status and a
 * sentence.
 */

import { quote } from "../../options/option_error.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** The response to a change: a sentence or XML, or no body. */
export interface Answer {
  readonly status: number;
  readonly text?: string;
  /** XML in place of the text. */
  readonly xml?: string;
  readonly headers?: HeaderList;
}

/** A request that is not carried out; the message is for its sender. */
export class WriteRefused extends Error {
  override readonly name = "WriteRefused";

  constructor(
    readonly status: number,
    message: string,
    readonly headers: HeaderList = [],
    /** The body in its place, for programs that read XML. */
    readonly xml?: string,
  ) {
    super(message);
  }
}

/** The refusal of a path that `pathParts` does not take. */
export function unusable(status: 400 | 403): WriteRefused {
  return new WriteRefused(
    status,
    status === 400
      ? "A path must not contain NUL."
      : "This path is hidden or leads out of the shared folder.",
  );
}

/** The refusal where a condition of the request does not hold. */
export function notAsExpected(): WriteRefused {
  return new WriteRefused(
    412,
    "The file does not meet the conditions of the request; nothing was changed.",
  );
}

type Sentence = (path: string) => string;

const NOT_ALLOWED: readonly [number, Sentence] = [
  403,
  (path) =>
    `The server's user is not allowed to change ${path}; its owner has to give it the right to write.`,
];
const FULL: readonly [number, Sentence] = [
  507,
  (path) =>
    `There is no space left for ${path}; nothing of it was kept, and what was there before is untouched.`,
];
const TOO_LONG: readonly [number, Sentence] = [
  400,
  (path) => `The name of ${path} is too long for the file system.`,
];
const NO_FOLDER: readonly [number, Sentence] = [
  409,
  (path) => `The folder of ${path} does not exist; create it first.`,
];

/** What the system's codes mean to the sender of a request: errno(3). */
const REASONS: Readonly<Record<string, readonly [number, Sentence]>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: [403, (path) => `${path} is on a file system that cannot be written.`],
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: [413, (path) => `${path} is too large for the file system.`],
  ENAMETOOLONG: TOO_LONG,
  ENOENT: NO_FOLDER,
  ENOTDIR: NO_FOLDER,
  EEXIST: [409, (path) => `${path} already exists.`],
  ENOTEMPTY: [409, (path) => `${path} is a folder that is not empty.`],
  EISDIR: [409, (path) => `${path} is a folder.`],
  EINVAL: [
    409,
    (path) =>
      `${path} cannot be put there: it would be in itself, or its name is not allowed.`,
  ],
  EXDEV: [
    409,
    (path) =>
      `${path} cannot be moved to another file system; copy it instead.`,
  ],
  EBUSY: [409, (path) => `${path} is in use by the system.`],
};

/** What the system reports of `path`, as a refusal; other errors as they are. */
export function refusalOf(error: unknown, path: string): unknown {
  const code = (error as { code?: string } | null)?.code ?? "";
  const reason = REASONS[code];
  if (reason === undefined) return error;
  const [status, sentence] = reason;
  return new WriteRefused(status, sentence(quote(path)));
}

/** Runs `work` on `path`; what the system reports becomes a refusal. */
export async function refusing<T>(
  path: string,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error, path);
  }
}
