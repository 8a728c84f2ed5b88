import { importTests } from "../helpers/import_tests.ts";

await importTests(
  [
    "cli",
    "container",
    "engine",
    "examples",
    "fuzz",
    "guard",
    "loader",
    "process",
    "publish",
  ],
);
