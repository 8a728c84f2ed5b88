import {
  AT,
  BYTES,
  count,
  countLimit,
  labelsOf,
  LIMITS,
  METHODS,
  newCounters,
  RequestCounters,
  SECONDS,
  SERIES,
} from "../../src/metrics/counters.ts";
import {
  type CountedThread,
  CountedThreads,
  CounterSums,
} from "../../src/metrics/threads.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

const REQUEST = {
  kind: 0 as 0 | 1 | 2,
  method: "GET",
  status: 200 as number | null,
  secure: false,
  http2: false,
  began: 0,
  received: 0,
  sent: 50,
};

function add(counters: RequestCounters, request: typeof REQUEST): void {
  const { kind, method, status, secure, http2 } = request;
  const { began, received, sent } = request;
  counters.add(kind, method, status, secure, http2, began, received, sent);
}

function addBrief(counters: RequestCounters, began: number, status = 200) {
  counters.add(0, "GET", status, false, false, began, 0, 50, true);
}

function sumsOf(counters: RequestCounters): CounterSums {
  const sums = new CounterSums();
  sums.add(counters.memory);
  return sums;
}

/** All series, with the number of their requests. */
function counted({ series }: CounterSums): Record<string, number> {
  return Object.fromEntries(
    [...series].map(([key, histogram]) => {
      const { kind, method, status, secure, http2 } = labelsOf(key);
      const version = http2 ? 2 : 1;
      const total = histogram.slice(0, -1).reduce((a, b) => a + b);
      return [`${kind} ${method} ${status} ${secure} ${version}`, total];
    }),
  );
}

Deno.test("requests are counted by kind, method, status, scheme and version", () => {
  const counters = new RequestCounters(newCounters());
  add(counters, REQUEST);
  add(counters, REQUEST);
  add(counters, { ...REQUEST, kind: 2, status: 101, secure: true });
  add(counters, { ...REQUEST, method: "QUERY", status: 599, http2: true });
  add(counters, { ...REQUEST, status: null });
  add(counters, REQUEST);
  assertEquals(counted(sumsOf(counters)), {
    "http GET 200 false 1": 3,
    "websocket GET 101 true 1": 1,
    "http QUERY 599 false 2": 1,
    "http GET 0 false 1": 1,
  });
});

Deno.test("a duration is counted in the bucket of the first bound that holds it", () => {
  const counters = new RequestCounters(newCounters());
  const ages = [15, 100, 2000, 60_000];
  for (const age of ages) {
    add(counters, { ...REQUEST, began: Date.now() - age - age / 10 });
  }
  const [histogram] = sumsOf(counters).series.values();
  const filled = [...histogram.slice(0, -1).entries()]
    .flatMap(([at, count]) => count > 0 ? SECONDS[at] ?? Infinity : []);
  assertEquals(filled, [0.025, 0.25, 2.5, Infinity]);
  assert(Math.abs(histogram.at(-1)! - 68.31) < 10);
});

Deno.test("a clock that is set back gives no negative duration", () => {
  const counters = new RequestCounters(newCounters());
  add(counters, { ...REQUEST, began: Date.now() + 1e6 });
  const [histogram] = sumsOf(counters).series.values();
  assertEquals([histogram[0], histogram.at(-1)], [1, 0]);
});

Deno.test("a busy thread times a few of its requests, which stand for the others", () => {
  const counters = new RequestCounters(newCounters());
  const timed = (requests: number) => {
    let count = 0;
    for (let i = 0; i < requests; i++) if (counters.begin() !== 0) count++;
    return count;
  };
  assertEquals(timed(2000), 2000);
  counters.look();
  assertEquals(timed(40_000), 1000); // one in 2000 / 50
  counters.look();
  assertEquals(timed(1600), 2); // one in 40,000 / 50
  counters.look();
  assertEquals(timed(64), 2); // one in 1600 / 50
  // Where few come again, they need not wait for the end of such a stride.
  counters.look();
  assertEquals(timed(10), 10);
  addBrief(counters, Date.now() - 60_000);
  addBrief(counters, 0);
  addBrief(counters, 0, 404);
  const [ok, other] = sumsOf(counters).series.values();
  assertEquals(ok[SECONDS.length], 2);
  assertEquals(other[0], 1); // nothing of its kind was timed so far
});

Deno.test("a request that was not answered at once stands for no other", () => {
  const counters = new RequestCounters(newCounters());
  addBrief(counters, Date.now() + 1e6);
  add(counters, { ...REQUEST, began: Date.now() - 60_000 });
  addBrief(counters, 0);
  add(counters, REQUEST);
  const [histogram] = sumsOf(counters).series.values();
  assertEquals([histogram[0], histogram[SECONDS.length]], [3, 1]);
});

Deno.test("plain answers of a busy thread are counted whole once somebody asks", () => {
  const plain = new RequestCounters(newCounters());
  const each = new RequestCounters(newCounters());
  const began = Date.now() - 60_000;
  const sizes = [0, 1, 100, 101, 5000, 13, 2e9, 13, 13, 13];
  for (let i = 0; i < 1000; i++) {
    const sent = sizes[i % sizes.length];
    const secure = i % 7 === 0;
    const time = i % 16 === 0 ? began - i * 1000 : 0;
    plain.addPlain(secure, time, sent);
    each.add(0, "GET", 200, secure, false, time, 0, sent, true);
    if (i % 50 === 0) plain.look();
  }
  const [waiting, all] = [plain, each].map((counters) => sumsOf(counters));
  assertEquals(counted(waiting), counted(all));
  const of = ({ numbers }: CounterSums) => [...numbers];
  assertEquals(of(waiting), of(all));
  assertEquals(of(sumsOf(plain)), of(all));
});

Deno.test("bodies are counted by their size, those of no bytes too", () => {
  const counters = new RequestCounters(newCounters());
  add(counters, REQUEST);
  add(counters, { ...REQUEST, received: 5000, sent: 2e9 });
  const { numbers } = sumsOf(counters);
  const of = (at: number) => [...numbers.slice(at, at + BYTES.length + 2)];
  assertEquals(of(AT.requestBytes), [1, 0, 1, 0, 0, 0, 0, 0, 0, 5000]);
  assertEquals(of(AT.responseBytes), [1, 0, 0, 0, 0, 0, 0, 0, 1, 2e9 + 50]);
});

Deno.test("no client and no app can add series without end", () => {
  const counters = new RequestCounters(newCounters());
  for (let i = 0; i < 2000; i++) {
    add(counters, { ...REQUEST, method: `M${i}` });
  }
  assertEquals(counted(sumsOf(counters)), { "http _OTHER 200 false 1": 2000 });
  for (const method of METHODS) {
    for (let status = 200; status < 300; status++) {
      add(counters, { ...REQUEST, method, status });
    }
  }
  const sums = sumsOf(counters);
  assertEquals(sums.series.size, SERIES.most);
  const total = Object.values(counted(sums)).reduce((a, b) => a + b);
  assertEquals(total, 2000 + METHODS.length * 100);
});

Deno.test("a status that is none is counted without one", () => {
  const counters = new RequestCounters(newCounters());
  add(counters, { ...REQUEST, status: 999 });
  assertEquals(counted(sumsOf(counters)), { "http GET 0 false 1": 1 });
});

Deno.test("a limit is counted by its option, whatever its value", () => {
  const counters = new RequestCounters(newCounters());
  countLimit("413 --max-body-size is 10");
  countLimit("413 --max-body-size is 20");
  countLimit("421 --allowed-hosts or --proxy-headers can allow it");
  countLimit("websocket 1009");
  countLimit("dropped");
  countLimit("something new");
  countLimit("400 null"); // malformed
  count(AT.cacheHits);
  const { numbers } = sumsOf(counters);
  const of = (name: string) => numbers[AT.limits + LIMITS.indexOf(name)];
  assertEquals(
    [
      "max-body-size",
      "allowed-hosts",
      "max-ws-frame-size",
      "channel-queue",
      "other",
    ].map(of),
    [2, 1, 1, 1, 1],
  );
  assertEquals([numbers[AT.badRequests], numbers[AT.cacheHits]], [1, 1]);
});

Deno.test("what a thread has counted outlives it, and what it had open does not", () => {
  const threads = new CountedThreads();
  const thread = (state: CountedThread["state"]) => ({
    state,
    startedAt: 0,
    seenAt: 0,
    upstreams: [{
      target: "http://a",
      up: true,
      idle: 1,
      active: 2,
      requests: 3,
      failures: 4,
    }],
  });
  const first = thread("serving");
  const one = new RequestCounters(newCounters());
  threads.add(first, one);
  one.started(0);
  add(one, REQUEST);
  const second = new RequestCounters(newCounters());
  threads.add(thread("serving"), second);
  second.started(0);
  add(second, REQUEST);
  const look = () => {
    const now = threads.threads;
    const sums = threads.sums(now);
    return {
      slots: now.map(({ slot }) => slot),
      requests: counted(sums)["http GET 200 false 1"],
      active: sums.numbers[AT.active],
      upstreams: threads.upstreams(now),
    };
  };
  assertEquals(look().slots, [1, 2]);
  assertEquals([look().requests, look().active], [2, 2]);
  first.state = "gone";
  const after = look();
  assertEquals(after.slots, [2]);
  assertEquals([after.requests, after.active], [2, 1]);
  assertEquals(after.upstreams, [{
    target: "http://a",
    up: true,
    idle: 1,
    active: 2,
    requests: 6,
    failures: 8,
  }]);
  threads.add(thread("starting"), { memory: newCounters() });
  assertEquals(look().slots, [2, 1]);
  assert(threads.starts === 3);
});
