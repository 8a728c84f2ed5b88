import { importTests } from "../helpers/import_tests.ts";

await importTests(["server"], (name) => name.startsWith("http_"));
