/** LOCK, UNLOCK, and what locks forbid (RFC 4918, 6, 7 and 9.10). */

import { equalWeakly } from "../../http/etags.ts";
import { fieldValue } from "../../http/headers.ts";
import type { RequestScope } from "../reply.ts";
import {
  baseOf,
  pathHere,
  pathParts,
  requestPath,
} from "../files/request_path.ts";
import { type Answer, WriteRefused } from "../uploads/refusal.ts";
import type { Changes } from "../uploads/serve_changes.ts";
import type { Parts } from "../uploads/tree_writer.ts";
import type { DavState, Lock } from "./dav_state.ts";
import { type IfCondition, type IfList, parseIf } from "./if_header.ts";
import { activeLocks, hrefOf } from "./propfind.ts";
import {
  DAV,
  elementsOf,
  errorBody,
  innerXml,
  tag,
  XML_HEAD,
  type XmlElement,
} from "./xml.ts";

/** Seconds that a lock lasts by default, and at most. */
const DEFAULT_TIMEOUT = 600;
const MAX_TIMEOUT = 3600;

/** The locks beneath one root. */
export class Locks {
  readonly state: DavState;
  readonly #changes: Changes;

  constructor(state: DavState, changes: Changes) {
    this.state = state;
    this.#changes = changes;
  }

  /**
   * Refuses to change a file or folder, or to create it: 412 where no list of
   * the field `if` holds, 423 where the request lacks the token of a lock.
   */
  async assertMayChange(scope: RequestScope, parts: Parts): Promise<void> {
    const lists = await this.#assertIf(scope);
    const isNew = this.#changes.writer.kindOf(parts) === null;
    assertTokens(scope, [
      ...this.state.locksOn(parts.join("/")),
      ...isNew ? this.#locksOnFolder(parts) : [],
    ], lists);
  }

  /**
   * The same for all that is at and beneath `paths`, and for adding or removing
   * them.
   */
  async assertMayReplace(
    scope: RequestScope,
    ...paths: Parts[]
  ): Promise<void> {
    const lists = await this.#assertIf(scope);
    const locks = paths.flatMap((parts) => [
      ...this.state.locksOn(parts.join("/")),
      ...this.state.locksBeneath(parts.join("/")),
      ...this.#locksOnFolder(parts),
    ]);
    assertTokens(scope, locks, lists);
  }

  /** The locks of the folder of `parts`: they protect its list of names. */
  #locksOnFolder(parts: Parts): Lock[] {
    if (parts.length === 0) return [];
    const folder = parts.slice(0, -1).join("/");
    return this.state.locksOn(folder).filter(({ path }) => path === folder);
  }

  /** Carries out LOCK: a new lock or, without a body, more time for one. */
  async lock(
    scope: RequestScope,
    parts: Parts,
    body: XmlElement | null,
  ): Promise<Answer> {
    const lists = await this.#assertIf(scope);
    const path = parts.join("/");
    const expires = Date.now() + 1000 * timeoutOf(scope);
    if (body === null) {
      const tokens = tokensIn(lists);
      const lock = this.state.locksOn(path).find(({ token }) =>
        tokens.has(token)
      );
      if (lock === undefined) {
        throw new WriteRefused(
          412,
          "The request has no token of a lock here.",
          [],
          errorBody("lock-token-matches-request-uri"),
        );
      }
      this.state.refreshLock(lock.token, expires);
      return lockAnswer(scope, { ...lock, expires }, 200);
    }
    const { shared, owner } = readLockInfo(body);
    const depth = fieldValue(scope.headers, "depth") ?? "infinity";
    if (depth !== "0" && depth !== "infinity") {
      throw new WriteRefused(400, "The depth of a lock must be 0 or infinity.");
    }
    const { writer } = this.#changes;
    const isNew = writer.kindOf(parts) === null;
    if (isNew) {
      assertTokens(scope, this.#locksOnFolder(parts), lists);
      await writer.assertTaken(parts, null);
    }
    const lock: Lock = {
      token: `urn:uuid:${crypto.randomUUID()}`,
      path,
      deep: depth === "infinity",
      shared,
      owner,
      expires,
    };
    const other = this.state.addLock(lock);
    if (other !== null) {
      throw new WriteRefused(
        423,
        "Something here is already locked.",
        [],
        errorBody("no-conflicting-lock", lockedHref(scope, other)),
      );
    }
    if (isNew) {
      try {
        await writer.store(parts, empty(), "0");
      } catch (error) {
        this.state.removeLock(lock.token);
        throw error;
      }
    }
    const answer = lockAnswer(scope, lock, isNew ? 201 : 200);
    return { ...answer, headers: [["lock-token", `<${lock.token}>`]] };
  }

  unlock(scope: RequestScope, parts: Parts): Answer {
    const field = fieldValue(scope.headers, "lock-token") ?? "";
    const token = /^\s*<([^<>]+)>\s*$/.exec(field)?.[1];
    if (token === undefined) {
      throw new WriteRefused(400, "The lock-token field must name a lock.");
    }
    const locks = this.state.locksOn(parts.join("/"));
    if (!locks.some((lock) => lock.token === token)) {
      throw new WriteRefused(
        409,
        "There is no such lock here.",
        [],
        errorBody("lock-token-matches-request-uri"),
      );
    }
    this.state.removeLock(token);
    return { status: 204 };
  }

  /** The lists of the field `if`, of which at least one holds. */
  async #assertIf(scope: RequestScope): Promise<IfList[]> {
    const lists = parseIf(fieldValue(scope.headers, "if"));
    if (lists === null) return [];
    for (const { resource, conditions } of lists) {
      const parts = this.#partsOf(scope, resource);
      if (parts !== null && await this.#hold(conditions, parts)) return lists;
    }
    throw new WriteRefused(
      412,
      "No list of the if field holds; nothing was changed.",
    );
  }

  async #hold(
    conditions: readonly IfCondition[],
    parts: Parts,
  ): Promise<boolean> {
    for (const { not, kind, value } of conditions) {
      const holds = kind === "token"
        ? this.state.locksOn(parts.join("/")).some((lock) =>
          lock.token === value
        )
        // The tag of a file just written is weak for a moment, which is when
        // clients use it; its part in quotes does not change.
        : equalWeakly(
          (await this.#changes.validatorsOf(parts))?.etag ?? "",
          value,
        );
      if (holds === not) return false;
    }
    return true;
  }

  /**
   * The resource of a list: the request's own unless it is tagged (RFC 4918,
   * 10.4.3); null for one that is not here.
   */
  #partsOf(scope: RequestScope, resource: string | null): Parts | null {
    const path = resource === null
      ? requestPath(scope)
      : pathHere(scope, URL.parse(resource, baseOf(scope)));
    if (path === null) return null;
    const parts = pathParts(path, this.#changes.settings.showHidden);
    return typeof parts === "number" ? null : parts;
  }
}

/** The tokens that a request has: those of its lists. */
function tokensIn(lists: readonly IfList[]): Set<string> {
  return new Set(
    lists.flatMap(({ conditions }) => conditions)
      .filter(({ kind, not }) => kind === "token" && !not)
      .map(({ value }) => value),
  );
}

/** Of the locks on each resource, the request needs the token of one. */
function assertTokens(
  scope: RequestScope,
  locks: readonly Lock[],
  lists: readonly IfList[],
): void {
  const tokens = tokensIn(lists);
  const open = new Set(
    locks.filter(({ token }) => tokens.has(token)).map(({ path }) => path),
  );
  const lock = locks.find(({ path }) => !open.has(path));
  if (lock === undefined) return;
  throw new WriteRefused(
    423,
    `/${lock.path} is locked by somebody else; nothing was changed.`,
    [],
    errorBody("lock-token-submitted", lockedHref(scope, lock)),
  );
}

function lockedHref(scope: RequestScope, { path }: Lock): string {
  const parts = path.split("/").filter((part) => part !== "");
  return tag(DAV, "href", hrefOf(scope, parts, false));
}

function readLockInfo(root: XmlElement): { shared: boolean; owner: string } {
  const has = (parent: string, name: string) =>
    elementsOf(root, parent).some((one) => elementsOf(one, name).length > 0);
  const shared = has("lockscope", "shared");
  if (
    root.space !== DAV || root.name !== "lockinfo" ||
    !has("locktype", "write") || shared === has("lockscope", "exclusive")
  ) {
    throw new WriteRefused(
      400,
      "A lock must be a write lock, exclusive or shared.",
    );
  }
  const [owner] = elementsOf(root, "owner");
  return { shared, owner: owner === undefined ? "" : innerXml(owner) };
}

/** The timeout of a request (s): `Second-600`, `Infinite`. */
function timeoutOf({ headers }: RequestScope): number {
  const field = fieldValue(headers, "timeout") ?? `Second-${DEFAULT_TIMEOUT}`;
  const seconds = /^second-(\d+)/i.exec(field)?.[1];
  return Math.min(Number(seconds ?? MAX_TIMEOUT), MAX_TIMEOUT);
}

function lockAnswer(scope: RequestScope, lock: Lock, status: number): Answer {
  const locks = tag(DAV, "lockdiscovery", activeLocks(scope, [lock]));
  return {
    status,
    xml: `${XML_HEAD}<D:prop xmlns:D="DAV:">${locks}</D:prop>`,
  };
}

async function* empty(): AsyncGenerator<Uint8Array> {}
