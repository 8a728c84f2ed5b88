/**
 * Forms that change a served folder: files (`multipart/form-data`), and the
 * buttons of a listing (`application/x-www-form-urlencoded`).
 */

import { fieldValue } from "../../http/headers.ts";
import { namesType } from "../../http/negotiation.ts";
import { quote } from "../../options/option_error.ts";
import { raiseBodyLimit } from "../../pagi/body_limit.ts";
import type { Receive } from "../../pagi/types.ts";
import { RequestReader } from "../disconnect.ts";
import { locationOf, pathParts } from "../files/request_path.ts";
import type { RequestScope } from "../reply.ts";
import { boundaryOf, readParts } from "./multipart.ts";
import { type Answer, WriteRefused } from "./refusal.ts";
import type {
  Parts,
  StoredFile,
  TreeWriter,
  WriteSettings,
} from "./tree_writer.ts";

/** Bytes of a form without files, and of a value beside files. */
const MAX_FORM = 64 * 1024;
const MAX_VALUE = 1 << 20;

/** The folder that a form changes. */
export interface FormTarget {
  readonly writer: TreeWriter;
  readonly settings: WriteSettings & { readonly showHidden: boolean };
  assertMayReplace(scope: RequestScope, ...paths: Parts[]): Promise<void>;
  store(
    scope: RequestScope,
    parts: Parts,
    body: AsyncIterable<Uint8Array>,
  ): Promise<StoredFile>;
  makeFolder(scope: RequestScope, parts: Parts): Promise<void>;
  move(
    scope: RequestScope,
    from: Parts,
    to: Parts,
    replace: boolean,
  ): Promise<boolean>;
  remove(scope: RequestScope, parts: Parts): Promise<void>;
}

/** Carries out a form: files to store, or a field `action` and its values. */
export async function serveForm(
  target: FormTarget,
  scope: RequestScope,
  receive: Receive,
  parts: Parts,
): Promise<Answer> {
  const type = fieldValue(scope.headers, "content-type");
  const boundary = boundaryOf(type);
  if (boundary !== null) {
    return await storeFiles(target, scope, receive, parts, boundary);
  }
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(type ?? "")) {
    throw new WriteRefused(
      415,
      "Send files as multipart/form-data, or one file by PUT.",
    );
  }
  const form = await readForm(new RequestReader(receive));
  const pathIn = (key: string) =>
    pathBelow(parts, form.get(key) ?? "", target.settings.showHidden);
  switch (form.get("action")) {
    case "mkdir": {
      const path = pathIn("name");
      await target.assertMayReplace(scope, path);
      await target.makeFolder(scope, path);
      break;
    }
    case "rename": {
      const [from, to] = [pathIn("name"), pathIn("to")];
      await target.assertMayReplace(scope, from, to);
      await target.move(scope, from, to, false);
      break;
    }
    case "delete": {
      const path = pathIn("name");
      await target.assertMayReplace(scope, path);
      await target.remove(scope, path);
      break;
    }
    default:
      throw new WriteRefused(400, "The form does not name an action.");
  }
  return seeFolder(scope, parts);
}

async function storeFiles(
  target: FormTarget,
  scope: RequestScope,
  receive: Receive,
  parts: Parts,
  boundary: string,
): Promise<Answer> {
  const { writer, settings: { upload, mkdir, showHidden } } = target;
  if (!upload) await writer.assertTaken([...parts, "file"], null);
  // Each file has a limit of its own; only their number bounds the body.
  raiseBodyLimit(scope, 0);
  const reader = new RequestReader(receive);
  const next = async () => reader.complete ? null : await reader.next();
  const stored: Parts[] = [];
  try {
    for await (const part of readParts(boundary, next)) {
      if (part.fileName === null) {
        await skipValue(part.body);
        continue;
      }
      // A field in which no file was chosen.
      if (part.fileName === "") continue;
      const path = pathBelow(parts, part.fileName, showHidden);
      await target.assertMayReplace(scope, path);
      if (mkdir) await writer.makeFoldersTo(path);
      await writer.assertTaken(path, null);
      stored.push((await target.store(scope, path, part.body)).parts);
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

/** The path of a name in a form, which may have folders in front. */
function pathBelow(parts: Parts, name: string, showHidden: boolean): Parts {
  const below = pathParts(name, showHidden);
  if (typeof below === "number" || below.length === 0) {
    throw new WriteRefused(400, `${quote(name)} cannot be a name here.`);
  }
  return [...parts, ...below];
}

async function readForm(reader: RequestReader): Promise<URLSearchParams> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of reader.chunks()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_FORM) {
      throw new WriteRefused(413, `A form may have up to ${MAX_FORM} bytes.`);
    }
  }
  return new URLSearchParams(text);
}

/** Reads past a value among files, which has no meaning here. */
async function skipValue(body: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_VALUE) {
      throw new WriteRefused(413, "A value in the form is too long.");
    }
  }
}

/** Sends a browser back to the folder, and other clients what was stored. */
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
