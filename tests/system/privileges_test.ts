import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { testWith } from "../helpers/programs.ts";
import { ReadableCopy } from "../helpers/readable_copy.ts";
import type { Report, Rights } from "./privileges_child.ts";

/** What is tested here takes root to do. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

const CHILD = "tests/system/privileges_child.ts";
const NOBODY = 65534;
const NONE = "0000000000000000";
/** CAP_NET_BIND_SERVICE is bit 10. */
const LOW_PORTS = "0000000000000400";

/**
 * Drops root in a process of its own.
 *
 * @param setpriv What root is there before: options of setpriv(1).
 */
async function drop(
  args: readonly string[],
  setpriv: readonly string[],
): Promise<Report> {
  using copy = new ReadableCopy(["src/system", CHILD]);
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: [
      ...setpriv,
      copy.deno,
      "run",
      "-A",
      join(copy.folder, CHILD),
      ...args,
    ],
    env: { ...copy.env, NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function assertIdentity(rights: Rights, uid: number, gid: number): void {
  const four = (id: number): string => Array(4).fill(id).join("\t");
  assertEquals(
    [rights.Uid, rights.Gid, rights.Groups],
    [four(uid), four(gid), ""],
  );
}

function capabilities({ CapInh, CapPrm, CapEff, CapAmb }: Rights): string[] {
  return [CapInh, CapPrm, CapEff, CapAmb];
}

testWith(
  ["setpriv"],
  "dropPrivileges() leaves no thread a group, a capability or a way back (as root)",
  async () => {
    const report = await drop([`${NOBODY}`, "12345", "drop"], [
      "--groups",
      "1,2,3",
    ]);
    assertEquals(report.error, null);
    assert(report.threads.length > 2);
    for (const rights of [...report.threads, report.started]) {
      assertIdentity(rights, NOBODY, 12345);
      assertEquals(capabilities(rights), [NONE, NONE, NONE, NONE]);
    }
    assertEquals(capabilities(report.startedWithPorts), Array(4).fill(NONE));
    // Root's programs need nothing that they would hand on in their turn.
    const { CapInh, CapAmb } = report.startedByRoot;
    assertEquals([CapInh, CapAmb], [NONE, NONE]);
    assert(!report.canBecomeRoot);
    assert(!report.canReadShadow);
    assert(!report.canListen);
    assert(!report.canListenInWorker);
  },
  { ignore },
);

testWith(
  ["setpriv"],
  "dropPrivileges() can keep the right to bind low ports, for this process and not for those it starts (as root)",
  async () => {
    const report = await drop([`${NOBODY}`, `${NOBODY}`, "keep"], [
      "--inh-caps",
      "+chown,+setuid",
    ]);
    assertEquals(report.error, null);
    const [main, ...others] = report.threads;
    assertIdentity(main, NOBODY, NOBODY);
    assertEquals(capabilities(main), [NONE, LOW_PORTS, LOW_PORTS, NONE]);
    for (const rights of others) {
      assertIdentity(rights, NOBODY, NOBODY);
      // What may be inherited is of no use without being permitted.
      assertEquals(capabilities(rights).slice(1), [NONE, NONE, NONE]);
    }
    assert(!report.canBecomeRoot);
    assert(!report.canReadShadow);
    assert(report.canListen);
    assert(report.canListenInWorker);
    for (const rights of [report.started, report.startedAfter]) {
      assertEquals(capabilities(rights), [NONE, NONE, NONE, NONE]);
    }
    assertEquals(
      capabilities(report.startedWithPorts),
      Array(4).fill(LOW_PORTS),
    );
  },
  { ignore },
);

testWith(
  ["setpriv"],
  "dropPrivileges() to another group alone leaves root its capabilities (as root)",
  async () => {
    const report = await drop(["0", "12345", "drop"], ["--groups", "1,2,3"]);
    assertEquals(report.error, null);
    const [main] = report.threads;
    for (const rights of report.threads) assertIdentity(rights, 0, 12345);
    assert(main.CapEff !== NONE);
    assert(report.canListen);
  },
  { ignore },
);

testWith(
  ["setpriv"],
  "dropPrivileges() does nothing for who is that user already, and keeps what an exec handed on to this process (as root)",
  async () => {
    for (const groups of ["--clear-groups", `--groups=${NOBODY}`]) {
      const report = await drop([`${NOBODY}`, `${NOBODY}`, "keep"], [
        `--reuid=${NOBODY}`,
        `--regid=${NOBODY}`,
        groups,
        "--inh-caps=-all,+net_bind_service",
        "--ambient-caps=-all,+net_bind_service",
      ]);
      assertEquals(report.error, null);
      const [main] = report.threads;
      assertEquals(main.Uid, Array(4).fill(NOBODY).join("\t"));
      assertEquals(capabilities(main), [NONE, LOW_PORTS, LOW_PORTS, NONE]);
      assert(report.canListen);
      assertEquals(capabilities(report.started), Array(4).fill(NONE));
      assertEquals(report.startedWithPorts.CapPrm, LOW_PORTS);
    }
  },
  { ignore },
);

testWith(
  ["setpriv"],
  "dropPrivileges() tells who is not root, and root without the right to it, what is missing (as root)",
  async () => {
    for (
      const [uid, groups] of [
        ["1", "--clear-groups"],
        [`${NOBODY}`, "--groups=7"],
        [`${NOBODY}`, `--groups=${NOBODY},7`],
      ]
    ) {
      const { error } = await drop([uid, `${NOBODY}`, "drop"], [
        `--reuid=${NOBODY}`,
        `--regid=${NOBODY}`,
        groups,
      ]);
      assertMatch(
        error!,
        /Only root can change the user or group, and this is user 65534\. Start as root, or without --user and --group\./,
      );
    }
    for (
      const [capability, words] of [
        ["setgid", "the supplementary groups cannot be dropped"],
        ["setuid", "the user cannot become 65534"],
        ["net_bind_service", "the right to bind ports below 1024"],
      ]
    ) {
      const { error } = await drop([`${NOBODY}`, `${NOBODY}`, "keep"], [
        `--bounding-set=-${capability}`,
      ]);
      assertMatch(error!, new RegExp(`SystemError: As root, ${words}`));
      assertMatch(error!, /this container or unit takes that right away/);
    }
  },
  { ignore },
);
