/**
 * When the input monitor looks at requests, and for how long.
 *
 * @module
 */

import type { Connection, Connections } from "../../src/guard/connections.ts";
import {
  InputMonitor,
  type WatchedRequest,
} from "../../src/guard/input_monitor.ts";
import type { TcpState } from "../../src/guard/sockets.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Milliseconds that a look at a connection takes: a slice ends after four. */
const LOOK = 5 / 16;

/** A request that is watched; `over` once it has its response. */
class FakeRequest implements WatchedRequest {
  over = false;
  readonly peerKey: string;
  readonly info = {};
  readonly age = 60;

  constructor(readonly id: number) {
    this.peerKey = `peer ${id}`;
  }

  get inputBudget(): WatchedRequest["inputBudget"] {
    return this.over ? null : {
      allowed: Infinity,
      epoch: 0,
      overflowReason: "queue_overflow",
      engineReportsEof: false,
    };
  }

  markClose(): void {}
}

/** A monitor of requests, each on a connection of its own. */
class Watch implements Disposable {
  readonly requests: FakeRequest[];
  /** Whose client has disconnected. */
  readonly left = new Set<FakeRequest>();
  /** The requests that the monitor has looked at. */
  looks: FakeRequest[] = [];
  /** Those whose connections it has closed, and why. */
  readonly closed: [FakeRequest, string][] = [];
  readonly monitor: InputMonitor;
  readonly clock = new FakeClock();

  constructor(count: number) {
    this.requests = Array.from({ length: count }, (_, i) => new FakeRequest(i));
    const connections: {
      identify(request: FakeRequest): Connection;
      slots: unknown;
      sockets: unknown;
    } = {
      identify: (request) => request as unknown as Connection,
      slots: { end() {} },
      sockets: {
        shutdownBoth() {},
        tcpState: (request: FakeRequest) => this.#look(request),
      },
    };
    this.monitor = new InputMonitor(connections as unknown as Connections, {
      requests: () => this.requests,
      onClose: (request, reason) =>
        this.closed.push([request as FakeRequest, reason]),
    });
    this.monitor.wake();
  }

  #look(request: FakeRequest): Partial<TcpState> {
    this.looks.push(request);
    this.clock.pass(LOOK);
    return { left: this.left.has(request), received: 0 };
  }

  [Symbol.dispose](): void {
    this.monitor.stop();
    this.clock[Symbol.dispose]();
  }
}

Deno.test("a check of many requests lets others have their turn after each millisecond", async () => {
  using watch = new Watch(10);
  await watch.clock.advance(100);
  assertEquals(watch.looks.length, 4);
  await watch.clock.advance(1);
  assertEquals(watch.looks.length, 8);
  await watch.clock.advance(1);
  assertEquals(watch.looks, watch.requests);
});

Deno.test("clients that have left are told of at the end of a slice, not of the check", async () => {
  using watch = new Watch(10);
  const [first, , , , fifth] = watch.requests;
  watch.left.add(first).add(fifth);
  await watch.clock.advance(100);
  assertEquals(watch.closed, [[first, "client_closed"]]);
  await watch.clock.advance(1);
  assertEquals(watch.closed.slice(1), [[fifth, "client_closed"]]);
});

Deno.test("a request that ends while others are looked at is not looked at", async () => {
  using watch = new Watch(10);
  const last = watch.requests[9];
  watch.left.add(last);
  await watch.clock.advance(100);
  last.over = true;
  await watch.clock.advance(1);
  await watch.clock.advance(1);
  assertEquals(watch.looks, watch.requests.slice(0, 9));
  assertEquals(watch.closed, []);
});

Deno.test("a stop between two slices is the end of the check", async () => {
  using watch = new Watch(10);
  await watch.clock.advance(100);
  watch.monitor.stop();
  await watch.clock.advance(10_000);
  assertEquals(watch.looks.length, 4);
});

Deno.test("checks take a fiftieth of the time, and pauses between slices do not count", async () => {
  using watch = new Watch(100);
  await watch.clock.advance(200);
  assertEquals(watch.looks, watch.requests);
  // The looks took 31 ms, so the next check begins 1.56 s later.
  watch.looks = [];
  await watch.clock.advance(1400);
  assertEquals(watch.looks, []);
  await watch.clock.advance(200);
  assert(watch.looks.length > 0);
});

Deno.test("a monitor that is woken by its own check has one timer, which a stop ends", async () => {
  using clock = new FakeClock();
  let checks = 0;
  const request = { inputBudget: null } as WatchedRequest;
  const monitor = new InputMonitor({} as Connections, {
    requests() {
      checks++;
      // A request may begin to be watched because it is listed.
      monitor.wake();
      return [request];
    },
    onClose() {},
  });
  monitor.wake();
  await clock.advance(1000);
  assertEquals(checks, 2);
  assertEquals(clock.timers, 1);
  monitor.stop();
  assertEquals(clock.timers, 0);
});
