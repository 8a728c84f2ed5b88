/**
 * PROPPATCH: sets and removes properties (RFC 4918, 9.2). Values are kept as
 * clients send them, as long as the process runs; a modification time set by
 * Windows is also set on the file.
 */

import { parseHttpDate } from "../../http/etags.ts";
import type { RequestScope } from "../reply.ts";
import { type Answer, WriteRefused } from "../uploads/refusal.ts";
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

/** Changes all properties that the body names, or none. */
export function patchProperties(
  scope: RequestScope,
  writer: TreeWriter,
  state: DavState,
  parts: Parts,
  body: XmlElement | null,
): Answer {
  if (body === null || body.space !== DAV || body.name !== "propertyupdate") {
    throw new WriteRefused(400, "The body is not a valid PROPPATCH.");
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
  const { refused = [], others = [] } = Object.groupBy(
    changes,
    ({ prop }) =>
      prop.space === DAV || innerXml(prop).length > MAX_VALUE
        ? "refused"
        : "others",
  );
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
    const values = others.map(({ prop, sets }) => ({
      space: prop.space,
      name: prop.name,
      value: sets ? innerXml(prop) : null,
    }));
    const modified = values.findLast(({ space, name, value }) =>
      space === WINDOWS && name === "Win32LastModifiedTime" && value !== null
    );
    const time = parseHttpDate(modified?.value ?? "");
    state.changeProperties(parts.join("/"), values, () => {
      if (time !== null) writer.setTime(parts, time);
    });
    stats = propstat(names(others), "200 OK");
  }
  const href = hrefOf(scope, parts, kind === "directory");
  return {
    status: 207,
    xml: `${XML_HEAD}<D:multistatus xmlns:D="DAV:"><D:response>` +
      `<D:href>${href}</D:href>${stats}</D:response></D:multistatus>`,
  };
}
