/**
 * Requests that change a served folder: PUT, POST of a form, MKCOL, MOVE and
 * DELETE, each where its option is on.
 *
 * @module
 */

import {
  checkConditions,
  readConditions,
  type Validators,
} from "../../http/conditional.ts";
import { fieldValue } from "../../http/headers.ts";
import { namesType } from "../../http/negotiation.ts";
import { readPath } from "../../http/target.ts";
import { log } from "../../log/log.ts";
import { quote } from "../../options/option_error.ts";
import { raiseBodyLimit } from "../../pagi/body_limit.ts";
import type { HeaderList, Receive, Send } from "../../pagi/types.ts";
import { ClientGone, RequestReader } from "../disconnect.ts";
import type { FileCache } from "../files/file_cache.ts";
import { type ContentDigests, versionOf } from "../files/file_version.ts";
import {
  baseOf,
  locationOf,
  pathHere,
  pathParts,
  requestPath,
} from "../files/request_path.ts";
import { reply, type RequestScope } from "../reply.ts";
import { boundaryOf, readParts } from "./multipart.ts";
import { nameTaken } from "./incoming_file.ts";
import { notAsExpected, unusable, WriteRefused } from "./refusal.ts";
import {
  assertApart,
  type FormWatch,
  type Parts,
  TreeWriter,
  type WriteSettings,
} from "./tree_writer.ts";

/** How a folder is changed by requests. */
export interface ChangeSettings extends WriteSettings {
  readonly appName: string;
  readonly showHidden: boolean;
  readonly files: FileCache;
  readonly digests: ContentDigests | null;
}

/** An answer; a sentence where there is a text. */
export interface Answer {
  readonly status: number;
  readonly text?: string;
  /** XML in place of the text. */
  readonly xml?: string;
  readonly headers?: HeaderList;
}

/** What a weak tag begins with (RFC 9110, 8.8.3). */
const WEAK = 'W/"';
/** Bytes of a form that holds no file. */
const MAX_FORM = 64 * 1024;
/** Bytes that a form adds to its files. */
const FORM_ROOM = 1 << 20;

/** Carries out requests other than GET and HEAD. */
export class Changes {
  readonly writer: TreeWriter;
  readonly settings: ChangeSettings;
  readonly #watch: FormWatch | null;

  constructor(settings: ChangeSettings, watch: FormWatch | null = null) {
    this.settings = settings;
    this.writer = new TreeWriter(settings);
    this.#watch = watch;
  }

  /** The methods that `allow` names. */
  get methods(): string {
    const { upload, mkdir, rename, delete: deletes } = this.settings;
    return [
      "GET, HEAD, OPTIONS",
      ...upload ? ["PUT"] : [],
      ...upload || mkdir || rename || deletes ? ["POST"] : [],
      ...mkdir ? ["MKCOL"] : [],
      ...rename ? ["MOVE"] : [],
      ...deletes ? ["DELETE"] : [],
    ].join(", ");
  }

  /** Answers a request; what is refused gets a status and a sentence. */
  async serve(
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    const { showHidden } = this.settings;
    await answering(send, async () => {
      const parts = pathParts(requestPath(scope), showHidden);
      if (typeof parts === "number") throw unusable(parts);
      return await this.change(scope, receive, parts);
    });
  }

  /** Does what a request asks for. */
  async change(
    scope: RequestScope,
    receive: Receive,
    parts: Parts,
  ): Promise<Answer> {
    if (scope.method !== "OPTIONS") assertSameOrigin(scope);
    switch (scope.method) {
      case "PUT":
        return await this.#put(scope, receive, parts);
      case "POST":
        return await this.#post(scope, receive, parts);
      case "MKCOL":
        return await this.#makeFolder(scope, receive, parts);
      case "MOVE":
        return await this.#move(scope, parts);
      case "DELETE":
        await this.assertConditions(scope, parts);
        await this.writer.remove(parts);
        this.#tell(scope, `deleted ${quote(parts.join("/"))}`);
        return { status: 204 };
      case "OPTIONS":
        return { status: 204, headers: [["allow", this.methods]] };
      default:
        return {
          status: 405,
          text: `${scope.method} is not understood here.`,
          headers: [["allow", this.methods]],
        };
    }
  }

  async #put(
    scope: RequestScope,
    receive: Receive,
    parts: Parts,
  ): Promise<Answer> {
    const field = (name: string) => fieldValue(scope.headers, name);
    if (requestPath(scope).endsWith("/")) {
      throw new WriteRefused(
        409,
        "A file has a name; this address, with a slash at its end, is that of a folder.",
      );
    }
    if (field("content-range") !== null) {
      throw new WriteRefused(400, "A file has to be sent whole.");
    }
    if ((field("content-encoding") ?? "identity") !== "identity") {
      throw new WriteRefused(
        415,
        "Files are stored as they are sent; send this one without content-encoding.",
      );
    }
    await this.assertConditions(scope, parts);
    const length = field("content-length");
    await this.writer.assertTaken(
      parts,
      length === null ? null : Number(length),
    );
    // The size of each file has its own limit.
    raiseBodyLimit(scope, 0);
    const reader = new RequestReader(receive);
    const { name, created, size } = await this.writer.store(
      parts,
      chunksOf(reader),
      this.settings.overwrite,
      () => this.assertConditions(scope, parts),
    );
    const stored = [...parts.slice(0, -1), name];
    this.#tell(scope, `stored ${quote(stored.join("/"))} (${size} bytes)`);
    if (!created) return { status: 204 };
    return {
      status: 201,
      text: `${quote(name)} is stored.`,
      headers: [[
        "location",
        locationOf({ ...scope, query_string: "" }, stored, false),
      ]],
    };
  }

  /** A form: files, or a field "action" with what it needs. */
  async #post(
    scope: RequestScope,
    receive: Receive,
    parts: Parts,
  ): Promise<Answer> {
    const { writer } = this;
    const type = fieldValue(scope.headers, "content-type");
    const boundary = boundaryOf(type);
    if (boundary !== null) {
      return await this.#takeForm(scope, receive, parts, boundary);
    }
    if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(type ?? "")) {
      throw new WriteRefused(
        415,
        "Send files as multipart/form-data, or one file by PUT.",
      );
    }
    const form = await readForm(new RequestReader(receive));
    const child = (key: string) => this.#below(parts, form.get(key) ?? "");
    switch (form.get("action")) {
      case "mkdir": {
        const folder = child("name");
        await this.#watch?.assertMayChange(scope, folder);
        await writer.makeFolder(folder);
        this.#tell(scope, `made the folder ${quote(folder.join("/"))}`);
        break;
      }
      case "rename": {
        const [from, to] = [child("name"), child("to")];
        await this.#watch?.assertMayChange(scope, from);
        await this.#watch?.assertMayChange(scope, to);
        await writer.move(from, to, false);
        this.#watch?.moved(from, to);
        this.#tell(scope, moved(from, to));
        break;
      }
      case "delete": {
        const doomed = child("name");
        await this.#watch?.assertMayChange(scope, doomed);
        await writer.remove(doomed);
        this.#watch?.removed(doomed);
        this.#tell(scope, `deleted ${quote(doomed.join("/"))}`);
        break;
      }
      default:
        throw new WriteRefused(
          400,
          "The form does not say what is to be done.",
        );
    }
    return seeFolder(scope, parts);
  }

  async #takeForm(
    scope: RequestScope,
    receive: Receive,
    parts: Parts,
    boundary: string,
  ): Promise<Answer> {
    const { upload, mkdir } = this.settings;
    const { writer } = this;
    if (!upload) await writer.assertTaken([...parts, "file"], null);
    // Only the number of its files bounds a form.
    raiseBodyLimit(scope, 0);
    const reader = new RequestReader(receive);
    const next = async () => reader.complete ? null : await reader.next();
    const stored: string[][] = [];
    try {
      for await (const part of readParts(boundary, next)) {
        if (part.fileName === null) {
          await assertShort(part.body);
          continue;
        }
        // A field in which no file was chosen.
        if (part.fileName === "") continue;
        const target = this.#below(parts, part.fileName);
        await this.#watch?.assertMayChange(scope, target);
        if (mkdir) await writer.makeFoldersTo(target);
        await writer.assertTaken(target, null);
        const { name, size } = await writer.store(target, part.body);
        const path = [...target.slice(0, -1), name];
        this.#tell(scope, `stored ${quote(path.join("/"))} (${size} bytes)`);
        stored.push(path);
      }
    } catch (error) {
      if (!(error instanceof WriteRefused) || stored.length === 0) throw error;
      const names = stored.map((path) => quote(path.join("/"))).join(", ");
      throw new WriteRefused(
        error.status,
        `${error.message} Stored before that: ${names}.`,
      );
    }
    return seeFolder(scope, parts, stored);
  }

  async #makeFolder(
    scope: RequestScope,
    receive: Receive,
    parts: Parts,
  ): Promise<Answer> {
    // A body would say what to put into the folder (RFC 4918, 9.3).
    const reader = new RequestReader(receive);
    const first = await reader.next();
    if (first.length > 0 || !reader.complete) {
      throw new WriteRefused(415, "A folder is made without a request body.");
    }
    await this.writer.makeFolder(parts);
    this.#tell(scope, `made the folder ${quote(parts.join("/"))}`);
    return { status: 201 };
  }

  async #move(scope: RequestScope, parts: Parts): Promise<Answer> {
    const target = this.destination(scope);
    const replace = this.replaces(scope);
    await this.assertConditions(scope, parts);
    assertApart(parts, target);
    this.writer.assertThere(parts);
    if (!replace) this.assertFree(target);
    const created = await this.writer.move(parts, target, replace);
    this.#tell(scope, moved(parts, target));
    return { status: created ? 201 : 204 };
  }

  /** Whether a request may replace what it finds (RFC 4918, 10.6). */
  replaces({ headers }: RequestScope): boolean {
    return this.settings.overwrite === "1" &&
      fieldValue(headers, "overwrite") !== "F";
  }

  /** 412 where a destination is taken. */
  assertFree(target: Parts): void {
    if (this.writer.kindOf(target) === null) return;
    const { message } = nameTaken(target.at(-1) ?? "/");
    throw new WriteRefused(412, message);
  }

  /**
   * Where a request moves or copies something to: its `destination`, on this
   * server and beneath this mount (RFC 4918, 10.3).
   */
  destination(scope: RequestScope): string[] {
    const field = fieldValue(scope.headers, "destination");
    const url = field === null ? null : URL.parse(field, baseOf(scope));
    if (url === null) {
      throw new WriteRefused(400, "The field destination has to say where to.");
    }
    if (!readPath(url.pathname).isUtf8) {
      throw new WriteRefused(400, "The destination has to be UTF-8.");
    }
    const path = pathHere(scope, url);
    if (path === null) {
      throw new WriteRefused(
        502,
        "The destination is on another server, or not in the shared folder. Behind a proxy, the proxy has to pass on the field host.",
      );
    }
    const parts = pathParts(path, this.settings.showHidden);
    if (typeof parts === "number") throw unusable(parts);
    return parts;
  }

  /** 412 unless the file at a path is as the request expects (RFC 9110, 13). */
  async assertConditions(scope: RequestScope, parts: Parts): Promise<void> {
    const conditions = readConditions(scope.headers);
    const expected = conditions["if-match"] ?? conditions["if-none-match"] ??
      conditions["if-unmodified-since"];
    if (expected === undefined) return;
    const validators = await this.validatorsOf(parts);
    if (validators === null) {
      if (conditions["if-match"] === undefined) return;
      throw notAsExpected();
    }
    const { "if-modified-since": _, ...relevant } = conditions;
    // The tag of a file just written is weak for a moment, which is when
    // davfs2 and others write to it again. No weak tag equals another by
    // if-match, so that they would lose what they send.
    const { etag, lastModified } = validators;
    const met = checkConditions(
      { ...relevant, "if-match": relevant["if-match"]?.replaceAll(WEAK, '"') },
      { etag: etag?.replace(WEAK, '"') ?? null, lastModified },
    );
    if (met !== null) throw notAsExpected();
  }

  /** What tells versions of a file apart; null where nothing is. */
  async validatorsOf(parts: Parts): Promise<Validators | null> {
    const { files, digests } = this.settings;
    const opened = files.open(parts.join("/"));
    if (typeof opened === "number") return null;
    using file = opened;
    if (file.kind === "directory") return { etag: null, lastModified: null };
    const version = await versionOf(file, digests, () => unwatched());
    return {
      etag: version?.tag ?? null,
      lastModified: version?.lastModified ?? null,
    };
  }

  /** The path of a name in a form, which may have folders in front. */
  #below(parts: Parts, name: string): string[] {
    const below = pathParts(name, this.settings.showHidden);
    if (typeof below === "number" || below.length === 0) {
      throw new WriteRefused(400, `${quote(name)} cannot be a name here.`);
    }
    return [...parts, ...below];
  }

  #tell({ client }: RequestScope, what: string): void {
    log.info(`${this.settings.appName}: ${client?.[0] ?? "a client"} ${what}.`);
  }
}

/** Sends what `work` answers or refuses; nothing to a client that has left. */
export async function answering(
  send: Send,
  work: () => Promise<Answer | null>,
): Promise<void> {
  let answer: Answer | null;
  try {
    answer = await work();
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (!(error instanceof WriteRefused)) throw error;
    const { status, message, headers, xml } = error;
    answer = { status, text: message, headers, xml };
  }
  if (answer === null) return;
  const { status, text, xml, headers = [] } = answer;
  if (status === 204) {
    await send({ type: "http.response.start", status, headers });
    return await send({ type: "http.response.body" });
  }
  const body = xml ?? (text === undefined ? "" : `${text}\n`);
  const type = xml === undefined ? "text/plain" : "application/xml";
  await reply(send, status, [
    ["content-type", `${type}; charset=UTF-8`],
    ["x-content-type-options", "nosniff"],
    ...headers,
  ], body);
}

/**
 * Refuses what a page of another site makes a browser send: by `sec-fetch-site`,
 * which browsers send to secure origins, or else by `origin`. Programs send
 * neither.
 */
export function assertSameOrigin({ headers }: RequestScope): void {
  const site = fieldValue(headers, "sec-fetch-site");
  const origin = fieldValue(headers, "origin");
  const isOwn = site !== null
    ? site === "same-origin" || site === "none"
    : origin === null ||
      URL.parse(origin)?.host === fieldValue(headers, "host");
  if (isOwn) return;
  throw new WriteRefused(
    403,
    "Only pages of this server may change something here, and this request comes from another one.",
  );
}

/** The whole body, as it comes. */
async function* chunksOf(reader: RequestReader): AsyncGenerator<Uint8Array> {
  while (!reader.complete) yield await reader.next();
}

async function readForm(reader: RequestReader): Promise<URLSearchParams> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of chunksOf(reader)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_FORM) {
      throw new WriteRefused(413, `A form may have up to ${MAX_FORM} bytes.`);
    }
  }
  return new URLSearchParams(text);
}

/** A value in a form of files: nobody asks for it. */
async function assertShort(body: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > FORM_ROOM) {
      throw new WriteRefused(413, "A value in the form is too long.");
    }
  }
}

/** A browser goes back to the folder; programs read what was stored. */
function seeFolder(
  scope: RequestScope,
  parts: Parts,
  stored: readonly Parts[] = [],
): Answer {
  const place = { ...scope, query_string: "" };
  const location = locationOf(place, parts, true);
  if (namesType(fieldValue(scope.headers, "accept"), "text/html")) {
    return { status: 303, headers: [["location", location]] };
  }
  const text = stored.length === 0
    ? "Done."
    : stored.map((path) => locationOf(place, path, false)).join("\n");
  return { status: 200, text };
}

function moved(from: Parts, to: Parts): string {
  return `moved ${quote(from.join("/"))} to ${quote(to.join("/"))}`;
}

/** Nobody waits for the digest of a file that is about to be replaced. */
function unwatched(): RequestReader {
  return new RequestReader(() => new Promise(() => {}));
}
