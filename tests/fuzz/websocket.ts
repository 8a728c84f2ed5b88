/**
 * Fuzzes the frames of WebSocket clients.
 *
 * @module
 */

import type { PagiApp } from "../../src/pagi/types.ts";
import { frameBytes, UPGRADE } from "../helpers/raw_websocket.ts";
import { FuzzServer, holdScope } from "./fuzz_server.ts";
import { hostileText } from "./hostile.ts";
import type { Random } from "./random.ts";
import { readFrames } from "./read_frames.ts";
import { Finding, hold, type Target } from "./target.ts";
import {
  fromBytes,
  RawConnection,
  toBytes,
} from "../helpers/raw_connection.ts";
import { nextResponse } from "./read_responses.ts";

const HANDSHAKE = `GET / HTTP/1.1\r\nhost: x\r\n${
  UPGRADE.join("\r\n")
}\r\n\r\n`;
const LIMIT = 2000;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What an app received on one connection; texts as text, bytes as bytes. */
interface Heard {
  readonly messages: (string | Uint8Array)[];
  readonly end: PromiseWithResolvers<{ code: number; reason: string }>;
}

/** The app gets what was sent, whole and valid, and is told how it ended. */
export const webSocket: Target = {
  name: "websocket",
  share: 80,
  async open() {
    const connections = new Map<number, Heard>();
    const server = await FuzzServer.start(listener(connections), {
      maxWsFrameSize: LIMIT,
    });
    return {
      parallel: 32,
      round: (random) => converse(random, server.port, connections),
      close: () => server.stop(),
    };
  },
};

function listener(connections: Map<number, Heard>): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type !== "websocket") throw new Error("Only WebSockets.");
    holdScope(scope);
    const { messages, end } = connections.get(scope.client![1])!;
    await send({ type: "websocket.accept" });
    while (true) {
      const event = await receive();
      if (event.type === "websocket.receive") {
        messages.push(event.text ?? event.bytes);
      } else if (event.type === "websocket.disconnect") {
        return end.resolve(event);
      }
    }
  };
}

/** What a run of frames must lead to. */
interface Expected {
  readonly messages: (string | Uint8Array)[];
  /** Codes that the app may be told. */
  codes: readonly number[];
  /** True once nothing counts any more. */
  ended: boolean;
}

async function converse(
  random: Random,
  port: number,
  connections: Map<number, Heard>,
): Promise<number> {
  const { bytes, expected, count } = conversation(random);
  using wire = await RawConnection.open(port);
  const heard: Heard = { messages: [], end: Promise.withResolvers() };
  connections.set(wire.port, heard);
  try {
    await wire.trySend(HANDSHAKE);
    const response = await nextResponse(wire, "GET");
    hold(response?.status === 101, () => `no WebSocket: ${response?.status}`);
    for (const part of bytes) await wire.trySend(part);
    if (!expected.ended) wire.endSending();
    await readFrames(wire);
    const { code, reason } = await heard.end.promise;
    const told = () =>
      `${Deno.inspect({ code, reason, ...heard })} for ${
        Deno.inspect(expected)
      }`;
    hold(expected.codes.includes(code), told);
    hold(sameMessages(heard.messages, expected.messages), told);
    return count;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    throw new Finding(
      `${error.message}; sent: ${JSON.stringify(bytes.map(fromBytes))}`,
    );
  } finally {
    connections.delete(wire.port);
  }
}

function sameMessages(a: Heard["messages"], b: Heard["messages"]): boolean {
  return a.length === b.length && a.every((message, i) => {
    const other = b[i];
    return typeof message === "string" || typeof other === "string"
      ? message === other
      : fromBytes(message) === fromBytes(other);
  });
}

/** Frames, and what RFC 6455 and PAGI.md 3.4 make of them. */
function conversation(random: Random): {
  bytes: Uint8Array<ArrayBuffer>[];
  expected: Expected;
  count: number;
} {
  const bytes: Uint8Array<ArrayBuffer>[] = [];
  const expected: Expected = { messages: [], codes: [1006], ended: false };
  const end = (...codes: number[]) => {
    expected.ended = true;
    expected.codes = codes;
  };
  const frame = (...args: Parameters<typeof frameBytes>) =>
    bytes.push(frameBytes(...args));
  const steps = 1 + random.below(12);
  for (let i = 0; i < steps && !expected.ended; i++) {
    const kind = random.below(20);
    if (kind < 8) {
      const text = random.once(2);
      const payload = text
        ? new TextEncoder().encode(hostileText(random, 30))
        : random.bytes(1000);
      if (payload.length > LIMIT) end(1009);
      else {
        expected.messages.push(text ? UTF8.decode(payload) : payload);
      }
      fragments(random, text ? 1 : 2, payload, frame);
    } else if (kind < 11) {
      frame(random.pick([9, 10]), random.bytes(125));
    } else if (kind < 12) {
      frame(8, closePayload(random, end));
    } else if (kind < 13) {
      frame(1, "x", { reserved: 1 + random.below(7) });
      end(1002);
    } else if (kind < 14) {
      frame(random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), "x");
      end(1002);
    } else if (kind < 15) {
      frame(
        1,
        toBytes(random.pick(["\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"])),
      );
      end(1007);
    } else if (kind < 16) {
      // The engine lets a pong be of any length, and forgets it.
      frame(random.pick([8, 9]), new Uint8Array(126 + random.below(100)));
      end(1002);
    } else if (kind < 17) {
      frame(random.pick([9, 8]), "x", { fin: false });
      end(1002);
    } else if (kind < 18) {
      frame(0, "no beginning");
      end(1002);
    } else if (kind < 19) {
      frame(1, "a", { fin: false });
      frame(2, "b");
      end(1002);
    } else {
      // Cut off in the middle of a frame, where the peer leaves.
      const whole = frameBytes(2, random.bytes(300));
      bytes.push(whole.slice(0, 1 + random.below(whole.length - 1)));
      return { bytes, expected, count: i + 1 };
    }
  }
  return { bytes, expected, count: steps };
}

function fragments(
  random: Random,
  opcode: number,
  payload: Uint8Array,
  frame: (...args: Parameters<typeof frameBytes>) => void,
): void {
  let rest = payload;
  while (random.once(3)) {
    const size = random.below(rest.length + 1);
    frame(opcode, rest.subarray(0, size), { fin: false });
    rest = rest.subarray(size);
    opcode = 0;
    if (random.once(3)) frame(9, "between");
  }
  frame(opcode, rest);
}

function closePayload(
  random: Random,
  end: (...codes: number[]) => void,
): Uint8Array {
  const payload = (code: number, reason: string) =>
    toBytes(String.fromCharCode(code >> 8, code & 255) + reason);
  const good = random.pick([1000, 1001, 1003, 1007, 1011, 3000, 4999]);
  const bad = random.pick([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535]);
  switch (random.below(5)) {
    case 0:
      end(1005);
      return new Uint8Array();
    case 1:
      end(1002);
      return toBytes("x");
    case 2:
      end(1002);
      return payload(bad, "");
    case 3:
      end(1007);
      return payload(good, "\xff");
    default:
      end(good);
      return payload(good, random.text(["a", " ", "\xc3\xa9"], 20));
  }
}
