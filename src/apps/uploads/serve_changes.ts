/**
 * Requests that change a served folder: PUT, POST of a form, MKCOL, MOVE and
 * DELETE, each where its option is on.
 */

import {
  checkConditions,
  readConditions,
  type Validators,
} from "../../http/conditional.ts";
import { fieldValue } from "../../http/headers.ts";
import { readPath } from "../../http/target.ts";
import { log } from "../../log/log.ts";
import { quote } from "../../options/option_error.ts";
import { raiseBodyLimit } from "../../pagi/body_limit.ts";
import type { Receive, Send } from "../../pagi/types.ts";
import { ClientGone, RequestReader } from "../disconnect.ts";
import type { FileCache } from "../files/file_cache.ts";
import { type ContentDigests, versionOf } from "../files/file_version.ts";
import type { PageParts } from "../files/page_frame.ts";
import {
  baseOf,
  locationOf,
  pathHere,
  pathParts,
  requestPath,
} from "../files/request_path.ts";
import { reply, replyBare, type RequestScope } from "../reply.ts";
import { type FormTarget, serveForm } from "./forms.ts";
import { nameTaken } from "./incoming_file.ts";
import { pageParts } from "./page_parts.ts";
import {
  type Answer,
  notAsExpected,
  unusable,
  WriteRefused,
} from "./refusal.ts";
import {
  assertApart,
  type Parts,
  type StoredFile,
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

/** The prefix of a weak tag (RFC 9110, 8.8.3). */
const WEAK = 'W/"';

/** Serves requests other than GET and HEAD for a folder. */
export class Changes implements FormTarget {
  readonly writer: TreeWriter;
  readonly settings: ChangeSettings;
  /** What listings have for changes; null where no form is allowed. */
  readonly pageParts: PageParts | null;

  constructor(settings: ChangeSettings) {
    this.settings = settings;
    this.writer = new TreeWriter(settings);
    this.pageParts = pageParts(settings);
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

  /** Serves a request; a refusal is answered with its status and sentence. */
  async serve(
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    let answer: Answer | null;
    try {
      const parts = pathParts(requestPath(scope), this.settings.showHidden);
      if (typeof parts === "number") throw unusable(parts);
      if (scope.method !== "OPTIONS" && scope.method !== "PROPFIND") {
        assertSameOrigin(scope);
      }
      answer = await this.change(scope, parts, receive, send);
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (!(error instanceof WriteRefused)) throw error;
      const { status, message, headers, xml } = error;
      answer = { status, text: message, headers, xml };
    }
    if (answer !== null) await sendAnswer(send, answer);
  }

  /** Carries out a request; null where the response has been sent. */
  async change(
    scope: RequestScope,
    parts: Parts,
    receive: Receive,
    _send: Send,
  ): Promise<Answer | null> {
    switch (scope.method) {
      case "PUT":
        await this.assertMayChange(scope, parts);
        return await this.#put(scope, receive, parts);
      case "POST":
        await this.assertMayChange(scope, parts);
        return await serveForm(this, scope, receive, parts);
      case "MKCOL":
        await this.assertMayChange(scope, parts);
        return await this.#makeFolder(scope, receive, parts);
      case "MOVE":
        return await this.#move(scope, parts);
      case "DELETE":
        await this.assertMayReplace(scope, parts);
        await this.assertConditions(scope, parts);
        await this.remove(scope, parts);
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

  /** Refuses to change what a lock protects; a plain folder has no locks. */
  async assertMayChange(_scope: RequestScope, _parts: Parts): Promise<void> {}

  /** The same for everything at and beneath `paths`, and for adding it. */
  async assertMayReplace(
    _scope: RequestScope,
    ..._paths: Parts[]
  ): Promise<void> {}

  /** Stores a file as {@linkcode TreeWriter.store} does, and logs it. */
  async store(
    scope: RequestScope,
    ...file: Parameters<TreeWriter["store"]>
  ): Promise<StoredFile> {
    const stored = await this.writer.store(...file);
    const path = quote(stored.parts.join("/"));
    this.log(scope, `stored ${path} (${stored.size} bytes)`);
    return stored;
  }

  async makeFolder(scope: RequestScope, parts: Parts): Promise<void> {
    await this.writer.makeFolder(parts);
    this.log(scope, `made the folder ${quote(parts.join("/"))}`);
  }

  /** @returns Whether nothing was there. */
  async move(
    scope: RequestScope,
    from: Parts,
    to: Parts,
    replace: boolean,
  ): Promise<boolean> {
    const created = await this.writer.move(from, to, replace);
    this.log(scope, `moved ${quote(from.join("/"))} to ${quote(to.join("/"))}`);
    return created;
  }

  async remove(scope: RequestScope, parts: Parts): Promise<void> {
    await this.writer.remove(parts);
    this.log(scope, `deleted ${quote(parts.join("/"))}`);
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
        "An address that ends with a slash is that of a folder; a file needs a name.",
      );
    }
    if (field("content-range") !== null) {
      throw new WriteRefused(
        400,
        "A file must be sent whole, without content-range.",
      );
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
    // Each file has a limit of its own.
    raiseBodyLimit(scope, 0);
    const stored = await this.store(
      scope,
      parts,
      new RequestReader(receive).chunks(),
      this.settings.overwrite,
      () => this.assertConditions(scope, parts),
    );
    if (!stored.created) return { status: 204 };
    const place = { ...scope, query_string: "" };
    return {
      status: 201,
      text: `${quote(stored.parts.at(-1)!)} is stored.`,
      headers: [["location", locationOf(place, stored.parts, false)]],
    };
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
      throw new WriteRefused(
        415,
        "A request that makes a folder must not have a body.",
      );
    }
    await this.makeFolder(scope, parts);
    return { status: 201 };
  }

  async #move(scope: RequestScope, parts: Parts): Promise<Answer> {
    const target = this.destination(scope);
    await this.assertMayReplace(scope, parts, target);
    const replace = this.replaces(scope);
    await this.assertConditions(scope, parts);
    assertApart(parts, target);
    this.writer.assertThere(parts);
    if (!replace) this.assertFree(target);
    const created = await this.move(scope, parts, target, replace);
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
      throw new WriteRefused(
        400,
        "The destination field is missing or not a URL.",
      );
    }
    if (!readPath(url.pathname).isUtf8) {
      throw new WriteRefused(400, "The destination must be UTF-8.");
    }
    const path = pathHere(scope, url);
    if (path === null) {
      throw new WriteRefused(
        502,
        "The destination is on another server, or not in the shared folder. A proxy in front must pass on the host field.",
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

  /** The validators of a file; null where nothing is. */
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

  /** Logs what a client has changed. */
  log({ client }: RequestScope, what: string): void {
    log.info(`${this.settings.appName}: ${client?.[0] ?? "a client"} ${what}.`);
  }
}

async function sendAnswer(send: Send, answer: Answer): Promise<void> {
  const { status, text, xml, headers = [] } = answer;
  if (status === 204) return await replyBare(send, status, headers);
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
 * which browsers send to secure origins only, or else by `origin`. Other clients
 * send neither.
 */
function assertSameOrigin({ headers }: RequestScope): void {
  const site = fieldValue(headers, "sec-fetch-site");
  const origin = fieldValue(headers, "origin");
  const isOwn = site !== null
    ? site === "same-origin" || site === "none"
    : origin === null ||
      URL.parse(origin)?.host === fieldValue(headers, "host");
  if (isOwn) return;
  throw new WriteRefused(
    403,
    "Only pages of this server may change files here, and this request comes from another site.",
  );
}

/** A client that never disconnects, for the digest of a file to be replaced. */
function unwatched(): RequestReader {
  return new RequestReader(() => new Promise(() => {}));
}
