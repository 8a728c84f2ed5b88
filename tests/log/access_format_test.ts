import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { compileAccessFormat } from "../../src/log/access_format.ts";
import type { AccessRecord } from "../../src/log/access_format.ts";

const HEADERS: [string, string][] = [
  ["referer", "http://example.com/from?x=1"],
  ["user-agent", "curl/8.5.0"],
];

const RECORD: AccessRecord = {
  host: "203.0.113.9",
  method: "GET",
  rawPath: "/caf%C3%A9",
  query: "a=1&b=%20",
  httpVersion: "1.1",
  status: 200,
  bodyBytes: 5120,
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 999),
  durationMs: 1234.5678,
  headers: HEADERS,
};

function line(format: string, changes: Partial<AccessRecord> = {}): string {
  const bytes = new Uint8Array(10_000);
  const end = compileAccessFormat(format)({ ...RECORD, ...changes }, bytes, 0);
  return new TextDecoder().decode(bytes.subarray(0, end));
}

Deno.test("the default preset is clf: host, time, request, status, seconds (PAGI.md 103)", () => {
  assertEquals(
    line("clf"),
    '203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET /caf%C3%A9?a=1&b=%20" 200 1.235s',
  );
});

Deno.test("combined, common and tiny print what they are known for (PAGI.md 103)", () => {
  const start =
    '203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET /caf%C3%A9?a=1&b=%20 HTTP/1.1" 200 5120';
  assertEquals(line("common"), start);
  assertEquals(
    line("combined"),
    `${start} "http://example.com/from?x=1" "curl/8.5.0"`,
  );
  assertEquals(line("tiny"), "GET /caf%C3%A9?a=1&b=%20 200 1234568ms");
});

Deno.test("every atom prints its value", () => {
  const cases: [string, string, Partial<AccessRecord>?][] = [
    ["%h", "203.0.113.9"],
    ["%h", "2001:db8::1", { host: "2001:db8::1" }],
    ["%h", "unix", { host: "unix" }],
    ["%h", "-", { host: null }],
    ["%l", "-"],
    ["%u", "-"],
    ["%u", "alice", { user: "alice" }],
    ["%t", "02/Jan/2026:03:04:05 +0000"],
    ["%r", "GET /caf%C3%A9?a=1&b=%20 HTTP/1.1"],
    ["%r", "POST / HTTP/2", {
      method: "POST",
      rawPath: "/",
      query: "",
      httpVersion: "2",
    }],
    ["%m", "GET"],
    ["%U", "/caf%C3%A9"],
    ["%q", "?a=1&b=%20"],
    ["%q", "", { query: "" }],
    ["%H", "HTTP/1.1"],
    ["%H", "HTTP/2", { httpVersion: "2" }],
    ["%s", "200"],
    ["%s", "101", { status: 101 }],
    ["%s", "-", { status: null }],
    ["%b", "5120"],
    ["%b", "-", { bodyBytes: 0 }],
    ["%B", "5120"],
    ["%B", "0", { bodyBytes: 0 }],
    ["%d", "1.235"],
    ["%D", "1234568"],
    ["%T", "1"],
    ["%{Referer}i", "http://example.com/from?x=1"],
    ["%{USER-AGENT}i", "curl/8.5.0"],
    ["%{X-Missing}i", "-"],
    ["%{constructor}i", "-", { headers: [] }],
    ["%%", "%"],
  ];
  for (const [format, text, changes] of cases) {
    assertEquals(line(`%T${format}`, changes), `1${text}`, format);
    assertEquals(
      line(`<%T${format}|${format}>`, changes),
      `<1${text}|${text}>`,
    );
  }
});

Deno.test("durations are rounded to their last digit, and %T is cut", () => {
  const cases: [ms: number, d: string, D: string, T: string][] = [
    [0, "0.000", "0", "0"],
    [0.0004, "0.000", "0", "0"],
    [0.4996, "0.000", "500", "0"],
    [0.5, "0.001", "500", "0"],
    [1.001, "0.001", "1001", "0"],
    [99.9, "0.100", "99900", "0"],
    [999.4, "0.999", "999400", "0"],
    [999.6, "1.000", "999600", "0"],
    [1000, "1.000", "1000000", "1"],
    [59_999.999, "60.000", "59999999", "59"],
    [86_400_000, "86400.000", "86400000000", "86400"],
  ];
  for (const [durationMs, d, D, T] of cases) {
    assertEquals(line("%d %D %T", { durationMs }), `${d} ${D} ${T}`);
  }
});

Deno.test("times are right in any order, on both sides of a second and of a year", () => {
  const at = (...[year, ...rest]: [number, number, ...number[]]) =>
    line("%t", { startedAt: Date.UTC(year, ...rest) });
  for (let i = 0; i < 2; i++) {
    assertEquals(
      at(2026, 11, 31, 23, 59, 59, 999),
      "31/Dec/2026:23:59:59 +0000",
    );
    assertEquals(at(2027, 0, 1, 0, 0, 0, 0), "01/Jan/2027:00:00:00 +0000");
    assertEquals(at(2028, 1, 29, 9, 8, 7, 6), "29/Feb/2028:09:08:07 +0000");
  }
});

Deno.test("literals stay as they are", () => {
  assertEquals(line("plain } { i %m text"), "plain } { i GET text");
  assertEquals(line('{"s":%s,"é":"%m"}\t100%%'), '{"s":200,"é":"GET"}\t100%');
  assertEquals(line("%%h %%%h"), "%h %203.0.113.9");
});

Deno.test("a format without atoms fails, and says what may be meant", () => {
  const cases = [
    ["", " such as %h, so that all lines would be the same"],
    [
      "plain text 100%%",
      "is no preset (clf, combined, common, dev, json, tiny)",
    ],
    ["%l %%", "has no atom such as %h"],
    ["CLF", "; did you mean clf?"],
    ["combind", "; did you mean combined?"],
    ["comon", "; did you mean common?"],
    ["JSON", "; did you mean json?"],
  ];
  for (const [format, said] of cases) {
    const { message } = assertThrows(
      () => compileAccessFormat(format),
      OptionError,
    );
    assertStringIncludes(message, `--access-log-format "${format}"`);
    assertStringIncludes(message, said);
  }
});

Deno.test("lines of a JSON format are JSON, whatever a client sends", () => {
  const format =
    ' {"h":"%h","r":"%r","ua":"%{User-Agent}i","s":%s,"b":%b,"B":%B,"d":%d,"x":%{X}i,"q":"a\\"%q"} ';
  const hostile = Array.from(
    { length: 256 },
    (_, i) => String.fromCharCode(i),
  ).join("");
  assertEquals(
    JSON.parse(line(format, {
      rawPath: hostile,
      query: '"\\',
      headers: [["user-agent", hostile]],
    })),
    {
      h: "203.0.113.9",
      r: `GET ${hostile}?"\\ HTTP/1.1`,
      ua: hostile,
      s: 200,
      b: 5120,
      B: 5120,
      d: 1.235,
      x: null,
      q: 'a"?"\\',
    },
  );
  const none = { host: null, status: null, bodyBytes: 0, query: "" };
  assertEquals(JSON.parse(line(format, { ...none, headers: [] })), {
    h: "-",
    r: "GET /caf%C3%A9 HTTP/1.1",
    ua: "-",
    s: null,
    b: null,
    B: 0,
    d: 1.235,
    x: null,
    q: 'a"',
  });
});

Deno.test("in JSON a text outside of quotes gets them, and null stands for none", () => {
  const format =
    '{"h":%h,"t":%t,"m":%m,"U":%U,"q":%q,"H":%H,"r":%r,"x":%{X}i,"l":%l,"i":%{trace_id}x}';
  const none = { host: null, query: "", headers: [] };
  const time = "02/Jan/2026:03:04:05 +0000";
  assertEquals(JSON.parse(line(format, none)), {
    h: null,
    t: time,
    m: "GET",
    U: "/caf%C3%A9",
    q: "",
    H: "HTTP/1.1",
    r: "GET /caf%C3%A9 HTTP/1.1",
    x: null,
    l: null,
    i: null,
  });
  const { x, q, h } = JSON.parse(line(format, { headers: [["x", '"\\\0']] }));
  assertEquals([x, q, h], ['"\\\0', "?a=1&b=%20", "203.0.113.9"]);
});

Deno.test("the preset json has the same names in each line", () => {
  const span = {
    spanContext: () => ({ traceId: "ab", spanId: "cd", traceFlags: 1 }),
  } as unknown as AccessRecord["span"];
  const whole = {
    time: "2026-01-02T03:04:05.999Z",
    type: "access",
    client: "203.0.113.9",
    user: null,
    method: "GET",
    path: "/caf%C3%A9",
    url: "/caf%C3%A9?a=1&b=%20",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 5120,
    duration_seconds: 1.235,
    referer: "http://example.com/from?x=1",
    user_agent: "curl/8.5.0",
    trace_id: "ab",
    span_id: "cd",
  };
  assertEquals(JSON.parse(line("json", { span })), whole);
  const bare = { host: null, status: null, bodyBytes: 0, headers: [] };
  assertEquals(JSON.parse(line("json", bare)), {
    ...whole,
    client: null,
    status: null,
    bytes: 0,
    referer: null,
    user_agent: null,
    trace_id: null,
    span_id: null,
  });
});

Deno.test("an unknown atom fails and is named, with the atoms there are (PAGI.md 104)", () => {
  const cases = [
    ["%x", "%x"],
    ["%h %Z %s", "%Z"],
    ["%", "%"],
    ["100%", "%"],
    ["%>s", "%>"],
    ["%{Referer}", "%{Referer}"],
    ["%{Referer}o", "%{Referer}o"],
    ["%{}i", "%{}i"],
    ["%{Referer", "%{Referer"],
    ["%\u{1f600}", "%\u{1f600}"],
    ["%\n", "%\\n"],
  ];
  for (const [format, named] of cases) {
    const { message } = assertThrows(
      () => compileAccessFormat(format),
      OptionError,
    );
    assertStringIncludes(message, `has no atom "${named}"`);
    assertStringIncludes(
      message,
      "the atoms are %h %u %t %m %U %q %H %s %b %B %d %{rfc3339}t %D %T %l %% %r %{Name}i %{trace_id}x %{span_id}x",
    );
    assertStringIncludes(message, "clf, combined, common, dev, json, tiny");
  }
});

Deno.test("a client cannot forge lines or fields", () => {
  const hostile = 'a"b\\c\r\nd\0e\x1b[2Jf\x7fg\xe9h\xffi j';
  const escaped = "a\\x22b\\x5Cc\\x0D\\x0Ad\\x00e\\x1B[2Jf\\x7Fg\\xE9h\\xFFi j";
  const headers = [["x", hostile]] as const;
  const changes = { rawPath: hostile, query: hostile, headers };
  assertEquals(line("%U", changes), escaped);
  assertEquals(line("%q", changes), `?${escaped}`);
  assertEquals(line("%r", changes), `GET ${escaped}?${escaped} HTTP/1.1`);
  assertEquals(line("%{X}i", changes), escaped);
  assertEquals(line("%U", { rawPath: "/\u2028名" }), "/\\u2028\\u540D");
});

Deno.test("what is printed is plain ASCII, whatever single byte a client sends", () => {
  for (let code = 0; code < 256; code++) {
    const text = line('"%{X}i"', {
      headers: [["x", String.fromCharCode(code)]],
    });
    assert(/^"([ !#-[\]-~]|\\x[0-9A-F]{2})"$/.test(text), text);
  }
});
