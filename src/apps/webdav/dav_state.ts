/**
 * Locks and dead properties of a shared folder. All workers of the process see
 * the same: they are in an SQLite database in memory, which connections of one
 * process share by its name. They last as long as the process.
 */

import { createHash } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { WriteRefused } from "../uploads/refusal.ts";

/** A lock (RFC 4918, 6). */
export interface Lock {
  readonly token: string;
  /** Of the locked resource, beneath the root. */
  readonly path: string;
  /** True where it covers all beneath. */
  readonly deep: boolean;
  readonly shared: boolean;
  /** XML that the client sent to identify itself. */
  readonly owner: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** A property that a client has set (a "dead" one); its value is XML. */
export interface DeadProperty {
  readonly path: string;
  readonly space: string;
  readonly name: string;
  readonly value: string;
}

/** Rows of each table. */
const MAX_ROWS = 20_000;
/** Attempts while another worker writes, a millisecond apart. */
const MAX_TRIES = 1000;

const TABLES = `
create table if not exists locks (
  token text primary key, path text, deep integer, shared integer, owner text,
  expires real
) strict;
create table if not exists properties (
  path text, space text, name text, value text,
  primary key (path, space, name)
) strict;
`;

/** The condition for a path (parameter 1) and all beneath it. */
const BENEATH =
  "(?1 = '' or path = ?1 or substr(path, 1, length(?1) + 1) = ?1 || '/')";

/** The condition for a path (parameter 1) and the entries of that folder. */
const WITHIN =
  `${BENEATH} and instr(substr(path, length(?1) + 1 + (?1 <> '')), '/') = 0`;

/** The locks and properties beneath one root. */
export class DavState {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @param directory The absolute path of the root. */
  constructor(directory: string) {
    const id = createHash("sha256").update(directory).digest("hex");
    this.#database = new DatabaseSync(
      `file:pagi-webdav-${id}?mode=memory&cache=shared`,
    );
    retrying(() => this.#database.exec(TABLES));
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = retrying(() => this.#database.prepare(sql));
      this.#statements.set(sql, statement);
    }
    return retrying(() => statement.all(...values)) as Record<
      string,
      unknown
    >[];
  }

  /** The locks that cover a path: its own, and deep ones above. */
  locksOn(path: string): Lock[] {
    return this.#locks(
      "path = ?1 or deep and (path = '' or substr(?1, 1, length(path) + 1) = path || '/')",
      path,
    );
  }

  /** The locks on a path and on what is beneath it. */
  locksBeneath(path: string): Lock[] {
    return this.#locks(BENEATH, path);
  }

  /** The locks on a folder and on its entries. */
  locksWithin(path: string): Lock[] {
    return this.#locks(WITHIN, path);
  }

  #locks(where: string, path: string): Lock[] {
    const rows = this.#all(
      `select * from locks where (${where}) and expires > ?2`,
      path,
      Date.now(),
    );
    return rows.map((row) => ({
      ...row as unknown as Lock,
      deep: row.deep === 1,
      shared: row.shared === 1,
    }));
  }

  /**
   * Adds a lock unless another one is in its way.
   *
   * @returns the lock that is in its way; null if the lock was added
   */
  addLock(lock: Lock): Lock | null {
    return this.#atomically(() => {
      this.#all("delete from locks where expires <= ?1", Date.now());
      const others = this.locksOn(lock.path);
      if (lock.deep) others.push(...this.locksBeneath(lock.path));
      const other = others.find(({ shared }) => !shared || !lock.shared);
      if (other !== undefined) return other;
      this.#assertRoom("locks", 1);
      this.#all(
        "insert into locks values (?1, ?2, ?3, ?4, ?5, ?6)",
        lock.token,
        lock.path,
        Number(lock.deep),
        Number(lock.shared),
        lock.owner,
        lock.expires,
      );
      return null;
    });
  }

  /** Sets when a lock expires (ms since 1970). */
  refreshLock(token: string, expires: number): void {
    this.#all("update locks set expires = ?2 where token = ?1", token, expires);
  }

  removeLock(token: string): void {
    this.#all("delete from locks where token = ?1", token);
  }

  /** The properties of a path and, with depth 1, of the entries of the folder. */
  properties(path: string, depth: 0 | 1): DeadProperty[] {
    return this.#all(
      `select * from properties where ${depth === 0 ? "path = ?1" : WITHIN}`,
      path,
    ) as unknown as DeadProperty[];
  }

  /**
   * Sets properties of a path, and removes those whose value is null: all of
   * them or, where `last` or one of them throws, none.
   *
   * @throws {WriteRefused} 507 where there are too many.
   */
  changeProperties(
    path: string,
    changes: readonly {
      readonly space: string;
      readonly name: string;
      readonly value: string | null;
    }[],
    last: () => void,
  ): void {
    const added = changes.filter(({ value }) => value !== null).length;
    this.#atomically(() => {
      if (added > 0) this.#assertRoom("properties", added);
      for (const { space, name, value } of changes) {
        if (value !== null) {
          this.#all(
            "insert or replace into properties values (?1, ?2, ?3, ?4)",
            path,
            space,
            name,
            value,
          );
        } else {
          this.#all(
            "delete from properties where path = ?1 and space = ?2 and name = ?3",
            path,
            space,
            name,
          );
        }
      }
      last();
    });
  }

  /** Deletes the properties and locks of a path and of what is beneath it. */
  forget(path: string): void {
    this.#atomically(() => {
      this.#all(`delete from properties where ${BENEATH}`, path);
      this.#all(`delete from locks where ${BENEATH}`, path);
    });
  }

  /**
   * Checks that {@linkcode copied} will not add too many properties.
   *
   * @throws {WriteRefused} 507 where it would.
   */
  assertRoomForCopy(from: string, deep: boolean): void {
    const [{ rows }] = this.#all(
      `select count(*) as rows from properties where ${source(deep)}`,
      from,
    );
    if (rows !== 0) this.#assertRoom("properties", rows as number);
  }

  /**
   * Gives the copy at `to` the properties of `from` and, if `deep`, of what is
   * beneath it. Locks are not copied (RFC 4918, 7.5).
   */
  copied(from: string, to: string, deep: boolean): void {
    this.#atomically(() => {
      this.#all(`delete from properties where ${BENEATH}`, to);
      this.#all(
        `insert or replace into properties
         select ?2 || substr(path, length(?1) + 1), space, name, value
         from properties where ${source(deep)}`,
        from,
        to,
      );
    });
  }

  #assertRoom(table: "locks" | "properties", added: number): void {
    const [{ rows }] = this.#all(`select count(*) as rows from ${table}`);
    if (rows as number + added > MAX_ROWS) {
      throw new WriteRefused(507, `There are ${MAX_ROWS} ${table} already.`);
    }
  }

  #atomically<T>(work: () => T): T {
    retrying(() => this.#database.exec("begin immediate"));
    try {
      const result = work();
      this.#database.exec("commit");
      return result;
    } catch (error) {
      this.#database.exec("rollback");
      throw error;
    }
  }
}

/** The condition for what is copied with a path (parameter 1). */
function source(deep: boolean): string {
  return deep ? BENEATH : "path = ?1";
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Retries while another worker, for microseconds, holds the database:
 * connections with a shared cache get an error instead of waiting
 * (https://sqlite.org/sharedcache.html).
 */
function retrying<T>(work: () => T): T {
  for (let i = 1;; i++) {
    try {
      return work();
    } catch (error) {
      const isLocked = error instanceof Error && /locked/.test(error.message);
      if (!isLocked || i === MAX_TRIES) throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}
