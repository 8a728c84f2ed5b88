/**
 * What the engine's WebSocket hides: pings, a pause in reading, and the end of
 * a closing handshake.
 *
 * @module
 */

import { type Timer, timerDelay, unref } from "../std/timer.ts";
import { Door, symbolOf } from "./door.ts";

type Parts = Record<symbol, unknown>;

/**
 * A socket that never opens, made to be looked at: the constructor throws, of
 * the address, when it has made the object, which its prototype gets to see.
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
/** Where a socket, or the prototype of all, has a part of that name. */
function part(name: string, of: object = PROBE): symbol {
  return symbolOf(of, name) ?? Symbol(name);
}

/** An idle timeout, in seconds, that ends at once; 0 would switch it off. */
const AT_ONCE = 0.001;
/** One that outlasts the last moments of a connection. */
const BRIEF = 2;
/** One that is never seen to end; a timer cannot wait for much longer. */
const NEVER = 4_000_000;

const DURATION = part("[[idleTimeout]]");
const TIMER = part("[[idleTimeoutTimeout]]");
const RESTART = part("[[serverHandleIdleTimeout]]", WebSocket.prototype);

const PING = new Door({
  name: "WebSocket ping",
  gives: "pings at an interval: websocket.keepalive",
  otherwise: "websocket.keepalive is ignored",
  source: "denoland/deno#15430",
}, () => isIdleTimeout(PROBE as Parts));

function isIdleTimeout(socket: Parts): boolean {
  return typeof socket[DURATION] === "number" && TIMER in socket &&
    typeof socket[RESTART] === "function";
}

/** What the engine's socket holds under symbols. */
interface IdleTimeout {
  duration: number;
  timer: Timer | undefined;
  /** Starts the time anew; the engine calls it for each message and pong. */
  restart: () => void;
}

/**
 * Pings a peer at an interval, and notices when it does not answer (PAGI.md
 * 3.4; 8, item 75).
 *
 * The engine offers no ping. It sends one by itself after half of the idle
 * timeout, and would close the socket after the other half. It lets the
 * timeout be chosen only before the socket opens, but the socket holds all of
 * it under symbols. So a ping is sent by starting a time that is nearly over
 * and making the rest of it endless; and `restart`, replaced on this one
 * socket, tells when something comes.
 */
export class KeepAlive {
  readonly #idle: IdleTimeout;
  readonly #restart: () => void;
  readonly #onSilence: () => void;
  #pings: Timer | undefined;
  /** The engine's timer of the last ping; it has another once that has left. */
  #leaving: Timer | undefined;
  #deadline: Timer | undefined;

  private constructor(idle: IdleTimeout, onSilence: () => void) {
    this.#idle = idle;
    this.#restart = idle.restart;
    this.#onSilence = onSilence;
    idle.restart = () => this.#heard();
  }

  /**
   * @param onSilence Called when nothing comes in time after a ping.
   * @returns null where the engine hides how to ping.
   */
  static of(socket: WebSocket, onSilence: () => void): KeepAlive | null {
    const idle = idleTimeoutOf(socket as WebSocket & Parts);
    return idle && new KeepAlive(idle, onSilence);
  }

  /**
   * Pings every `interval` seconds and waits `timeout` seconds for an answer;
   * 0 means never, and for ever. The latest call holds.
   */
  set(interval: number, timeout: number): void {
    this.#rest();
    if (interval === 0) return;
    this.#pings = setInterval(() => {
      this.#ping();
      if (timeout === 0) return;
      this.#deadline ??= setTimeout(() => {
        this.#deadline = undefined;
        this.#onSilence();
      }, timerDelay(timeout));
    }, timerDelay(interval));
  }

  /** The socket is at its end. */
  end(): void {
    this.#rest();
    // A ping may still be on its way out; what it starts is not to last.
    this.#idle.duration = BRIEF;
  }

  #ping(): void {
    const idle = this.#idle;
    // Pings wait behind messages: one that waits is enough.
    if (this.#leaving !== undefined && this.#leaving === idle.timer) return;
    idle.duration = AT_ONCE;
    this.#restart();
    idle.duration = NEVER;
    this.#leaving = idle.timer;
  }

  #rest(): void {
    clearInterval(this.#pings);
    clearTimeout(this.#idle.timer);
    this.#leaving = undefined;
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

/** The idle timeout of `socket`, or null where it cannot be found. */
function idleTimeoutOf(socket: WebSocket & Parts): IdleTimeout | null {
  if (!PING.isOpen || !isIdleTimeout(socket)) return null;
  return {
    set duration(seconds: number) {
      (socket as Parts)[DURATION] = seconds;
    },
    get timer() {
      return socket[TIMER] as Timer | undefined;
    },
    get restart() {
      return (socket[RESTART] as () => void).bind(socket);
    },
    set restart(replacement) {
      (socket as Parts)[RESTART] = replacement;
    },
  };
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
 * For how long the app may take no message of a full queue, in milliseconds.
 * An app that reads as fast as it can takes one in each turn that it gets.
 */
const STALL_MS = 50;

/**
 * Has the engine read no more of one WebSocket until the app has taken half of
 * a full queue. All messages of a burst are read at once, before the app gets
 * a turn to take any, so that a full queue alone tells nothing of the app.
 *
 * The engine offers no pause. Its loop over what comes ends where it finds the
 * socket closed, and looks for that right after it has told of a message; both
 * the state and the loop can be reached under symbols. So the state is changed
 * for that one look, and the loop started anew later.
 */
export class FullQueue {
  readonly #socket: Parts;
  /** Called when the app stalls; null where it may. */
  readonly #onStall: (() => void) | null;
  #paused = false;
  /** What the state is to be again. */
  #stateBefore: unknown;
  #taken = false;
  #timer: Timer | undefined;

  private constructor(socket: Parts, onStall: (() => void) | null) {
    this.#socket = socket;
    this.#onStall = onStall;
  }

  /**
   * @param onStall Called when the app takes no message for some time; null
   * where the peer is to wait for the app, however long that takes.
   * @returns null where the engine hides how to pause.
   */
  static of(
    socket: WebSocket,
    onStall: (() => void) | null,
  ): FullQueue | null {
    const parts = socket as WebSocket & Parts;
    return PAUSE.isOpen && canPause(parts)
      ? new FullQueue(parts, onStall)
      : null;
  }

  /** True while nothing is read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Reads no more; to be called while the engine tells of a message. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stateBefore = this.#socket[STATE];
    this.#socket[STATE] = WebSocket.CLOSED;
    queueMicrotask(() => this.#restore());
    if (this.#onStall !== null) this.#watch();
  }

  /** The app has taken a message. */
  taken(): void {
    this.#taken = true;
  }

  /** Reads on. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#timer);
    this.#restore();
    // A socket that ended meanwhile cannot be read.
    (this.#socket[LOOP] as () => Promise<void>)().catch(() => {});
  }

  #restore(): void {
    if (this.#stateBefore === undefined) return;
    this.#socket[STATE] = this.#stateBefore;
    this.#stateBefore = undefined;
  }

  #watch(): void {
    this.#taken = false;
    this.#timer = unref(setTimeout(() => {
      // What the app waits for may have come in this very turn.
      this.#timer = unref(setTimeout(() => {
        if (this.#taken) this.#watch();
        else this.#onStall!();
      }, 0));
    }, STALL_MS));
  }
}

const ROLE = part("[[role]]");
/** The engine's marks of the two ends. */
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
 * Has the engine wait for the peer's Close after one was sent, as RFC 6455,
 * section 7.1.2 says. By itself it does so for clients only: a server's
 * connection is dropped when a message comes first, often before the Close has
 * left, so that a peer that is just sending would never learn the code. To be
 * called after `close`, which takes fewer codes from clients.
 */
export function awaitClose(socket: WebSocket): void {
  const parts = socket as WebSocket & Parts;
  if (!CLOSE.isOpen || parts[ROLE] !== SERVER) return;
  (parts as Parts)[ROLE] = CLIENT;
}
