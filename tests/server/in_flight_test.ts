import { InFlight, type Unwatched } from "../../src/server/in_flight.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("a request that is answered while others come to be watched is left alone", () => {
  const inFlight = new InFlight(() => {});
  const watched: string[] = [];
  const request = (name: string, then = () => {}): Unwatched => ({
    place: -1,
    turn: 0,
    watch() {
      watched.push(name);
      then();
    },
  });
  const answered = request("answered");
  const other = request("other");
  const first = request("first", () => inFlight.deleteUnwatched(answered));
  for (const one of [answered, other, first]) inFlight.addUnwatched(one);
  assertEquals(inFlight.size, 0);
  assertEquals(watched, ["first", "other"]);
  // It has been watched.
  inFlight.deleteUnwatched(other);
  inFlight.addUnwatched(answered);
  assertEquals(inFlight.size, 0);
  assertEquals(watched, ["first", "other", "answered"]);
});
