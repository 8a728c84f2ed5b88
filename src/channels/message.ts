/** Names of channels, and the messages that go through them. */

import { quote } from "../options/option_error.ts";

/**
 * Bytes in a message, as JSON or as they are. With what a broker needs beside
 * it, this fits into the `max_payload` that NATS has by default.
 */
export const MAX_MESSAGE_BYTES = 1_000_000;

/** As the design of the protocol has it; none is a wildcard of any broker. */
const CHANNEL_NAME = /^[A-Za-z0-9._:-]{1,100}$/;

const encoder = new TextEncoder();

/** @throws {TypeError} When `name` cannot be the name of a channel. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name === "string" && CHANNEL_NAME.test(name)) return;
  const shown = typeof name === "string" ? quote(name.slice(0, 100)) : name;
  throw new TypeError(
    `${
      String(shown)
    } is not the name of a channel: that has 1 to 100 of the characters A-Z, a-z, 0-9, ".", "_", ":" and "-".`,
  );
}

/** One message, serialized once for all who get it. */
export class Message {
  #value: unknown;

  /**
   * @param body JSON, or the bytes of a binary message.
   * @param exclude Own channels of connections that are not to get it.
   */
  constructor(
    readonly channel: string,
    readonly body: string | Uint8Array,
    readonly exclude: readonly string[] | null,
  ) {}

  /**
   * What was published: frozen, since all subscribers of this thread share it,
   * or a copy of the bytes.
   */
  get value(): unknown {
    if (typeof this.body !== "string") return new Uint8Array(this.body);
    return this.#value ??= freeze(JSON.parse(this.body));
  }

  /** Bytes or UTF-16 units. */
  get size(): number {
    return this.body.length;
  }
}

/**
 * The message that stands for `value` from now on.
 *
 * @throws {TypeError} When it is no JSON value, or the name is none.
 * @throws {RangeError} When it is too large.
 */
export function createMessage(
  channel: string,
  value: unknown,
  exclude: string | readonly string[] | undefined,
): Message {
  checkName(channel);
  const excluded = exclude === undefined ? null : excludedNames(exclude);
  const body = serialize(channel, value);
  const bytes = typeof body === "string" &&
      body.length * 3 > MAX_MESSAGE_BYTES
    ? encoder.encode(body).length
    : body.length;
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new RangeError(
      `A message for the channel ${channel} has ${bytes} bytes; the limit is ${MAX_MESSAGE_BYTES}. Store large data elsewhere, and publish where it is.`,
    );
  }
  return new Message(channel, body, excluded);
}

function excludedNames(exclude: string | readonly string[]): string[] {
  const names = typeof exclude === "string" ? [exclude] : exclude;
  if (!Array.isArray(names)) {
    throw new TypeError(
      `exclude is a pagi.channel, or an array of some, not ${
        Deno.inspect(exclude)
      }.`,
    );
  }
  names.forEach(checkName);
  return [...names];
}

function serialize(channel: string, value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw new TypeError(
      `A message for the channel ${channel} is binary but not a Uint8Array: wrap it, as in new Uint8Array(buffer).`,
    );
  }
  let json: string | undefined;
  let why = `it is ${typeof value}`;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    why = error instanceof Error ? error.message.split("\n")[0] : `${error}`;
  }
  if (json !== undefined) return json;
  throw new TypeError(
    `A message for the channel ${channel} is not a JSON value: ${why}.`,
  );
}

/** Not recursive: JSON may be nested deeper than the stack is. */
function freeze<T>(value: T): T {
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one !== "object" || one === null) continue;
    Object.freeze(one);
    for (const key in one) rest.push((one as Record<string, unknown>)[key]);
  }
  return value;
}
