/** The `if` field of WebDAV (RFC 4918, 10.4). */

import { WriteRefused } from "../uploads/refusal.ts";

/** One condition in a list. */
export interface IfCondition {
  readonly not: boolean;
  readonly kind: "token" | "etag";
  readonly value: string;
}

/** Conditions all of which hold, for a resource (null: the request's). */
export interface IfList {
  readonly resource: string | null;
  readonly conditions: readonly IfCondition[];
}

const ITEM = /\s*(?:<([^<>]*)>|\(([^()]*)\))/y;
const CONDITION = /\s*(not\s*)?(?:<([^<>]+)>|\[((?:W\/)?"[^"]*")\])/iy;

/** The lists of the field, of which one has to hold; null without it. */
export function parseIf(field: string | null): IfList[] | null {
  if (field === null) return null;
  const lists: IfList[] = [];
  let resource: string | null = null;
  let at = 0;
  while (at < field.trimEnd().length) {
    ITEM.lastIndex = at;
    const match = ITEM.exec(field);
    if (match === null) throw malformed();
    at = ITEM.lastIndex;
    if (match[1] !== undefined) resource = match[1];
    else lists.push({ resource, conditions: parseList(match[2]) });
  }
  if (lists.length === 0) throw malformed();
  return lists;
}

function parseList(text: string): IfCondition[] {
  const conditions: IfCondition[] = [];
  let at = 0;
  while (at < text.trimEnd().length) {
    CONDITION.lastIndex = at;
    const match = CONDITION.exec(text);
    if (match === null) throw malformed();
    at = CONDITION.lastIndex;
    const [, not, token, etag] = match;
    conditions.push({
      not: not !== undefined,
      kind: token === undefined ? "etag" : "token",
      value: token ?? etag,
    });
  }
  if (conditions.length === 0) throw malformed();
  return conditions;
}

function malformed(): WriteRefused {
  return new WriteRefused(400, "The if field cannot be parsed.");
}
