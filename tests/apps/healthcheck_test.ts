import { HealthcheckApp } from "../../src/apps/healthcheck.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { assert, assertEquals, assertThrows } from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";

Deno.test("all well is 200 and JSON that is not cached", async () => {
  const before = Math.floor(Date.now() / 1000);
  const response = await runApp(new HealthcheckApp().toApp());
  assertEquals(response.status, 200);
  assertEquals(response.header("content-type"), "application/json");
  assertEquals(response.header("cache-control"), "no-cache");
  const report = JSON.parse(response.text);
  assertEquals(Object.keys(report), ["status", "timestamp", "uptime"]);
  assertEquals(report.status, "ok");
  assert(Number.isInteger(report.uptime) && report.uptime >= 0);
  assert(report.timestamp >= before && report.timestamp <= before + 60);
});

Deno.test("the version is reported when given", async () => {
  const response = await runApp(new HealthcheckApp({ version: "1.2" }).toApp());
  assertEquals(JSON.parse(response.text).version, "1.2");
});

Deno.test("a falsy or throwing check is an error and makes it 503", async () => {
  const app = new HealthcheckApp({
    checks: {
      well: () => 1,
      later: () => Promise.resolve("yes"),
      falsy: () => 0,
      throwing: () => {
        throw new Error("no disk");
      },
      rejecting: () => Promise.reject("no net"),
    },
  }).toApp();
  const response = await runApp(app);
  assertEquals(response.status, 503);
  const report = JSON.parse(response.text);
  assertEquals(report.status, "error");
  assertEquals(report.checks, {
    falsy: { status: "error" },
    later: { status: "ok" },
    rejecting: { status: "error", message: "no net" },
    throwing: { status: "error", message: "no disk" },
    well: { status: "ok" },
  });
});

Deno.test("checks run anew at each request", async () => {
  let well = true;
  const app = new HealthcheckApp({ checks: { it: () => well } }).toApp();
  assertEquals((await runApp(app)).status, 200);
  well = false;
  assertEquals((await runApp(app)).status, 503);
});

Deno.test("checks that are no functions are refused", () => {
  for (const checks of ["x", { a: 1 }, 5, null]) {
    assertThrows(
      () => new HealthcheckApp({ checks } as Record<string, unknown>),
      OptionError,
    );
  }
});
