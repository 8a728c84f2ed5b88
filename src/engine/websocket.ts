/**
 * What the engine's WebSocket cannot do by a public API: send pings, pause
 * reading, complete a closing handshake, and pass a handler its messages by one
 * listener.
 */

import { type Timer, timerDelay, unref } from "../std/timer.ts";
import { Door, symbolOf } from "./door.ts";

type Parts = Record<symbol, unknown>;

/**
 * A socket without a connection, to check its parts. The constructor throws
 * because of the URL, but only after it has set them, and a Proxy as prototype
 * gets the object at that moment.
 */
function unopenedSocket(): (WebSocket & Parts) | null {
  let socket: (WebSocket & Parts) | null = null;
  function Unopened(): void {}
  Unopened.prototype = new Proxy(WebSocket.prototype, {
    set(target, name, value, receiver) {
      socket = receiver;
      return Reflect.set(target, name, value, receiver);
    },
  });
  try {
    Reflect.construct(WebSocket, [":"], Unopened);
  } catch {
    // as expected
  }
  return socket && Object.setPrototypeOf(socket, WebSocket.prototype);
}

const PROBE = unopenedSocket() ?? {};
/** The symbol of a part of sockets, or of their prototype; a new one if none. */
function part(name: string, of: object = PROBE): symbol {
  return symbolOf(of, name) ?? Symbol(name);
}

/** Idle timeout that expires at once (s); 0 would switch it off. */
const AT_ONCE = 0.001;
/** Idle timeout that is longer than closing a connection takes (s). */
const BRIEF = 2;
/**
 * Idle timeout that never expires (s). Half of it is the delay of a timer, which
 * must be less than 2^31 ms.
 */
const NEVER = 4_000_000;

const DURATION = part("[[idleTimeout]]");
const TIMER = part("[[idleTimeoutTimeout]]");
const RESTART = part("[[serverHandleIdleTimeout]]", WebSocket.prototype);

const PING = new Door({
  name: "WebSocket ping",
  gives: "websocket.keepalive, and a handler's messages by one listener",
  otherwise:
    "websocket.keepalive is ignored, and a handler's messages take longer",
  source: "denoland/deno#15430",
}, () => isIdleTimeout(PROBE as Parts));

function isIdleTimeout(socket: Parts): boolean {
  return typeof socket[DURATION] === "number" && TIMER in socket &&
    typeof socket[RESTART] === "function";
}

/**
 * Pings a peer at an interval, and detects that it does not respond (PAGI.md
 * 3.4; 8, item 75).
 *
 * Deno has no method for that. It sends a ping after half of the idle timeout, and
 * closes the socket after the other half. The timeout can be set only before the
 * socket opens, but its parts are properties of the socket with symbols as keys.
 * So this class pings by starting a timeout that expires at once, and then makes
 * its second half endless. The engine calls `restart` for each message and pong;
 * it is replaced on this socket, to stop the timer for the response.
 */
export class KeepAlive {
  readonly #socket: Parts;
  /** Starts the engine's timeout. */
  readonly #restart: () => void;
  readonly #onTimeout: () => void;
  #pings: Timer | undefined;
  /** The engine's timer of the last ping; replaced when the ping is sent. */
  #pendingPing: Timer | undefined;
  #deadline: Timer | undefined;

  private constructor(socket: Parts, onTimeout: () => void) {
    this.#socket = socket;
    this.#restart = (socket[RESTART] as () => void).bind(socket);
    this.#onTimeout = onTimeout;
    socket[RESTART] = () => this.#clearDeadline();
  }

  /**
   * @param onTimeout Called when nothing arrives in time after a ping.
   * @returns null while the door is shut.
   */
  static of(socket: WebSocket, onTimeout: () => void): KeepAlive | null {
    const parts = socket as WebSocket & Parts;
    return PING.isOpen && isIdleTimeout(parts)
      ? new KeepAlive(parts, onTimeout)
      : null;
  }

  /**
   * Pings every `interval` seconds (0: never) and waits `timeout` seconds for a
   * pong or message (0: without limit). Replaces what the last call has set.
   */
  set(interval: number, timeout: number): void {
    this.#stop();
    if (interval === 0) return;
    this.#pings = setInterval(() => {
      this.#ping();
      if (timeout === 0) return;
      this.#deadline ??= setTimeout(() => {
        this.#deadline = undefined;
        this.#onTimeout();
      }, timerDelay(timeout));
    }, timerDelay(interval));
  }

  /** Stops. Call it when the socket has closed. */
  end(): void {
    this.#stop();
    // A ping that is still being sent starts one more timer afterwards.
    this.#socket[DURATION] = BRIEF;
  }

  #ping(): void {
    const socket = this.#socket;
    // Pings queue up behind messages: one in the queue is enough.
    const pending = this.#pendingPing;
    if (pending !== undefined && pending === socket[TIMER]) return;
    socket[DURATION] = AT_ONCE;
    this.#restart();
    socket[DURATION] = NEVER;
    this.#pendingPing = socket[TIMER] as Timer | undefined;
  }

  #stop(): void {
    clearInterval(this.#pings);
    clearTimeout(this.#socket[TIMER] as Timer | undefined);
    this.#pendingPing = undefined;
    this.#clearDeadline();
  }

  #clearDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

const STATE = part("[[readyState]]");
const LOOP = part("[[eventLoop]]", WebSocket.prototype);

const PAUSE = new Door({
  name: "WebSocket pause",
  gives: "a peer that waits while the app has --max-receive-queue messages",
  otherwise: "a WebSocket whose queue is full is closed with 1008 at once",
  source: "denoland/deno#14064",
}, () => {
  const probe = PROBE as WebSocket & Parts;
  const before = probe[STATE];
  (probe as Parts)[STATE] = WebSocket.CLOSED;
  const isState = probe.readyState === WebSocket.CLOSED;
  (probe as Parts)[STATE] = before;
  return isState && canPause(probe);
});

function canPause(socket: WebSocket & Parts): boolean {
  return socket[STATE] === socket.readyState &&
    typeof socket[LOOP] === "function";
}

/**
 * How long the app may take nothing from a full queue (ms). An app that awaits a
 * query for each message, or shares a busy machine, must not count as stalled;
 * its peer only waits meanwhile.
 */
const STALL_MS = 1000;

/**
 * Pauses reading from a WebSocket until the app has taken half of a full queue.
 * The engine reads all messages of a burst before the app runs, so a full queue
 * alone does not mean that the app is slow.
 *
 * Deno has no method for that. Its read loop ends when the socket's state is
 * CLOSED, which it checks after each message event; state and loop are properties
 * with symbols as keys. So this class sets the state for that one check, and
 * starts the loop again later.
 */
export class ReadPause {
  readonly #socket: Parts;
  /** Called when the app takes no message for STALL_MS; null for no limit. */
  readonly #onStall: (() => void) | null;
  #paused = false;
  /** The state of the socket, until it is restored. */
  #stateBefore: unknown;
  #taken = false;
  #timer: Timer | undefined;

  private constructor(socket: Parts, onStall: (() => void) | null) {
    this.#socket = socket;
    this.#onStall = onStall;
  }

  /**
   * @param onStall Called when the app takes no message for a second; null if the
   * peer waits for the app without limit.
   * @returns null while the door is shut.
   */
  static of(
    socket: WebSocket,
    onStall: (() => void) | null,
  ): ReadPause | null {
    const parts = socket as WebSocket & Parts;
    return PAUSE.isOpen && canPause(parts)
      ? new ReadPause(parts, onStall)
      : null;
  }

  /** True while reading is stopped. */
  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Stops reading. Call it from a message event.
   *
   * @returns False when the engine has read on since the last call.
   */
  pause(): boolean {
    if (this.#paused) {
      PAUSE.misfit();
      return false;
    }
    this.#paused = true;
    this.#stateBefore = this.#socket[STATE];
    this.#socket[STATE] = WebSocket.CLOSED;
    queueMicrotask(() => this.#restore());
    if (this.#onStall !== null) this.#watch();
    return true;
  }

  /** The app has taken a message. */
  taken(): void {
    this.#taken = true;
  }

  /** Starts reading again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#timer);
    this.#restore();
    // Fails if the socket has closed meanwhile.
    Promise.try(() => (this.#socket[LOOP] as () => unknown)())
      .catch(() => {});
  }

  #restore(): void {
    if (this.#stateBefore === undefined) return;
    this.#socket[STATE] = this.#stateBefore;
    this.#stateBefore = undefined;
  }

  #watch(): void {
    this.#taken = false;
    this.#timer = unref(setTimeout(() => {
      // The app may continue in this turn: check in the next one.
      this.#timer = unref(setTimeout(() => {
        if (this.#taken) this.#watch();
        else this.#onStall!();
      }, 0));
    }, STALL_MS));
  }
}

const ROLE = part("[[role]]");
/** The engine's numbers for the two roles. */
const [SERVER, CLIENT] = [0, 1];

const CLOSE = new Door({
  name: "WebSocket close",
  gives: "a Close that reaches a peer which is just sending",
  otherwise: "a peer which is just sending may miss the code of a Close",
  source: "denoland/deno ext/websocket/01_websocket.js, [[eventLoop]]",
}, () => {
  const probe = PROBE as WebSocket & Parts;
  if (!(ROLE in probe)) return false;
  const mayGoAway = (role: number): boolean => {
    (probe as Parts)[ROLE] = role;
    return !throws(() => probe.close(1001));
  };
  return !mayGoAway(CLIENT) && mayGoAway(SERVER);
});

function throws(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}

/**
 * Makes the engine wait for the peer's Close after one was sent (RFC 6455,
 * section 7.1.2). It does so for clients only: as a server it drops the connection
 * when a message arrives first, often before the Close is sent, so that a peer
 * which is just sending never gets the code. Call it after `close`, which accepts
 * fewer codes from clients.
 */
export function awaitClose(socket: WebSocket): void {
  const parts = socket as WebSocket & Parts;
  if (!CLOSE.isOpen || parts[ROLE] !== SERVER) return;
  (parts as Parts)[ROLE] = CLIENT;
}

/** What gets the messages of a socket, and passes them to `onmessage`. */
export interface MessageOwner extends EventListenerObject {
  /** What the app has set. */
  onmessage: WebSocket["onmessage"];
}

const OWNER = Symbol("owner of messages");
/** The timer until the next ping; the engine replaces it once that is sent. */
const UNTIL_PING = Symbol("until ping");
type OwnedSocket = WebSocket & Parts & { [OWNER]: MessageOwner };
const restartTimeout = Reflect.get(WebSocket.prototype, RESTART);

/** The same for all sockets, which so keep one shape. */
const OWNED = Object.create(WebSocket.prototype, {
  onmessage: {
    configurable: true,
    enumerable: true,
    get(this: OwnedSocket) {
      return this[OWNER].onmessage;
    },
    set(this: OwnedSocket, handler: unknown) {
      this[OWNER].onmessage = typeof handler === "function"
        ? handler as WebSocket["onmessage"]
        : null;
    },
  },
  [RESTART]: {
    configurable: true,
    value(this: OwnedSocket) {
      const timer = this[TIMER];
      if (timer !== undefined && timer === this[UNTIL_PING]) return;
      restartTimeout.call(this);
      this[UNTIL_PING] = this[TIMER];
    },
  },
});

/**
 * Makes `owner` the first listener for messages, in place of `onmessage`: the
 * engine copies and searches its list of listeners for each message that has
 * two. The idle timeout, for which the engine starts a new timer with each
 * message, restarts with the first message or pong after a ping: a busy peer is
 * sent pings as well, and one that is gone is found as soon.
 */
export function ownMessages(socket: WebSocket, owner: MessageOwner): void {
  socket.addEventListener("message", owner);
  if (!PING.isOpen || !isIdleTimeout(socket as WebSocket & Parts)) return;
  const owned = socket as OwnedSocket;
  owned[OWNER] = owner;
  owned[UNTIL_PING] = undefined;
  Object.setPrototypeOf(socket, OWNED);
}
