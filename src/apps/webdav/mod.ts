/**
 * Serves a folder as a drive (RFC 4918): class 1, and class 2 where files are
 * taken.
 */

import { fieldValue } from "../../http/headers.ts";
import { quote } from "../../options/option_error.ts";
import type { Receive, Send } from "../../pagi/types.ts";
import { concat } from "../../std/bytes.ts";
import { RequestReader } from "../disconnect.ts";
import { Abandoned } from "../files/time_slice.ts";
import type { RequestScope } from "../reply.ts";
import { type Answer, WriteRefused } from "../uploads/refusal.ts";
import { Changes } from "../uploads/serve_changes.ts";
import { assertApart, type Parts } from "../uploads/tree_writer.ts";
import { copyTree } from "./copy_tree.ts";
import { DavState } from "./dav_state.ts";
import { Locks } from "./locks.ts";
import { type DavSettings, Propfind, readPropfind } from "./propfind.ts";
import { patchProperties } from "./proppatch.ts";
import { errorBody, parseXml, type XmlElement } from "./xml.ts";

/** Bytes of an XML body. */
const MAX_XML = 64 * 1024;

/** Serves a folder as a drive, with the changes that its settings allow. */
export class WebDav extends Changes {
  readonly #propfind: Propfind;
  /** Null where no files are taken, so that nothing can be locked. */
  readonly #locks: Locks | null;

  constructor(settings: DavSettings) {
    super(settings);
    const { upload, root } = settings;
    const state = upload ? new DavState(root.directory) : null;
    this.#locks = state && new Locks(state, this);
    this.#propfind = new Propfind(settings, state);
  }

  override get methods(): string {
    return `${super.methods}, PROPFIND` +
      (this.#locks === null ? "" : ", PROPPATCH, COPY, LOCK, UNLOCK");
  }

  override async change(
    scope: RequestScope,
    parts: Parts,
    receive: Receive,
    send: Send,
  ): Promise<Answer | null> {
    const locks = this.#locks;
    switch (scope.method) {
      case "OPTIONS":
        return {
          status: 200,
          headers: [
            ["dav", locks === null ? "1" : "1, 2"],
            // Office and Windows expect it.
            ["ms-author-via", "DAV"],
            ["allow", this.methods],
          ],
        };
      case "PROPFIND":
        await this.#find(scope, receive, send, parts);
        return null;
    }
    if (locks === null) return await super.change(scope, parts, receive, send);
    switch (scope.method) {
      case "PROPPATCH": {
        await locks.assertMayChange(scope, parts);
        const body = await readXml(new RequestReader(receive));
        return patchProperties(scope, this.writer, locks.state, parts, body);
      }
      case "LOCK": {
        const body = await readXml(new RequestReader(receive));
        return await locks.lock(scope, parts, body);
      }
      case "UNLOCK":
        return locks.unlock(scope, parts);
      case "COPY":
        return await this.#copy(scope, parts, locks);
      default:
        return await super.change(scope, parts, receive, send);
    }
  }

  override async assertMayChange(
    scope: RequestScope,
    parts: Parts,
  ): Promise<void> {
    await this.#locks?.assertMayChange(scope, parts);
  }

  override async assertMayReplace(
    scope: RequestScope,
    ...paths: Parts[]
  ): Promise<void> {
    await this.#locks?.assertMayReplace(scope, ...paths);
  }

  override async move(
    scope: RequestScope,
    from: Parts,
    to: Parts,
    replace: boolean,
  ): Promise<boolean> {
    const created = await super.move(scope, from, to, replace);
    this.#locks?.state.copied(from.join("/"), to.join("/"), true);
    this.#locks?.state.forget(from.join("/"));
    return created;
  }

  override async remove(scope: RequestScope, parts: Parts): Promise<void> {
    await super.remove(scope, parts);
    this.#locks?.state.forget(parts.join("/"));
  }

  async #find(
    scope: RequestScope,
    receive: Receive,
    send: Send,
    parts: Parts,
  ): Promise<void> {
    const depth = fieldValue(scope.headers, "depth") ?? "infinity";
    const reader = new RequestReader(receive);
    const wanted = readPropfind(await readXml(reader));
    if (depth !== "0" && depth !== "1") {
      throw new WriteRefused(
        403,
        "Depth infinity is not supported: use depth 0 or 1.",
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
  }

  async #copy(
    scope: RequestScope,
    parts: Parts,
    locks: Locks,
  ): Promise<Answer> {
    const { writer } = this;
    const target = this.destination(scope);
    await locks.assertMayReplace(scope, target);
    const kind = writer.assertThere(parts);
    if (kind === "file") writer.assertType(target);
    else writer.assertMayMakeFolders();
    assertApart(parts, target);
    const replace = this.replaces(scope);
    if (!replace) this.assertFree(target);
    const [from, to] = [parts.join("/"), target.join("/")];
    const deep = fieldValue(scope.headers, "depth") !== "0";
    locks.state.assertRoomForCopy(from, deep);
    const created = await writer.place(
      target,
      replace,
      (path) => copyTree(this.settings, from, path, deep),
    );
    locks.state.copied(from, to, deep);
    this.log(scope, `copied ${quote(from)} to ${quote(to)}`);
    return { status: created ? 201 : 204 };
  }
}

/** The XML in the body of a request; null without one. */
async function readXml(reader: RequestReader): Promise<XmlElement | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of reader.chunks()) {
    size += chunk.length;
    if (size > MAX_XML) {
      throw new WriteRefused(413, `The XML may have up to ${MAX_XML} bytes.`);
    }
    chunks.push(chunk);
  }
  return size === 0 ? null : parseXml(concat(chunks));
}
