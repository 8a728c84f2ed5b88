import { importTests } from "../helpers/import_tests.ts";

await importTests(
  [
    "channels",
    "http",
    "log",
    "metrics",
    "middleware",
    "options",
    "pagi",
    "std",
    "testing",
    "wire",
  ],
);
