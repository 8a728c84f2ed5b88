import { loadApp } from "../../src/loader/load_app.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { toFileUrl } from "../../src/std/path.ts";
import { failure, request, said, says } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("loadApp() runs an app function, whatever its file is called", async () => {
  const names = ["app.ts", "a.mjs", "two words.js", "50%20#1?é'\".ts", "-x.js"];
  await withFiles(
    Object.fromEntries(names.map((name) => [
      name,
      `export default ${says(JSON.stringify(name))};`,
    ])),
    async (folder) => {
      for (const name of names) {
        assertEquals(await said([`${folder}/${name}`]), name);
        assertEquals(await said([], { app: `${folder}/${name}` }), name);
      }
    },
  );
});

Deno.test("loadApp() constructs a class with the pairs and calls toApp()", async () => {
  const app = says("JSON.stringify(options)");
  await withFiles({
    "method.ts": `export default class {
      constructor(private options: Record<string, string>) {}
      toApp() { const { options } = this; return ${app}; }
    }`,
    "field.js": `export default class App {
      constructor(options) { this.toApp = () => ${app}; }
    }`,
    "old.js": `export default function App(options) {
      this.options = options;
    }
    App.prototype.toApp = function () {
      const { options } = this;
      return ${app};
    };`,
  }, async (folder) => {
    for (const name of ["method.ts", "field.js", "old.js"]) {
      assertEquals(
        await said([`${folder}/${name}`, "root=/srv", "deep=0"]),
        '{"root":"/srv","deep":"0"}',
      );
    }
  });
});

Deno.test("loadApp() takes objects with toApp() and fetch handlers", async () => {
  await withFiles({
    "object.js": `export default { toApp: () => ${says('"object"')} };`,
    "fetch.js": `export default { fetch: () => new Response("fetch") };`,
    "this.js": `export default {
      word: "this",
      fetch() { return new Response(this.word); },
    };`,
    // As itty-router does: it has a method for every name.
    "proxy.js": `export default {
      __proto__: new Proxy({}, { get: () => () => "a route" }),
      fetch: () => new Response("proxy"),
    };`,
  }, async (folder) => {
    for (const name of ["object", "fetch", "this", "proxy"]) {
      assertEquals(await said([`${folder}/${name}.js`]), name);
    }
  });
});

Deno.test("loadApp() takes functions of fewer than three parameters for fetch handlers", async () => {
  const one = `(request) => new Response(new URL(request.url).pathname)`;
  await withFiles({
    "one.js": `export default ${one};`,
    "none.js": `export default () => new Response("/");`,
    "two.js":
      `export default async (request, info) => new Response(info.remoteAddr.transport);`,
    "method.js":
      `const app = { fetch: (request, ...rest) => (${one})(request) };
      export default app.fetch;`,
    "bound.js": `export default (${one}).bind(null);`,
    "default.js":
      `export default (request = null, { remoteAddr } = {}) => (${one})(request);`,
    "pattern.js":
      `export default ({ url }) => new Response(new URL(url).pathname);`,
    "bare.js": `export default async request => (${one})(request);`,
    "made.js": `export default { toApp: () => ({ fetch: ${one} }) };`,
    "class.js":
      `export default class { fetch(request) { return (${one})(request); } }`,
    "given.js": `export default class { toApp() { return ${one}; } }`,
  }, async (folder) => {
    for (
      const name of [
        "none",
        "one",
        "method",
        "bound",
        "default",
        "pattern",
        "bare",
        "made",
        "class",
        "given",
      ]
    ) {
      assertEquals(await said([`${folder}/${name}.js`]), "/", name);
    }
    assertEquals(await said([`${folder}/two.js`]), "tcp");
  });
});

Deno.test("loadApp() takes functions that hand on what they get for apps", async () => {
  await withFiles({
    "rest.js": `const app = ${says('"rest"')};
      export default (...args) => app(...args);`,
    "arguments.js": `const app = ${says('"arguments"')};
      export default function () { return app.apply(this, arguments); }`,
    "bound.js": `const app = ${says('"bound"')};
      export default ((...args) => app(...args)).bind(null);`,
  }, async (folder) => {
    for (const name of ["rest", "arguments", "bound"]) {
      assertEquals(await said([`${folder}/${name}.js`]), name);
    }
  });
});

Deno.test("loadApp() refuses pairs for anything but a class", async () => {
  await withFiles({
    "app.js": `export default ${says('"x"')};`,
    "fetch.js": `export default { fetch: () => new Response() };`,
  }, async (folder) => {
    for (const name of ["app.js", "fetch.js"]) {
      await assertRejects(
        () => loadApp(request([`${folder}/${name}`, "root=/srv"])),
        OptionError,
        `${name} takes no options such as "root=/srv": its app is not a class`,
      );
    }
  });
});

Deno.test("loadApp() says what an unusable export is", async () => {
  const cases: [code: string, found: string][] = [
    ["export default 'app'", "is a string"],
    ["export default null", "is null"],
    ["export default undefined", "is undefined"],
    ["export default {}", "is an empty object"],
    ["export default { a: 1, fetch: 2 }", "is an object with a, fetch"],
    ["export default [1]", "is an object of class Array"],
    ["export default Promise.resolve()", "Await it"],
    ["export default class {}", "no method toApp()"],
    [
      "export default () => async (scope, receive, send) => {}",
      "is a function without parameters that seems to make the app. Export what it returns, as in: export default createApp()",
    ],
    [
      "export default async () => function app(scope, receive, send) {}",
      "as in: export default await createApp()",
    ],
    ["export default async (scope, receive) => {}", "but not all of (scope,"],
    ["export default (scope, receive, send = 1) => {}", "but not all of"],
    ["export default scope => {}", "but not all of (scope, receive, send)"],
    ["export default function (scope = {}, b, c) {}", "but not all of (scope,"],
    [
      "export default { toApp: () => (req, res) => res.end() }",
      "is made for Node's own HTTP server. Export it as default",
    ],
    [
      "export default { callback() {}, listen() { throw new Error('no port') } }",
      "no port",
    ],
    ["export default { toApp: 1 }", "no method toApp()"],
    ["export default { toApp() { return 1 } }", "toApp() of"],
    [
      "export default { async toApp() { return () => {} } }",
      "gives an object of class Promise, which is neither an app function nor a fetch handler. It cannot be async",
    ],
    ["export const app = 1, b = 2", "no default export. It exports app, b."],
    [
      "export const app = 1, handler = '', fetch = {}",
      "It exports app, fetch,",
    ],
  ];
  await withFiles(
    Object.fromEntries(cases.map(([code], i) => [`${i}.js`, code])),
    async (folder) => {
      for (const [i, [code, found]] of cases.entries()) {
        const message = await failure([`${folder}/${i}.js`]);
        assertStringIncludes(message, `${folder}/${i}.js`, code);
        assertStringIncludes(message, found, code);
      }
    },
  );
});

Deno.test("loadApp() shows where an app cannot be parsed", async () => {
  await withFiles({
    "app.ts": "const a: number = 1;\nexport default functio (x) {\n",
    "import.ts": 'import "./app.ts";',
    "missing.ts": '\nimport x from "./none.ts";\nx();',
    "name.ts": '\nimport { nope } from "./import.js";\nnope();',
    "import.js": "",
  }, async (folder) => {
    for (const name of ["app.ts", "import.ts"]) {
      const message = await failure([`${folder}/${name}`]);
      assertStringIncludes(message, `${folder}/${name} could not be loaded.\n`);
      assertStringIncludes(message, "Expected ';', got '{'");
      assertStringIncludes(message, `${folder}/app.ts:2:28`);
      assertNotMatch(message, /TypeError|at async/);
    }
    const missing = await failure([`${folder}/missing.ts`]);
    assertStringIncludes(missing, `${folder}/none.ts`);
    assertStringIncludes(missing, `${folder}/missing.ts:2:15`);
    const name = await failure([`${folder}/name.ts`]);
    assertStringIncludes(name, `${folder}/name.ts:2:10`);
  });
});

Deno.test("loadApp() shows the app's own stack when it throws", async () => {
  await withFiles({
    "import.ts": `interface A { b: string }
function open(): never {
  throw new Error("no database", { cause: new TypeError("no password") });
}
open();`,
    "constructor.ts": `export default class {
  constructor() { throw new Error("no database"); }
}`,
    "to_app.ts": `export default {
  toApp() { throw new Error("no database"); },
};`,
    "string.js": `throw "just text";`,
  }, async (folder) => {
    const message = await failure([`${folder}/import.ts`]);
    const frames = message.match(/^ +at .*$/gm);
    assertMatch(message, /could not be loaded\.\nError: no database\n/);
    assertStringIncludes(message, "\nCaused by: TypeError: no password\n");
    assertEquals(frames?.length, 4);
    assertStringIncludes(
      frames![0],
      `open (${toFileUrl(folder)}/import.ts:3:9`,
    );
    for (
      const [name, sentence] of [
        ["constructor.ts", "The constructor of"],
        ["to_app.ts", "toApp() of"],
      ]
    ) {
      const message = await failure([`${folder}/${name}`]);
      assertStringIncludes(message, `${sentence} ${folder}/${name} failed.`);
      assertEquals(message.match(/^ +at .*$/gm)?.length, 1);
      assertMatch(message, new RegExp(`/${name}:2:\\d+\\)$`));
    }
    assertStringIncludes(
      await failure([`${folder}/string.js`]),
      'It threw "just text"',
    );
  });
});

Deno.test("loadApp() has one sentence for what is no app file", async () => {
  await withFiles({ "app.pl": "sub {}", "dir/x": "" }, async (folder) => {
    assertEquals(
      await failure([`${folder}/none.ts`]),
      `There is no file "${folder}/none.ts".`,
    );
    assertMatch(await failure(["./a\0.ts"]), /^"\.\/a\\u0000\.ts" cannot be/);
    assertMatch(
      await failure([`${folder}/dir/x/y.ts`]),
      /cannot be read\. NotADirectory: Not a directory/,
    );
    for (const name of ["app.pl", "none.psgi"]) {
      assertMatch(
        await failure([`${folder}/${name}`]),
        /is a Perl app\. It needs the Perl server, or a port to TypeScript/,
      );
    }
  });
});

Deno.test("loadApp() imports specifiers", async () => {
  await withFiles({
    "app.ts": `export default ${says('"file: works"')};`,
  }, async (folder) => {
    assertEquals(await said([`${toFileUrl(folder)}/app.ts`]), "file: works");
  });
  assertMatch(
    await failure(["npm:hono@4.13.19"]),
    /^npm:hono@4\.13\.19 has no default export\. It exports Context, Hono\./,
  );
  assertMatch(
    await failure(["http://127.0.0.1:1/app.ts"]),
    /^http:\/\/127\.0\.0\.1:1\/app\.ts could not be loaded\. Its imports have to be downloaded once.*: deno cache http/,
  );
});
