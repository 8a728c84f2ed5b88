/**
 * Properties of files and folders, and the answer to PROPFIND (RFC 4918, 9.1).
 */

import { statfsSync } from "node:fs";
import { mediaTypeOf } from "../../http/content_type.ts";
import { fileTag, formatHttpDate, isTelling } from "../../http/etags.ts";
import type { Send } from "../../pagi/types.ts";
import type { FileStat } from "../../system/file_names.ts";
import type { RequestReader } from "../disconnect.ts";
import { statFrom, statOf } from "../files/directory_cache.ts";
import { inspectEntry, readNames } from "../files/directory_entries.ts";
import { locationOf } from "../files/request_path.ts";
import { TimeSlice } from "../files/time_slice.ts";
import type { RequestScope } from "../reply.ts";
import { refusing, WriteRefused } from "../uploads/refusal.ts";
import type { ChangeSettings } from "../uploads/serve_changes.ts";
import type { DavState, DeadProperty, Lock } from "./dav_state.ts";
import {
  DAV,
  elementsOf,
  escapeXml,
  tag,
  XML_HEAD,
  type XmlElement,
} from "./xml.ts";

/** The name of a property. */
export interface PropertyName {
  readonly space: string;
  readonly name: string;
}

/** The properties that a PROPFIND asks for. */
interface Wanted {
  /** Names without values. */
  readonly namesOnly: boolean;
  /** All live and dead properties, and those in `names`. */
  readonly all: boolean;
  readonly names: readonly PropertyName[];
}

/** A file or folder in the response. */
interface Resource {
  readonly parts: readonly string[];
  readonly stat: FileStat;
  /** A path that is valid until the end of the request. */
  readonly path: string;
}

/** Reads the body of a PROPFIND; without one, all properties are wanted. */
export function readPropfind(root: XmlElement | null): Wanted {
  if (root === null) return { namesOnly: false, all: true, names: [] };
  if (root.space !== DAV || root.name !== "propfind") {
    throw new WriteRefused(400, "The body is not a valid PROPFIND.");
  }
  const has = (name: string) => elementsOf(root, name).length > 0;
  const names = ["prop", "include"].flatMap((name) =>
    elementsOf(root, name).flatMap((list) => elementsOf(list))
  );
  const all = has("allprop");
  const namesOnly = has("propname");
  if (!all && !namesOnly && !has("prop")) {
    throw new WriteRefused(400, "The PROPFIND does not name any properties.");
  }
  return { namesOnly, all, names };
}

/** How a drive is served. */
export type DavSettings = ChangeSettings & { readonly defaultType: string };

/** Sends the wanted properties of `parts` and, with depth 1, of its entries. */
export class Propfind {
  readonly #settings: DavSettings;
  readonly #state: DavState | null;

  /** @param state Null where nothing can be locked. */
  constructor(settings: DavSettings, state: DavState | null) {
    this.#settings = settings;
    this.#state = state;
  }

  /** @throws {WriteRefused} Where there is nothing to be read. */
  async send(
    scope: RequestScope,
    client: RequestReader,
    send: Send,
    parts: readonly string[],
    depth: 0 | 1,
    wanted: Wanted,
  ): Promise<void> {
    const { root, showHidden } = this.#settings;
    const path = parts.join("/");
    const opened = root.open(path);
    if (typeof opened === "number") {
      throw new WriteRefused(
        opened,
        `There is nothing to read at /${path}.`,
      );
    }
    using resource = opened;
    const isFolder = resource.kind === "directory";
    const stat = isFolder ? statOf(resource.path) : statFrom(resource.info);
    const at = isFolder ? resource.path : root.pathOf(path);
    const response = this.#responder(scope, path, wanted, depth);
    const slice = new TimeSlice(() => !client.disconnected);
    const found = isFolder && depth === 1
      ? await refusing(
        path,
        async () => (await readNames(resource.path, showHidden, slice)).found,
      )
      : [];
    await send({
      type: "http.response.start",
      status: 207,
      headers: [["content-type", "application/xml; charset=utf-8"]],
    });
    let text = `${XML_HEAD}<D:multistatus xmlns:D="DAV:">\n` +
      response({ parts, stat, path: at });
    if (isFolder) {
      const folder = path === "" ? "" : `${path}/`;
      for (const entry of found) {
        const inspected = inspectEntry(root, folder, resource, entry);
        if (inspected.stat === null || inspected.problem !== null) continue;
        text += response({
          parts: [...parts, entry.name],
          stat: inspected.stat,
          path: `${resource.path}/${entry.name}`,
        });
        if (text.length > CHUNK) {
          await send({ type: "http.response.body", body: text, more: 1 });
          text = "";
          if (client.disconnected) return;
        }
        if (slice.expired) await slice.yield();
      }
    }
    await send({
      type: "http.response.body",
      body: `${text}</D:multistatus>\n`,
    });
  }

  /** Makes the `response` element of a resource at or in the folder `path`. */
  #responder(
    scope: RequestScope,
    path: string,
    wanted: Wanted,
    depth: 0 | 1,
  ): (resource: Resource) => string {
    const state = path.isWellFormed() ? this.#state : null;
    const dead = Map.groupBy(
      state?.properties(path, depth) ?? [],
      (property) => property.path,
    );
    const locks = state?.locksOn(path) ?? [];
    const inherited = locks.filter(({ deep }) => deep);
    const inside = Map.groupBy(
      depth === 1 ? state?.locksWithin(path) ?? [] : [],
      (lock) => lock.path,
    );
    return (resource) => {
      const own = resource.parts.join("/");
      const live = this.#live(
        scope,
        resource,
        own === path ? locks : [...inherited, ...inside.get(own) ?? []],
      );
      return responseOf(
        hrefOf(scope, resource.parts, resource.stat.isDirectory),
        live,
        dead.get(own) ?? [],
        wanted,
      );
    };
  }

  /** The properties that the server computes ("live" ones); "" where empty. */
  #live(
    scope: RequestScope,
    { parts, stat, path }: Resource,
    locks: readonly Lock[],
  ): ReadonlyMap<string, () => string | null> {
    const { defaultType, digests } = this.#settings;
    const { isDirectory, size } = stat;
    const time = Math.floor(stat.mtime);
    const now = Date.now();
    const name = parts.at(-1) ?? "";
    const live = new Map<string, () => string | null>([
      ["resourcetype", () => isDirectory ? tag(DAV, "collection") : ""],
      ["displayname", () => escapeXml(name)],
      ["creationdate", () => new Date(time).toISOString()],
      ["getlastmodified", () => formatHttpDate(time)],
    ]);
    if (!isDirectory) {
      live.set("getcontentlength", () => String(size));
      live.set(
        "getcontenttype",
        () => escapeXml(mediaTypeOf(name, defaultType)),
      );
      if (digests === null && isTelling(time, now)) {
        live.set("getetag", () => escapeXml(fileTag(size, time, now)));
      }
    }
    if (this.#state !== null) {
      live.set("supportedlock", () => SUPPORTED_LOCK);
      live.set("lockdiscovery", () => activeLocks(scope, locks));
    }
    if (isDirectory) {
      live.set("quota-available-bytes", () => freeBytes(path));
    }
    return live;
  }
}

/** UTF-16 units in one chunk of the body. */
const CHUNK = 32 * 1024;

const SUPPORTED_LOCK = ["exclusive", "shared"].map((scope) =>
  tag(
    DAV,
    "lockentry",
    tag(DAV, "lockscope", tag(DAV, scope)) +
      tag(DAV, "locktype", tag(DAV, "write")),
  )
).join("");

/** Properties that `allprop` leaves out (RFC 4331, 3). */
const ON_REQUEST = new Set(["quota-available-bytes"]);

/** The locks of a resource, as a property. */
export function activeLocks(
  scope: RequestScope,
  locks: readonly Lock[],
): string {
  return locks.map(({ path, shared, deep, owner, expires, token }) => {
    const parts = path.split("/").filter((part) => part !== "");
    const seconds = Math.max(1, Math.round((expires - Date.now()) / 1000));
    return tag(
      DAV,
      "activelock",
      tag(DAV, "locktype", tag(DAV, "write")) +
        tag(DAV, "lockscope", tag(DAV, shared ? "shared" : "exclusive")) +
        tag(DAV, "depth", deep ? "infinity" : "0") +
        (owner === "" ? "" : tag(DAV, "owner", owner)) +
        tag(DAV, "timeout", `Second-${seconds}`) +
        tag(DAV, "locktoken", tag(DAV, "href", token)) +
        tag(DAV, "lockroot", tag(DAV, "href", hrefOf(scope, parts, false))),
    );
  }).join("");
}

/** The address of a resource: a path, percent-encoded. */
export function hrefOf(
  scope: RequestScope,
  parts: readonly string[],
  isDirectory: boolean,
): string {
  const place = { ...scope, query_string: "" };
  return escapeXml(locationOf(place, parts, isDirectory) || "/");
}

function freeBytes(path: string): string | null {
  try {
    const { bavail, bsize } = statfsSync(path);
    return String(bavail * bsize);
  } catch {
    return null;
  }
}

function responseOf(
  href: string,
  live: ReadonlyMap<string, () => string | null>,
  dead: readonly DeadProperty[],
  { all, namesOnly, names }: Wanted,
): string {
  let found = "";
  let missing = "";
  const usual = [...live.keys()].filter((name) => !ON_REQUEST.has(name));
  if (namesOnly) {
    found = usual.map((name) => tag(DAV, name)).join("") +
      dead.map(({ space, name }) => tag(space, name)).join("");
  } else {
    const asked = all
      ? [
        ...usual.map((name) => ({ space: DAV, name })),
        ...dead,
        ...names.filter(({ space, name }) =>
          space !== DAV || !usual.includes(name)
        ),
      ]
      : names;
    for (const { space, name } of asked) {
      const value = space === DAV && live.has(name)
        ? live.get(name)!()
        : dead.find((one) => one.space === space && one.name === name)?.value;
      if (value === undefined || value === null) missing += tag(space, name);
      else found += tag(space, name, value);
    }
  }
  return `<D:response><D:href>${href}</D:href>` +
    (found !== "" || missing === "" ? propstat(found, "200 OK") : "") +
    (missing !== "" ? propstat(missing, "404 Not Found") : "") +
    "</D:response>\n";
}

/** Properties that share a status. */
export function propstat(props: string, status: string, more = ""): string {
  return `<D:propstat><D:prop>${props}</D:prop>` +
    `<D:status>HTTP/1.1 ${status}</D:status>${more}</D:propstat>`;
}
