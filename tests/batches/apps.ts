import { importTests } from "../helpers/import_tests.ts";

await importTests(["apps"]);
