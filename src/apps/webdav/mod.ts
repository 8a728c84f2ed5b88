/**
 * Serves a folder as a drive (RFC 4918): class 1, and class 2 where files are
 * taken.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import { quote } from "../../options/option_error.ts";
import type { Receive, Send } from "../../pagi/types.ts";
import { concat } from "../../std/bytes.ts";
import { RequestReader } from "../disconnect.ts";
import { Abandoned } from "../files/time_slice.ts";
import { pathParts, requestPath } from "../files/request_path.ts";
import type { RequestScope } from "../reply.ts";
import type { FolderChanges } from "../uploads/mod.ts";
import { pageParts } from "../uploads/page_parts.ts";
import { unusable, WriteRefused } from "../uploads/refusal.ts";
import {
  type Answer,
  answering,
  assertSameOrigin,
  Changes,
  type ChangeSettings,
} from "../uploads/serve_changes.ts";
import { assertApart, type Parts } from "../uploads/tree_writer.ts";
import { copyTree } from "./copy_tree.ts";
import { DavState } from "./dav_state.ts";
import { Locks } from "./locks.ts";
import { Propfind, readPropfind } from "./propfind.ts";
import { patchProperties } from "./proppatch.ts";
import { errorBody, parseXml, type XmlElement } from "./xml.ts";

/** Bytes of an XML body. */
const MAX_XML = 64 * 1024;

/** How a drive is served. */
export type DavSettings = ChangeSettings & { readonly defaultType: string };

/** Makes what serves a folder as a drive, with the changes that are allowed. */
export function webDav(settings: DavSettings): FolderChanges {
  const dav = new WebDav(settings);
  return {
    pageParts: pageParts(settings),
    serve: (...request) => dav.serve(...request),
  };
}

class WebDav {
  readonly #settings: DavSettings;
  readonly #changes: Changes;
  readonly #propfind: Propfind;
  /** Null where nothing can be locked, as no files are taken. */
  readonly #state: DavState | null;
  readonly #locks: Locks | null;

  constructor(settings: DavSettings) {
    this.#settings = settings;
    this.#changes = new Changes(settings, {
      assertMayChange: async (scope, path) =>
        await this.#locks?.assertMayCreate(scope, path),
      moved: (from, to) => this.#moved(from, to),
      removed: (path) => this.#state?.forget(path.join("/")),
    });
    this.#state = settings.upload
      ? new DavState(settings.root.directory)
      : null;
    this.#locks = this.#state && new Locks(this.#state, this.#changes);
    this.#propfind = new Propfind(settings, this.#state);
  }

  get #methods(): string {
    const { upload } = this.#settings;
    return `${this.#changes.methods}, PROPFIND` +
      (upload ? ", PROPPATCH, COPY, LOCK, UNLOCK" : "");
  }

  async serve(
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    const { showHidden } = this.#settings;
    await answering(send, async () => {
      const parts = pathParts(requestPath(scope), showHidden);
      if (typeof parts === "number") throw unusable(parts);
      return await this.#answer(scope, receive, send, parts);
    });
  }

  /** Does what a request asks for; null where it has been answered. */
  async #answer(
    scope: RequestScope,
    receive: Receive,
    send: Send,
    parts: Parts,
  ): Promise<Answer | null> {
    const { method } = scope;
    switch (method) {
      case "OPTIONS":
        return {
          status: 200,
          headers: [
            ["dav", this.#state === null ? "1" : "1, 2"],
            // Office and Windows look for it.
            ["ms-author-via", "DAV"],
            ["allow", this.#methods],
          ],
        };
      case "PROPFIND":
        return await this.#find(scope, receive, send, parts);
    }
    assertSameOrigin(scope);
    if (this.#state === null || this.#locks === null) {
      return await this.#changes.change(scope, receive, parts);
    }
    switch (method) {
      case "PROPPATCH": {
        await this.#locks.assertMayChange(scope, parts);
        const body = await readXml(new RequestReader(receive));
        return await patchProperties(
          scope,
          this.#changes.writer,
          this.#state,
          parts,
          body,
        );
      }
      case "LOCK": {
        const body = await readXml(new RequestReader(receive));
        return await this.#locks.lock(scope, parts, body);
      }
      case "UNLOCK":
        return await this.#locks.unlock(scope, parts);
      case "COPY":
        return await this.#copy(scope, parts);
      case "MOVE": {
        const target = this.#changes.destination(scope);
        await this.#locks.assertMayChange(scope, parts, target);
        const answer = await this.#changes.change(scope, receive, parts);
        this.#moved(parts, target);
        return answer;
      }
      case "DELETE": {
        await this.#locks.assertMayChange(scope, parts);
        const answer = await this.#changes.change(scope, receive, parts);
        this.#state.forget(parts.join("/"));
        return answer;
      }
      case "PUT":
      case "MKCOL":
      case "POST":
        await this.#locks.assertMayChange(scope, parts);
        return await this.#changes.change(scope, receive, parts);
      default:
        return {
          status: 405,
          text: `${method} is not understood here.`,
          headers: [["allow", this.#methods]],
        };
    }
  }

  #moved(from: Parts, to: Parts): void {
    this.#state?.copied(from.join("/"), to.join("/"));
    this.#state?.forget(from.join("/"));
  }

  async #find(
    scope: RequestScope,
    receive: Receive,
    send: Send,
    parts: Parts,
  ): Promise<null> {
    const depth = fieldValue(scope.headers, "depth") ?? "infinity";
    const reader = new RequestReader(receive);
    const wanted = readPropfind(await readXml(reader));
    if (depth !== "0" && depth !== "1") {
      throw new WriteRefused(
        403,
        "A folder is listed by itself: use depth 0 or 1.",
        [],
        errorBody("propfind-finite-depth"),
      );
    }
    try {
      const levels = depth === "0" ? 0 : 1;
      await this.#propfind.send(scope, reader, send, parts, levels, wanted);
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error;
    }
    return null;
  }

  async #copy(scope: RequestScope, parts: Parts): Promise<Answer> {
    const { writer } = this.#changes;
    const target = this.#changes.destination(scope);
    await this.#locks!.assertMayCreate(scope, target);
    const kind = writer.assertThere(parts);
    if (kind === "file") writer.assertType(target);
    else writer.assertMayMakeFolders();
    assertApart(parts, target);
    const replace = this.#changes.replaces(scope);
    if (!replace) this.#changes.assertFree(target);
    const deep = fieldValue(scope.headers, "depth") !== "0";
    const created = await writer.place(
      target,
      replace,
      (path) => copyTree(this.#settings, parts.join("/"), path, deep),
    );
    this.#state!.copied(parts.join("/"), target.join("/"));
    const names = [parts, target].map((path) => quote(path.join("/")));
    log.info(
      `${this.#settings.appName}: ${scope.client?.[0] ?? "a client"} copied ${
        names.join(" to ")
      }.`,
    );
    return { status: created ? 201 : 204 };
  }
}

/** The XML in the body of a request; null without one. */
async function readXml(reader: RequestReader): Promise<XmlElement | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (!reader.complete) {
    const chunk = await reader.next();
    size += chunk.length;
    if (size > MAX_XML) {
      throw new WriteRefused(413, `The XML may have up to ${MAX_XML} bytes.`);
    }
    chunks.push(chunk);
  }
  return size === 0 ? null : parseXml(concat(chunks));
}
