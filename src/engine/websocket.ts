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
 * A socket to look at, made without a connection. The constructor throws because
 * of the address, but only after it has set the socket's parts, and its prototype
 * sees that happen.
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
/** The symbol of a part of sockets, or of their prototype. */
function part(name: string, of: object = PROBE): symbol {
  return symbolOf(of, name) ?? Symbol(name);
}

/** An idle timeout in seconds that expires at once; 0 would switch it off. */
const AT_ONCE = 0.001;
/** An idle timeout in seconds that outlasts the closing of a connection. */
const BRIEF = 2;
/**
 * An idle timeout in seconds that no connection sees expire. A timer of Deno
 * cannot wait for much longer (2^31 ms for half of it).
 */
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

/** The parts of the engine's idle timeout. */
interface IdleTimeout {
  duration: number;
  timer: Timer | undefined;
  /** Starts the timeout again. */
  restart: () => void;
}

/**
 * Pings a peer at an interval, and notices when it does not answer (PAGI.md
 * 3.4; 8, item 75).
 *
 * Deno has no method for that. It pings by itself after half of the idle
 * timeout, and closes the socket after the other half. The timeout can be chosen
 * only before the socket opens, but its parts hang on the socket under symbols.
 * So this class pings by starting a timeout that has nearly expired and then
 * making its second half endless. The engine calls `restart` for each message
 * and pong; replaced on this one socket, it reports that the peer is there.
 */
export class KeepAlive {
  readonly #idle: IdleTimeout;
  readonly #restart: () => void;
  readonly #onTimeout: () => void;
  #pings: Timer | undefined;
  /** The engine's timer for the last ping; it starts another one once sent. */
  #pendingPing: Timer | undefined;
  #deadline: Timer | undefined;

  private constructor(idle: IdleTimeout, onTimeout: () => void) {
    this.#idle = idle;
    this.#restart = idle.restart;
    this.#onTimeout = onTimeout;
    idle.restart = () => this.#clearDeadline();
  }

  /**
   * @param onTimeout Called when nothing comes in time after a ping.
   * @returns null where this Deno cannot do it.
   */
  static of(socket: WebSocket, onTimeout: () => void): KeepAlive | null {
    const idle = idleTimeoutOf(socket as WebSocket & Parts);
    return idle && new KeepAlive(idle, onTimeout);
  }

  /**
   * Pings every `interval` seconds and waits `timeout` seconds for an answer;
   * 0 means never, and for ever. The latest call holds.
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

  /** Stops; to be called when the socket has closed. */
  end(): void {
    this.#stop();
    // A ping that is still being sent starts one more timer afterwards.
    this.#idle.duration = BRIEF;
  }

  #ping(): void {
    const idle = this.#idle;
    // Pings queue up behind messages: one in the queue is enough.
    if (this.#pendingPing !== undefined && this.#pendingPing === idle.timer) {
      return;
    }
    idle.duration = AT_ONCE;
    this.#restart();
    idle.duration = NEVER;
    this.#pendingPing = idle.timer;
  }

  #stop(): void {
    clearInterval(this.#pings);
    clearTimeout(this.#idle.timer);
    this.#pendingPing = undefined;
    this.#clearDeadline();
  }

  #clearDeadline(): void {
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
 * How long the app may leave a full queue untouched, in milliseconds. An app
 * that reads as fast as it can takes a message in each turn of the event loop.
 */
const STALL_MS = 50;

/**
 * Stops reading from one WebSocket until the app has taken half of a full
 * queue. The engine reads all messages of a burst before the app gets a turn, so
 * a full queue alone does not mean that the app is slow.
 *
 * Deno has no method for that. Its read loop ends when the socket's state is
 * CLOSED, which it checks right after each message event; state and loop hang
 * on the socket under symbols. So this class changes the state for that one
 * check, and starts the loop again later.
 */
export class ReadPause {
  readonly #socket: Parts;
  /** Called when the app takes no message for STALL_MS; null if it may. */
  readonly #onStall: (() => void) | null;
  #paused = false;
  /** The socket's own state, until it is put back. */
  #stateBefore: unknown;
  #taken = false;
  #timer: Timer | undefined;

  private constructor(socket: Parts, onStall: (() => void) | null) {
    this.#socket = socket;
    this.#onStall = onStall;
  }

  /**
   * @param onStall Called when the app takes no message for some time; null
   * if the peer is to wait for the app, however long that takes.
   * @returns null where this Deno cannot do it.
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
   * Stops reading; to be called from the event of a message.
   *
   * @returns False when the engine has gone on reading since the last call.
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
    // A socket that has closed meanwhile cannot be read.
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
      // Whatever the app awaits may have resolved in this turn.
      this.#timer = unref(setTimeout(() => {
        if (this.#taken) this.#watch();
        else this.#onStall!();
      }, 0));
    }, STALL_MS));
  }
}

const ROLE = part("[[role]]");
/** The engine's numbers for the two ends of a connection. */
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
 * section 7.1.2). By itself it does so for clients only: it drops a server's
 * connection when a message comes first, often before the Close has left, so
 * that a peer which is just sending never learns the code. To be called after
 * `close`, which accepts fewer codes from clients.
 */
export function awaitClose(socket: WebSocket): void {
  const parts = socket as WebSocket & Parts;
  if (!CLOSE.isOpen || parts[ROLE] !== SERVER) return;
  (parts as Parts)[ROLE] = CLIENT;
}
