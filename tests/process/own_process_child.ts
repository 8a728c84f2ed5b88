/**
 * A program that starts itself once more, for own_process_test.ts. What the
 * second process does is its first argument.
 *
 * @module
 */

import {
  ownCommand,
  reportServing,
  startedAs,
  startOwnProcess,
} from "../../src/process/own_process.ts";

const [task] = Deno.args;

/** What the first process prints. */
export interface Outcome {
  status: Deno.CommandStatus | null;
  /** The descriptors that a program it starts inherits. */
  inherited: string;
}

/** What the second process prints when its task is "tell". */
export interface Told {
  pid: number;
  startedAs: string | null;
  args: string[];
  folder: string;
  extra?: string;
  variables: string[];
  session: number;
  inherited: string;
}

function inherited(): string {
  const { stdout } = new Deno.Command("ls", { args: ["/proc/self/fd"] })
    .outputSync();
  return new TextDecoder().decode(stdout);
}

function tell(): Told {
  const stat = Deno.readTextFileSync("/proc/self/stat").split(" ");
  const program = new Deno.Command("env").outputSync().stdout;
  return {
    pid: Deno.pid,
    startedAs: startedAs(),
    args: Deno.args,
    folder: Deno.cwd(),
    extra: Deno.env.get("EXTRA"),
    variables: new TextDecoder().decode(program).match(/^PAGI_\w+/gm) ?? [],
    session: Number(stat[5]),
    inherited: inherited(),
  };
}

if (startedAs() === null) {
  const command = ownCommand();
  Deno.chdir("/"); // as an app may do
  const as = task === "tell daemon" ? "daemon" : "successor";
  const child = startOwnProcess(as, command, { EXTRA: "it's\n\u{1F4DC}" });
  const status = await child.outcome;
  // To the same place as what the second process says.
  console.log(
    JSON.stringify({ status, inherited: inherited() } satisfies Outcome),
  );
  Deno.exit();
}

switch (task) {
  case "serve":
    reportServing();
    break;
  case "be killed":
    Deno.kill(Deno.pid, "SIGKILL");
    break;
  case "fail":
    Deno.exit(3);
    break;
  case "tell":
  case "tell daemon":
    console.log(JSON.stringify(tell()));
}
