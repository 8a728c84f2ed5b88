// @ts-types="./path.d.ts"
export { join } from "@std/path";
