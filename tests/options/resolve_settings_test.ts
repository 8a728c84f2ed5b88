import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import type { Settings } from "../../src/options/settings.ts";

Deno.test("settings given in code are checked and completed", () => {
  const settings = resolveSettings({ port: 0, listen: [], sslCert: null });
  assertEquals(settings.port, 0);
  assertEquals(settings.host, "127.0.0.1");
  assertEquals(settings.timeout, 60);
  const text = { port: "8080", quiet: "1" } as unknown as Partial<Settings>;
  const { port, quiet } = resolveSettings(text);
  assertEquals([port, quiet], [8080, true]);
});

Deno.test("undefined and null mean that a setting is not given", () => {
  const none = { port: undefined, host: null } as unknown as Partial<Settings>;
  assertEquals(resolveSettings(none), resolveSettings({}));
});

Deno.test("settings that exclude each other are refused, also with their defaults", () => {
  for (const port of [5000, 5001]) {
    assertThrows(
      () => resolveSettings({ port, socket: "/tmp/x" }),
      OptionError,
    );
  }
  const listen = [{ host: "127.0.0.1", port: 1 }];
  assertThrows(
    () => resolveSettings({ host: "127.0.0.1", listen }),
    OptionError,
  );
});

Deno.test("a response has to start within the timeout only where that was given", () => {
  assertEquals(resolveSettings({}).responseStartTimeout, 0);
  const { timeout } = resolveSettings({});
  assertEquals(resolveSettings({ timeout }).responseStartTimeout, timeout);
});

Deno.test("a high mark that is given alone takes the low one along", () => {
  const { writeLowWatermark } = resolveSettings({ writeHighWatermark: 1000 });
  assertEquals(writeLowWatermark, 1000);
  assertEquals(resolveSettings({}).writeLowWatermark, 16384);
});

Deno.test("wrong settings in code are named", () => {
  for (
    const [given, message] of [
      [{ prot: 80 }, 'unknown setting "prot"; did you mean port?'],
      [
        { max_connections: 80 },
        'unknown setting "max_connections"; did you mean maxConnections?',
      ],
      [{ help: true }, 'unknown setting "help"'],
      [{ constructor: 1 }, 'unknown setting "constructor"'],
      [
        { port: 80.5 },
        "setting port: 80.5 is not a whole number from 0 to 65535",
      ],
      [
        { timeout: Infinity },
        "setting timeout: Infinity is not a number of seconds from 0 to 2147483",
      ],
      [
        { socketMode: 660 },
        "setting socketMode: 660 is not an octal mode from 000 to 777, as in " +
        "0660",
      ],
      [
        { listen: [{ host: "a" }] },
        "setting listen: an object is not HOST:PORT, [IPV6]:PORT or unix:PATH",
      ],
      [
        { socket: "/a", port: 80 },
        "setting socket and setting port cannot be combined; give only one",
      ],
      [{ sslCert: "/dev/null" }, "setting sslCert needs setting sslKey too"],
      [
        { writeHighWatermark: 1, writeLowWatermark: 2 },
        "setting writeLowWatermark (2) must not be above setting " +
        "writeHighWatermark (1)",
      ],
    ] as const
  ) {
    const error = assertThrows(
      () => resolveSettings(given as unknown as Partial<Settings>),
      OptionError,
    );
    assertEquals(error.message, message);
  }
});
