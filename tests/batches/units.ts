import { importTests } from "../helpers/import_tests.ts";

await importTests(
  ["http", "log", "middleware", "options", "pagi", "testing", "wire"],
);
