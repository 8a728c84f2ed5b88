import { assert, assertEquals } from "../../../src/std/assert.ts";
import { addressName, peerKey } from "../../../src/guard/address.ts";
import { Admission } from "../../../src/guard/admission.ts";
import { Slots } from "../../../src/guard/slots.ts";
import { Connections } from "../../../src/guard/connections.ts";
import { openLibc, Sockets } from "../../../src/guard/sockets.ts";
import {
  countDescriptors,
  releaseDescriptors,
  reserveDescriptors,
} from "../../../src/system/descriptor_budget.ts";

Deno.test("threads that share slots let in as many connections as there are slots", async () => {
  using house = new House({ limit: 4 });
  const [a, b] = [house.thread(), house.thread()];
  assertEquals(a.admission.scan(), 0);
  const clients = await house.connect(4);
  assert(a.slots.takeFreeBudget());
  assert(b.slots.takeFreeBudget());
  assert(!a.slots.takeFreeBudget());
  // Both see all four, and that there was room for them.
  for (const client of clients) {
    assert(a.admission.admit(client));
    assert(b.admission.admit(client));
  }
  const [fifth] = await house.connect(1);
  assert(!a.admission.admit(fifth));
  assert(!b.admission.admit(fifth));
  for (const client of clients) assert(b.admission.admit(client));
  // A slot that becomes free serves all threads.
  house.leave();
  assertEquals(b.admission.scan(), 4);
  assert(a.admission.admit(fifth));
});

Deno.test("slots are kept for those that another thread has let in and not answered yet", async () => {
  using house = new House({ limit: 4 });
  const [a, b] = [house.thread(), house.thread()];
  a.admission.scan();
  for (let i = 0; i < 2; i++) {
    assert(a.slots.takeFreeBudget());
    assert(a.slots.takeFreeSlot());
  }
  const clients = await house.connect(6);
  const latest = clients.slice(2);
  for (const client of clients) assert(!b.admission.admit(client));
  // Whom this thread has let in has a slot as soon as it looks.
  a.running.push(...latest.map(({ peerKey }) => peerKey));
  a.admission.scan();
  for (const client of latest) assert(b.admission.admit(client));
  for (const client of clients.slice(0, 2)) {
    assert(!a.admission.admit(client));
  }
});

Deno.test("the limit leaves room for descriptors that are open for other things", () => {
  using house = new House({ limit: 1000, descriptors: 400 });
  const { admission, sockets } = house.thread();
  admission.scan();
  const before = admission.limit;
  // A few of them are for files; see `SPARE`.
  assertNear(before, 400 - 18 - sockets.descriptors().length);
  using files = new DisposableStack();
  for (let i = 0; i < 20; i++) files.use(Deno.openSync("/dev/null"));
  admission.scan();
  assertNear(admission.limit, before - 20);
});

Deno.test("descriptors are reserved until few are left", () => {
  using house = new House({ limit: 1, descriptors: 400 });
  const { admission, sockets } = house.thread();
  admission.scan();
  const room = 400 - 18 - sockets.descriptors().length;
  let reserved = 0;
  while (reserveDescriptors(1)) reserved++;
  // The rest is for the connection, and for the engine: 1 and 400 / 32.
  assertNear(reserved, room + 18 - 1 - 12);
  using files = new DisposableStack();
  for (let i = 0; i < 20; i++) files.use(Deno.openSync("/dev/null"));
  assert(!reserveDescriptors(4)); // these are reserved already
  releaseDescriptors(reserved);
  assert(reserveDescriptors(reserved - 24));
  releaseDescriptors(reserved - 24);
});

Deno.test({
  name: "while half of what is allowed is free, requests go on without a scan",
  ignore: countDescriptors() === null, // before Linux 6.2
  fn() {
    using house = new House({ limit: 400, descriptors: 1000 });
    const { admission, slots, connections, sockets } = house.thread();
    admission.scan();
    const { scans } = connections;
    for (let i = 0; i < 10; i++) {
      while (slots.takeFreeBudget()) continue;
      assert(admission.renew());
    }
    assertEquals(connections.scans, scans);
    let granted = 0;
    while (slots.takeFreeBudget()) granted++;
    // Half of it is for those that are admitted by their connection.
    assertNear(granted, (400 - sockets.descriptors().length) / 2);
  },
});

Deno.test({
  name: "what is opened while a thread waits for its turn is counted as well",
  ignore: countDescriptors() === null, // before Linux 6.2
  fn() {
    using files = new DisposableStack();
    using house = new House({ limit: 400 });
    const { admission, slots, sockets } = house.thread();
    admission.scan();
    while (slots.takeFreeBudget()) continue;
    const { beginScan } = slots;
    slots.beginScan = () => {
      for (let i = 0; i < 200; i++) files.use(Deno.openSync("/dev/null"));
      return beginScan.call(slots);
    };
    assert(admission.renew());
    let granted = 0;
    while (slots.takeFreeBudget()) granted++;
    assertNear(granted, (400 - sockets.descriptors().length) / 2);
  },
});

Deno.test("when less than half is free, only a scan admits", () => {
  using files = new DisposableStack();
  for (let i = 0; i < 20; i++) files.use(Deno.openSync("/dev/null"));
  using house = new House({ limit: 40 });
  const { admission, slots } = house.thread();
  admission.scan();
  while (slots.takeFreeBudget()) continue;
  assert(!admission.renew());
  assert(!slots.takeFreeBudget());
});

/** Looks however slow the machine is. */
class OftenScanning extends Connections {
  scans = 0;

  override mayScan(): boolean {
    return true;
  }

  override scan(): number {
    this.scans++;
    return super.scan();
  }
}

/** The engine opens and closes descriptors of its own meanwhile. */
function assertNear(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) <= 3, `${actual} is not ${expected}`);
}

/** What one thread has for its admission. */
interface Thread {
  readonly sockets: Sockets;
  readonly slots: Slots;
  readonly connections: OftenScanning;
  readonly admission: Admission;
  readonly running: string[];
}

/** A listener, clients, and threads that share its slots. */
class House implements Disposable {
  readonly #limits: { limit: number; descriptors: number };
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #clients: Deno.Conn[] = [];
  readonly #accepted: Deno.Conn[] = [];
  readonly #threads: Thread[] = [];
  readonly #slots = Slots.make(1000);

  constructor({ limit, descriptors = 1000 }: {
    limit: number;
    descriptors?: number;
  }) {
    this.#limits = { limit, descriptors };
  }

  thread(): Thread {
    const sockets = new Sockets(openLibc()!);
    const slots = new Slots(this.#slots.shared);
    const connections = new OftenScanning(sockets, slots);
    connections.watch(this.#listener.addr as Deno.NetAddr);
    const running: string[] = [];
    const admission = new Admission(connections, {
      ...this.#limits,
      threads: 1,
      isOwner: this.#threads.length === 0,
      runningPeers: () => running,
    });
    const thread = { sockets, slots, connections, admission, running };
    this.#threads.push(thread);
    return thread;
  }

  /** Opens connections, and gives what a request on each is known by. */
  async connect(count: number) {
    const { port } = this.#listener.addr as Deno.NetAddr;
    const origins = [];
    for (let i = 0; i < count; i++) {
      const client = await Deno.connect({ port });
      this.#clients.push(client);
      this.#accepted.push(await this.#listener.accept());
      const listener = addressName(this.#listener.addr as Deno.NetAddr);
      const name = peerKey(client.localAddr, listener);
      origins.push({ peerKey: name, age: 0, info: {} });
    }
    return origins;
  }

  /** The first connection ends. */
  leave(): void {
    this.#clients.shift()!.close();
    this.#accepted.shift()!.close();
  }

  [Symbol.dispose](): void {
    for (const end of [...this.#clients, ...this.#accepted]) end.close();
    this.#listener.close();
    for (const { admission, sockets } of this.#threads) {
      admission.stop();
      sockets.close();
    }
  }
}
