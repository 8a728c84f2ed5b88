import {
  AT,
  count,
  type CountedRequest,
  CounterSums,
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
} from "../../src/metrics/threads.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

const REQUEST: CountedRequest = {
  kind: "http",
  method: "GET",
  status: 200,
  secure: false,
  http2: false,
  duration: 20,
  received: 0,
  sent: 50,
  reason: null,
};

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
  counters.add(REQUEST);
  counters.add(REQUEST);
  counters.add({ ...REQUEST, kind: "websocket", status: 101, secure: true });
  counters.add({ ...REQUEST, method: "QUERY", status: 599, http2: true });
  counters.add({ ...REQUEST, status: null, reason: "client_closed" });
  counters.addPlain(true, false, 0, 16);
  assertEquals(counted(sumsOf(counters)), {
    "http GET 200 false 1": 3,
    "websocket GET 101 true 1": 1,
    "http QUERY 599 false 2": 1,
    "http GET 0 false 1": 1,
  });
});

Deno.test("a duration is counted in the bucket of the first bound that holds it", () => {
  const counters = new RequestCounters(newCounters());
  for (const duration of [0, 5, 6, 10_000, 10_001]) {
    counters.add({ ...REQUEST, duration });
  }
  const [histogram] = sumsOf(counters).series.values();
  const wanted = SECONDS.map((bound) =>
    bound === 0.005 ? 2 : bound === 0.01 || bound === 10 ? 1 : 0
  );
  assertEquals([...histogram], [...wanted, 1, 20.012]);
});

Deno.test("no client and no app can add series without end", () => {
  const counters = new RequestCounters(newCounters());
  for (let i = 0; i < 2000; i++) {
    counters.add({ ...REQUEST, method: `M${i}` });
  }
  assertEquals(counted(sumsOf(counters)), { "http _OTHER 200 false 1": 2000 });
  for (const method of METHODS) {
    for (let status = 200; status < 300; status++) {
      counters.add({ ...REQUEST, method, status });
    }
  }
  const sums = sumsOf(counters);
  assertEquals(sums.series.size, SERIES.most);
  const total = Object.values(counted(sums)).reduce((a, b) => a + b);
  assertEquals(total, 2000 + METHODS.length * 100);
});

Deno.test("a status that is none is counted without one", () => {
  const counters = new RequestCounters(newCounters());
  counters.add({ ...REQUEST, status: 999 });
  assertEquals(counted(sumsOf(counters)), { "http GET 0 false 1": 1 });
});

Deno.test("a limit is counted by its option, whatever its value", () => {
  const counters = new RequestCounters(newCounters());
  countLimit("413 --max-body-size is 10");
  countLimit("413 --max-body-size is 20");
  countLimit("421 --allowed-hosts or --proxy-headers can allow it");
  countLimit("websocket 1009");
  countLimit("something new");
  countLimit("400 null"); // malformed
  count(AT.cacheHits);
  const { numbers } = sumsOf(counters);
  const of = (name: string) => numbers[AT.limits + LIMITS.indexOf(name)];
  assertEquals(
    ["max-body-size", "allowed-hosts", "max-ws-frame-size", "other"].map(of),
    [2, 1, 1, 1],
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
  threads.add(first, one.memory);
  one.started("http");
  one.add(REQUEST);
  const second = new RequestCounters(newCounters());
  threads.add(thread("serving"), second.memory);
  second.started("http");
  second.add(REQUEST);
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
  threads.add(thread("starting"), newCounters());
  assertEquals(look().slots, [2, 1]);
  assert(threads.starts === 3);
});
