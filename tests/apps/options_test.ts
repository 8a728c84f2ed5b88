import * as apps from "../../src/apps/mod.ts";
import { readAppOptions } from "../../src/options/app_options.ts";
import { flag, integer } from "../../src/options/value_types.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";

const { CascadeApp, DirectoryApp, FileApp, HealthcheckApp, NotFoundApp } = apps;
const { ProxyApp, RedirectApp } = apps;

// Checked by `deno check`: a directive without an error below it is one.
Deno.test("a wrong name or value of an app's option is a type error", () => {
  const wrong = [
    // @ts-expect-error the name is showHidden
    () => new DirectoryApp({ showHiden: true }),
    // @ts-expect-error this is how the command line has it
    () => new DirectoryApp({ show_hidden: true, sort: "colour" }),
    // @ts-expect-error a flag is a boolean
    () => new FileApp({ spa: "maybe" }),
    // @ts-expect-error an app without such an option
    () => new FileApp({ showHidden: true }),
    // @ts-expect-error checks are functions
    () => new HealthcheckApp({ checks: { database: true } }),
    // @ts-expect-error a number
    () => new NotFoundApp({ status: "four" }),
    // @ts-expect-error the name is target
    () => new ProxyApp({ targets: ["http://a.example"] }),
    // @ts-expect-error the name is location
    () => new RedirectApp({ locatoin: "/" }),
    // @ts-expect-error the name is maxReplay
    () => new CascadeApp({ apps: [], maxReply: 1 }),
    // @ts-expect-error numbers
    () => new CascadeApp({ apps: [], catch: ["four"] }),
  ];
  for (const make of wrong) assertThrows(make, OptionError);
});

Deno.test("the options of apps have camelCase names in code", () => {
  const options: apps.DirectoryOptions = {
    root: ".",
    index: ["index.html"],
    showHidden: true,
    htmlCacheControl: "no-cache",
    sort: "time",
  };
  new DirectoryApp(options);
  const proxying: apps.ProxyOptions = {
    target: "http://a.example",
    firstByteTimeout: 5,
    removeHeaders: "cookie",
  };
  new ProxyApp(proxying)[Symbol.dispose]();
});

Deno.test("options are found by the command line's names as well", () => {
  const table = {
    show_hidden: { type: flag, default: false, help: "" },
    max_size: { type: integer(), default: 1, help: "" },
  };
  const cases: Record<string, unknown>[] = [
    { show_hidden: "1", max_size: "7" },
    { showHidden: true, maxSize: 7 },
  ];
  for (const given of cases) {
    assertEquals(readAppOptions("Test", table, given), {
      show_hidden: true,
      max_size: 7,
    });
  }
  const error = assertThrows(
    () => readAppOptions("Test", table, { showHiden: true }),
    OptionError,
  );
  assertEquals(
    error.message,
    'Test has no option "showHiden"; did you mean showHidden?',
  );
});
