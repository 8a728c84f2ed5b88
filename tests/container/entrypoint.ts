/**
 * The entrypoint, run as an engine runs it. Part of `deno task binary`, which
 * builds the executable.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { until } from "../helpers/wait.ts";
import { HAS_CHROOT } from "../binary/bare_root.ts";
import { EXECUTABLE } from "../binary/build.ts";
import { assembleRoot, Container, image } from "./container.ts";

const FILES = { "hello.txt": "Hello\n" };
/** Answers `/slow` after a moment. */
const APP = {
  "app.js": `export default { async fetch(request) {
      if (request.url.endsWith("/slow")) {
        console.error("slow");
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return new Response("done");
    } };`,
};
const URL = `http://127.0.0.1:${image.port}`;

/** The lines of a process's `status` (proc(5)). */
function statusOf(pid: number): Record<string, string> {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Object.fromEntries(
    [...text.matchAll(/^(\w+):[ \t]*(.*)$/gm)].map(([, name, value]) => [
      name,
      value.replaceAll("\t", " "),
    ]),
  );
}

const ignore = EXECUTABLE === null || !HAS_CHROOT;

Deno.test({ name: "the image", ignore }, async (t) => {
  using root = assembleRoot(EXECUTABLE!);

  await t.step(
    "serves its folder to everybody, logs to standard error, and is well",
    async () => {
      await using container = await Container.serving(root, [], FILES);
      assertEquals(await container.get(`${URL}/hello.txt`), [200, "Hello\n"]);
      // All addresses: nothing else of this network is at that one.
      const [status, listing] = await container.get(
        `http://127.0.0.2:${image.port}/`,
      );
      assertEquals(status, 200);
      assertMatch(listing, /hello\.txt/);
      const { code, stdout, stderr } = await container.execute(
        image.healthCheck,
      );
      assertEquals([code, stdout.length, stderr.length], [0, 0, 0]);
      container.signal("SIGTERM");
      const ended = await container.program.ended();
      assertEquals([ended.code, ended.stdout], [0, ""]);
      assertMatch(ended.stderr, /"GET \/hello\.txt" 200/);
      assertMatch(ended.stderr, / {2}mode {4}production/);
      assert(!/ (warn|error) /.test(ended.stderr), ended.stderr);
    },
  );

  await t.step(
    "runs as process 1, as its user, without a privilege",
    async () => {
      await using container = await Container.serving(root);
      const status = statusOf(container.pid);
      assertEquals(status.NSpid, `${container.pid} 1`);
      assertEquals(status.Uid, Array(4).fill(image.user).join(" "));
      assertEquals(status.Gid, Array(4).fill(image.group).join(" "));
      assertEquals([status.Groups, status.NoNewPrivs], ["", "1"]);
      assertEquals(
        [BigInt(`0x${status.CapEff}`), BigInt(`0x${status.CapPrm}`)],
        [
          0n,
          0n,
        ],
      );
      // Orphans become its children: it hears of their ends (SIGCHLD is 17).
      const caught = BigInt(`0x${status.SigCgt}`);
      assertEquals(caught >> 16n & 1n, 1n);
    },
  );

  await t.step("is not well when the server is elsewhere", async () => {
    await using container = await Container.serving(root, ["-p", "5001"]);
    const { code, stderr } = await container.execute(image.healthCheck);
    assertEquals(code, 1);
    assertMatch(
      new TextDecoder().decode(stderr),
      /^pagi-server: --probe http:.*\n$/,
    );
  });

  await t.step("finishes what runs when it is told to stop", async () => {
    await using container = await Container.serving(root, ["./app.js"], APP);
    const answer = container.get(`${URL}/slow`);
    await container.program.logged(/^slow$/m);
    container.signal(image.stopSignal as Deno.Signal);
    assertEquals(await answer, [200, "done"]);
    assertEquals((await container.program.ended()).code, 0);
  });

  await t.step("does not finish it when it is told twice", async () => {
    const args = ["-w2", "-e", "({ fetch: () => new Promise(() => {}) })"];
    await using container = await Container.serving(root, args);
    const answer = container.get(`${URL}/`).catch(() => [503]);
    await until(() => container.program.log.includes("Ready"));
    await until(async () => {
      // Asked for by now, as the connection tells (proc_net(5)).
      const table = await Deno.readTextFile(`/proc/${container.pid}/net/tcp`);
      return / 01 \d+:/.test(table);
    });
    container.signal("SIGINT");
    await container.program.logged(/SIGINT: stopping/);
    container.signal("SIGTERM");
    assertEquals((await container.program.ended()).code, 0);
    assertEquals((await answer)[0], 503);
  });

  await t.step(
    "hands over to no other process, which would end with it",
    async () => {
      await using container = await Container.serving(root, [], FILES);
      container.signal("SIGUSR2");
      await container.program.logged(/ error Process 1 cannot hand over/);
      container.signal("SIGHUP");
      await container.program.logged(/ warn {2}SIGHUP: /);
      assertEquals(await container.get(`${URL}/hello.txt`), [200, "Hello\n"]);
      const daemon = Container.start(root, ["--daemonize"]);
      const ended = await daemon.program.ended();
      await daemon[Symbol.asyncDispose]();
      assertEquals(ended.code, 1);
      assertMatch(ended.stderr, /^pagi-server: --daemonize: .*\n$/);
    },
  );
});
