/** The assertions of `@std/assert` that the tests use. */

export class AssertionError extends Error {}
export function assert(condition: unknown, message?: string): asserts condition;
export function assertEquals<T>(actual: T, expected: T, message?: string): void;
export function assertNotEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export function assertGreater<T>(actual: T, low: T, message?: string): void;
export function assertGreaterOrEqual<T>(
  actual: T,
  low: T,
  message?: string,
): void;
export function assertLess<T>(actual: T, high: T, message?: string): void;
export function assertLessOrEqual<T>(
  actual: T,
  high: T,
  message?: string,
): void;
export function assertMatch(
  actual: string,
  pattern: RegExp,
  message?: string,
): void;
export function assertNotMatch(
  actual: string,
  pattern: RegExp,
  message?: string,
): void;
export function assertStringIncludes(
  actual: string,
  expected: string,
  message?: string,
): void;
export function assertThrows<E extends Error = Error>(
  body: () => unknown,
  // deno-lint-ignore no-explicit-any -- any constructor of an error will do
  errorClass?: new (...args: any[]) => E,
  messageIncludes?: string,
  message?: string,
): E;
export function assertRejects<E extends Error = Error>(
  body: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any -- any constructor of an error will do
  errorClass?: new (...args: any[]) => E,
  messageIncludes?: string,
  message?: string,
): Promise<E>;
export function fail(message?: string): never;
