/** Threads that accept from one Unix socket. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { acceptFrom, SharedListener } from "../../src/engine/unix_listener.ts";
import { openSockets } from "../../src/guard/sockets.ts";
import { openLibc } from "../../src/system/libc.ts";
import { TempFolder } from "../helpers/temp_folder.ts";

const F_DUPFD_CLOEXEC = 1030;

/** Copies the listener at `path` to the lowest number that is free. */
function copyListener(path: string): { fd: number; original: number } {
  const sockets = openSockets()!;
  const original = sockets.descriptors().find((fd) => {
    const address = sockets.isListening(fd) ? sockets.ownAddress(fd) : null;
    return address !== null && "path" in address && address.path === path;
  })!;
  sockets.close();
  const libc = openLibc({
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  })!;
  const fd = libc.symbols.fcntl(original, F_DUPFD_CLOEXEC, 3);
  libc.close();
  return { fd, original };
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
    const hole = Deno.openSync("/dev/null");
    using engine = Deno.listen({ transport: "unix", path: own });
    hole.close();
    const copy = copyListener(own);
    assert(copy.fd < copy.original);
    const acceptor = acceptFrom(shared.fd, own);
    const libc = openLibc({ close: { parameters: ["i32"], result: "i32" } })!;
    libc.symbols.close(copy.fd);
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
