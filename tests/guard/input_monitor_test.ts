/**
 * The timer of the input monitor.
 *
 * @module
 */

import type { Connections } from "../../src/guard/connections.ts";
import {
  InputMonitor,
  type WatchedRequest,
} from "../../src/guard/input_monitor.ts";
import { until } from "../helpers/wait.ts";

Deno.test("a monitor that is woken by its own check has one timer, which a stop ends", async () => {
  let checks = 0;
  const request = { inputBudget: null } as WatchedRequest;
  const monitor = new InputMonitor({} as Connections, {
    requests() {
      checks++;
      // A request may begin to be watched because it is listed.
      monitor.wake();
      return [request];
    },
    onClose() {},
  });
  monitor.wake();
  await until(() => checks === 2);
  // Deno fails a test that leaves a timer behind.
  monitor.stop();
});
