/**
 * Which listener of an address gets a connection, as the kernel decides it. A
 * program that another thread starts has copies of all listeners for a moment:
 * one that is closed meanwhile leaves the group late.
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import {
  type ListenerId,
  ReuseportSelector,
} from "../../../src/guard/reuseport.ts";
import { delay } from "../../helpers/wait.ts";

const ignore = Deno.build.os !== "linux" || !("listenDatagram" in Deno);

/** A listener that counts whom it gets, and says who it is. */
class Member {
  readonly listener: Deno.TcpListener;
  accepted = 0;
  id: ListenerId = 0;
  #ended: Promise<void>;

  constructor(readonly name: string, port: number) {
    this.listener = Deno.listen({
      hostname: "127.0.0.1",
      port,
      reusePort: true,
    });
    this.#ended = this.#accept();
  }

  get port(): number {
    return this.listener.addr.port;
  }

  async close(): Promise<void> {
    this.listener.close();
    await this.#ended;
  }

  async #accept(): Promise<void> {
    const name = new TextEncoder().encode(this.name);
    try {
      for await (const connection of this.listener) {
        this.accepted++;
        void connection.write(name).then(() => connection.close());
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** A group of real listeners, and what the selector thinks of it. */
class Group implements Disposable {
  readonly members: Member[] = [];
  readonly selector: ReuseportSelector;
  readonly port: number;
  #names = 0;

  constructor(count: number, port = 0, others = 0) {
    const first = new Member("a0", port);
    this.port = first.port;
    const address = first.listener.addr;
    this.selector = ReuseportSelector.open(address, others)!;
    this.#take(first);
    while (this.members.length < count) this.join();
  }

  join(): Member {
    return this.#take(new Member(`a${++this.#names}`, this.port));
  }

  /** Closes one as a replacement does: avoided first. */
  async leave(member: Member): Promise<void> {
    this.steer((other) => other !== member);
    // Who has connected already waits in its queue. On a slow machine a timer may
    // run before the queue is looked at, so nothing must come for three of them.
    for (let quiet = 0; quiet < 3;) {
      const before = member.accepted;
      await delay(10);
      quiet = before === member.accepted ? quiet + 1 : 0;
    }
    await member.close();
    this.selector.leave(member.id);
    this.members.splice(this.members.indexOf(member), 1);
    this.steer(() => true);
  }

  steer(takes: (member: Member) => boolean): void {
    const chosen = new Set(this.members.filter(takes).map(({ id }) => id));
    assert(this.selector.select((id) => id !== null && chosen.has(id)));
  }

  /** Who takes a connection. */
  async ask(): Promise<string> {
    using connection = await Deno.connect({ port: this.port });
    const buffer = new Uint8Array(16);
    const count = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }

  /** Checks for each member that the kernel means the same one. */
  async check(): Promise<void> {
    for (const member of this.members) {
      this.steer((other) => other === member);
      for (let count = 0; count < 4; count++) {
        assertEquals(await this.ask(), member.name);
      }
    }
    this.steer(() => true);
  }

  [Symbol.dispose](): void {
    this.selector.close();
    for (const { listener } of this.members) listener.close();
  }

  #take(member: Member): Member {
    const id = this.selector.join();
    assert(id !== null);
    member.id = id;
    this.members.push(member);
    return member;
  }
}

Deno.test({
  name: "a listener keeps its number as others join and leave, in any order",
  ignore,
  async fn() {
    using group = new Group(5);
    await group.check();
    for (const at of [1, 0, 2, 1]) {
      await group.leave(group.members[at]);
      await group.check();
      group.join();
      await group.check();
    }
    while (group.members.length > 1) {
      await group.leave(group.members[0]);
      await group.check();
    }
  },
});

Deno.test({
  name: "all that are chosen get connections, and nobody else",
  ignore,
  async fn() {
    using group = new Group(4);
    const spared = group.members[2];
    group.steer((member) => member !== spared);
    await Promise.all(Array.from({ length: 150 }, () => group.ask()));
    assertEquals(spared.accepted, 0);
    for (const member of group.members) {
      if (member === spared) continue;
      assert(member.accepted > 15, `${member.name}: ${member.accepted}`);
    }
  },
});

Deno.test({
  name: "20 listeners close under load and no connection is lost",
  ignore,
  async fn() {
    using group = new Group(2);
    let stopped = false;
    let asked = 0;
    const lost: unknown[] = [];
    const clients = Array.from({ length: 8 }, async () => {
      while (!stopped) {
        await group.ask().then((name) => {
          if (name === "") lost.push("an empty answer");
        }, (error) => lost.push(error));
        asked++;
      }
    });
    // On a slow machine more close, until so many have asked.
    for (let count = 0; count < 20 || asked <= 500; count++) {
      group.join();
      await group.leave(group.members[0]);
    }
    stopped = true;
    await Promise.all(clients);
    assertEquals(lost, []);
  },
});

/** Listens three times, and closes the last first when it is told to. */
const OTHER_PROCESS = `
const listeners = [];
for (let count = 0; count < 3; count++) {
  const port = listeners[0]?.addr.port ?? 0;
  listeners.push(Deno.listen({ hostname: "127.0.0.1", port, reusePort: true }));
}
console.log(listeners[0].addr.port);
await Deno.stdin.read(new Uint8Array(1));
for (const listener of listeners.reverse()) listener.close();
console.log("closed");
await Deno.stdin.read(new Uint8Array(1));
`;

Deno.test({
  name:
    "once the listeners of another process have closed, the last first, it is known who is who",
  ignore,
  async fn() {
    await using other = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--unstable-net", OTHER_PROCESS],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = other.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    const input = other.stdin.getWriter();
    const port = Number((await output.read()).value);
    using group = new Group(2, port, 3);
    await input.write(new Uint8Array(1));
    await output.read();
    group.selector.predecessorClosed();
    await group.check();
    group.join();
    await group.leave(group.members[0]);
    await group.check();
    await input.close();
    await output.cancel();
  },
});
