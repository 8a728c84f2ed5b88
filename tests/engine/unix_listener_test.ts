/** Threads that accept from one Unix socket. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { acceptFrom, SharedListener } from "../../src/engine/unix_listener.ts";
import { openSockets } from "../../src/guard/sockets.ts";
import { cString, openLibc } from "../../src/system/libc.ts";
import { TempFolder } from "../helpers/temp_folder.ts";

const O_CLOEXEC = 0o2000000;
const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** The descriptor of the listener at `path`. */
function descriptorOf(path: string): number {
  const sockets = openSockets()!;
  const found = sockets.descriptors().find((fd) => {
    const address = sockets.isListening(fd) ? sockets.ownAddress(fd) : null;
    return address !== null && "path" in address && address.path === path;
  })!;
  sockets.close();
  return found;
}

Deno.test({
  name:
    "the engine's listener is found although a copy of it, as the guard makes, has a lower number",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using folder = new TempFolder("pagi-unix-");
    const [common, own] = ["common", "own"].map((name) =>
      `${folder.path}/${name}`
    );
    const first = Deno.listen({ transport: "unix", path: common });
    const shared = SharedListener.keep(common)!;
    // Closing it removes the file of that name.
    const path = `${folder.path}/renamed`;
    Deno.renameSync(common, path);
    first.close();
    const libc = openLibc(SYMBOLS)!;
    // Several, because threads beside this one open and close files as well.
    const reserved = Array.from(
      { length: 8 },
      () => libc.symbols.open(cString("/dev/null"), O_CLOEXEC),
    );
    using engine = Deno.listen({ transport: "unix", path: own });
    const copy = Math.min(...reserved);
    assert(copy < descriptorOf(own));
    assertEquals(
      libc.symbols.dup3(descriptorOf(own), copy, O_CLOEXEC),
      copy,
    );
    const acceptor = acceptFrom(shared.fd, own);
    for (const fd of reserved) libc.symbols.close(fd);
    libc.close();
    assert(acceptor !== null);
    using client = await Deno.connect({ transport: "unix", path });
    using accepted = await engine.accept();
    await client.write(new Uint8Array([7]));
    const bytes = new Uint8Array(1);
    await accepted.read(bytes);
    assertEquals(bytes[0], 7);
    acceptor.leave();
    shared.close();
  },
});
