import { assert, assertEquals } from "../../src/std/assert.ts";
import {
  closeRoom,
  countDescriptorsWith,
  openRoom,
  releaseDescriptors,
  reservedDescriptors,
  reserveDescriptors,
} from "../../src/system/descriptor_budget.ts";

Deno.test("descriptors can be reserved without end while nobody counts them", () => {
  assert(reserveDescriptors(1000));
  assertEquals(reservedDescriptors(), 1000);
  releaseDescriptors(1000);
  assertEquals(reservedDescriptors(), 0);
});

Deno.test("no more descriptors are reserved than there is room for", () => {
  closeRoom();
  openRoom(3);
  let counts = 0;
  const stop = countDescriptorsWith(() => counts++);
  try {
    assert(reserveDescriptors(2));
    assert(!reserveDescriptors(2));
    assertEquals(counts, 1);
    assert(reserveDescriptors(1));
    assertEquals(reservedDescriptors(), 3);
    releaseDescriptors(2);
    assert(reserveDescriptors(2));
    releaseDescriptors(3);
  } finally {
    stop();
    closeRoom();
    openRoom(null);
  }
});

Deno.test("a reservation that finds no room has descriptors counted first", () => {
  closeRoom();
  const stop = countDescriptorsWith(() => {
    closeRoom();
    openRoom(5);
  });
  try {
    assert(reserveDescriptors(5));
    releaseDescriptors(5);
  } finally {
    stop();
    closeRoom();
    openRoom(null);
  }
});
