/**
 * PROPPATCH: sets and removes properties (RFC 4918, 9.2). What clients set is
 * kept as they send it, as long as the process runs; the times that Windows
 * sets are those of the file, too.
 *
 * @module
 */

import { parseHttpDate } from "../../http/etags.ts";
import type { RequestScope } from "../reply.ts";
import { WriteRefused } from "../uploads/refusal.ts";
import type { Answer } from "../uploads/serve_changes.ts";
import type { Parts, TreeWriter } from "../uploads/tree_writer.ts";
import type { DavState } from "./dav_state.ts";
import { hrefOf, type PropertyName, propstat } from "./propfind.ts";
import {
  DAV,
  elementsOf,
  innerXml,
  tag,
  XML_HEAD,
  type XmlElement,
} from "./xml.ts";

/** UTF-16 units of a value. */
const MAX_VALUE = 16 * 1024;
const WINDOWS = "urn:schemas-microsoft-com:";

/** Changes the properties of `parts`: all that are named, or none. */
export async function patchProperties(
  scope: RequestScope,
  writer: TreeWriter,
  state: DavState,
  parts: Parts,
  body: XmlElement | null,
): Promise<Answer> {
  if (body === null || body.space !== DAV || body.name !== "propertyupdate") {
    throw new WriteRefused(400, "The body is not that of a PROPPATCH.");
  }
  const kind = writer.assertThere(parts);
  const changes = elementsOf(body).flatMap((change) => {
    const { space, name } = change;
    if (space !== DAV || name !== "set" && name !== "remove") return [];
    return elementsOf(change, "prop").flatMap((prop) => elementsOf(prop))
      .map((prop) => ({ prop, sets: name === "set" }));
  });
  const names = (list: readonly { prop: PropertyName }[]) =>
    list.map(({ prop }) => tag(prop.space, prop.name)).join("");
  const isRefused = ({ prop }: { prop: XmlElement }) =>
    prop.space === DAV || innerXml(prop).length > MAX_VALUE;
  const refused = changes.filter(isRefused);
  const others = changes.filter((change) => !isRefused(change));
  let stats: string;
  if (refused.length > 0) {
    stats = propstat(
      names(refused),
      "403 Forbidden",
      `<D:error>${tag(DAV, "cannot-modify-protected-property")}</D:error>`,
    );
    if (others.length > 0) {
      stats += propstat(names(others), "424 Failed Dependency");
    }
  } else {
    const path = parts.join("/");
    for (const { prop, sets } of others) {
      const { space, name } = prop;
      const value = innerXml(prop);
      if (!sets) state.removeProperty(path, space, name);
      else state.setProperty({ path, space, name, value });
      if (sets && space === WINDOWS && name === "Win32LastModifiedTime") {
        const time = parseHttpDate(value);
        if (time !== null) await writer.setTime(parts, time);
      }
    }
    stats = propstat(names(others), "200 OK");
  }
  const href = hrefOf(scope, parts, kind === "directory");
  return {
    status: 207,
    xml: `${XML_HEAD}<D:multistatus xmlns:D="DAV:"><D:response>` +
      `<D:href>${href}</D:href>${stats}</D:response></D:multistatus>`,
  };
}
