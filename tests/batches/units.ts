import { importTests } from "../helpers/import_tests.ts";

await importTests(
  [
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
