/**
 * What the app Directory loads where its folder can be changed.
 *
 * @module
 */

import type { Receive, Send } from "../../pagi/types.ts";
import type { PageParts } from "../files/page_frame.ts";
import type { RequestScope } from "../reply.ts";
import { pageParts } from "./page_parts.ts";
import { Changes, type ChangeSettings } from "./serve_changes.ts";

/** Serves changes, and has what listings need for them. */
export interface FolderChanges {
  readonly pageParts: PageParts | null;
  serve(scope: RequestScope, receive: Receive, send: Send): Promise<void>;
}

/** Makes what serves changes as `settings` allow. */
export function folderChanges(settings: ChangeSettings): FolderChanges {
  const changes = new Changes(settings);
  return {
    pageParts: pageParts(settings),
    serve: (...request) => changes.serve(...request),
  };
}
