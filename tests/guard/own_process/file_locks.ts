import { assert, assertEquals } from "../../../src/std/assert.ts";
import {
  type Libc,
  openLibc,
  type Socket,
  Sockets,
} from "../../../src/guard/sockets.ts";

const F_SETLK = 6;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/** The C library, with a place for what another thread does meanwhile. */
class Library implements Libc {
  readonly #libc = openLibc()!;
  /** Called right before a descriptor is copied. */
  beforeCopy: () => void = () => {};

  readonly symbols = {
    ...this.#libc.symbols,
    dup3: (from: number, to: number, flags: number) => {
      const meanwhile = this.beforeCopy;
      this.beforeCopy = () => {};
      meanwhile();
      return this.#libc.symbols.dup3(from, to, flags);
    },
  } as Libc["symbols"];

  close(): void {
    this.#libc.close();
  }
}

Deno.test("a lock on a file lives that has the number of a connection that is gone", async () => {
  using place = await Place.make();
  const socket = place.openSocket();
  place.putFileInPlaceOf(socket);
  place.lock(socket.fd, F_WRLCK);
  assertEquals(place.sockets.shutdownBoth(socket), false);
  assertEquals(place.sockets.shutdownWrite(socket), false);
  assertEquals(place.sockets.tcpState(socket), null);
  assert(await place.isLocked());
});

Deno.test("a lock lives on a file that takes the number while a socket is copied", async () => {
  for (const kind of [F_WRLCK, F_RDLCK]) {
    using place = await Place.make();
    const socket = place.openSocket();
    place.library.beforeCopy = () => {
      place.putFileInPlaceOf(socket);
      place.lock(socket.fd, kind);
    };
    assertEquals(place.sockets.shutdownBoth(socket), false);
    assert(await place.isLocked());
    // Others can still be closed, and the copy is once the file is unlocked.
    const before = place.sockets.descriptors().length;
    const next = place.openSocket();
    assert(place.sockets.shutdownWrite(next));
    place.close(next.fd);
    assertEquals(place.sockets.descriptors().length, before + 1); // a new slot
    place.lock(socket.fd, F_UNLCK);
    const last = place.openSocket();
    assert(place.sockets.shutdownWrite(last));
    place.close(last.fd);
    assertEquals(place.sockets.descriptors().length, before);
    assertEquals(await place.isLocked(), false);
  }
});

/** Sockets, and a file that another process may want to write. */
class Place implements Disposable {
  readonly library = new Library();
  readonly sockets = new Sockets(this.library);
  readonly #path: string;
  #opened = -1;

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(): Promise<Place> {
    return new Place(await Deno.makeTempFile());
  }

  openSocket(): Socket {
    const fd = this.library.symbols.socket(2, 1, 0);
    return { fd, cookie: this.sockets.cookie(fd) };
  }

  close(fd: number): void {
    this.library.symbols.close(fd);
  }

  /** Closes the socket, and opens the file, which gets its number. */
  putFileInPlaceOf({ fd }: Socket): void {
    const { open, close } = this.library.symbols;
    close(fd);
    const path = new TextEncoder().encode(`${this.#path}\0`);
    assertEquals(open(path, 2), fd); // O_RDWR
    this.#opened = fd;
  }

  lock(fd: number, kind: number): void {
    const lock = new Int16Array(16); // struct flock: all of the file
    lock[0] = kind;
    assertEquals(this.library.symbols.fcntl(fd, F_SETLK, lock), 0);
  }

  /** Asks another process, which would like to write. */
  async isLocked(): Promise<boolean> {
    const program = `
      const { symbols } = Deno.dlopen("libc.so.6", {
        open: { parameters: ["buffer", "i32"], result: "i32" },
        fcntl: { parameters: ["i32", "i32", "buffer"], result: "i32" },
      });
      const path = new TextEncoder().encode(Deno.args[0] + "\\0");
      const lock = new Int16Array(16);
      lock[0] = ${F_WRLCK};
      console.log(symbols.fcntl(symbols.open(path, 2), ${F_SETLK}, lock));
    `;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", program, this.#path],
    }).output();
    return new TextDecoder().decode(stdout) === "-1\n";
  }

  [Symbol.dispose](): void {
    this.close(this.#opened);
    this.sockets.close();
    Deno.removeSync(this.#path);
  }
}
