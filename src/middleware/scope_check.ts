/**
 * The rules for what an app is called with.
 *
 * @module
 */

import { shown } from "../pagi/event_fields.ts";
import type { Scope } from "../pagi/types.ts";
import { LintError } from "./lint_error.ts";

/**
 * Checks a scope, which a middleware may have changed (PAGI.md 7).
 *
 * @throws {LintError} When something is missing or wrong.
 */
export function checkScope(scope: Scope): void {
  const fields = scope as Readonly<Record<string, unknown>>;
  const types: readonly unknown[] = ["http", "sse", "websocket", "lifespan"];
  if (!types.includes(scope.type)) {
    throw broken("type", scope.type, `type must be ${types.join(", ")}`);
  }
  if (scope.type === "lifespan") return;
  const required = scope.type === "websocket"
    ? ["path", "scheme"]
    : ["method", "path", "scheme"];
  for (const field of required) {
    if (typeof fields[field] === "string") continue;
    throw broken(field, fields[field], `${field} must be a string`);
  }
  const { headers } = fields;
  if (!Array.isArray(headers)) {
    throw broken("headers", headers, "headers must be an array of pairs");
  }
  headers.forEach((pair: unknown, i) => {
    if (isPair(pair) && pair[0] === pair[0].toLowerCase()) return;
    throw broken(
      `headers[${i}]`,
      isPair(pair) ? pair[0] : pair,
      "a header must be an array of a lower-case name and a value",
    );
  });
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 &&
    value.every((part) => typeof part === "string");
}

function broken(field: string, value: unknown, rule: string): LintError {
  return new LintError(
    `The app was called with ${shown(value)} as scope.${field}`,
    rule,
    "PAGI.md 2",
  );
}
