/**
 * Messages in fragments, in the right order and in all wrong ones.
 *
 * @module
 */

import {
  binary,
  checkFrames,
  close,
  type FrameRow,
  MORE,
  more,
  ping,
  text,
  VIOLATION,
} from "./frame_rows.ts";

const TAKEN: FrameRow[] = [
  {
    title: "two fragments of a text",
    rfc: "5.4",
    sends: [text("frag", MORE), more("ment")],
    told: ["fragment"],
  },
  {
    title: "two fragments of a binary message",
    rfc: "5.4",
    sends: [binary("frag", MORE), more("ment")],
    told: [new TextEncoder().encode("fragment")],
  },
  {
    title: "empty fragments",
    rfc: "5.4",
    sends: [text("", MORE), more("", MORE), more("")],
    told: [""],
  },
  {
    title: "a text among empty fragments",
    rfc: "5.4",
    sends: [text("", MORE), more("middle", MORE), more("")],
    told: ["middle"],
  },
  {
    title: "1,000 fragments of one byte",
    rfc: "5.4",
    sends: [
      text("x", MORE),
      ...Array.from({ length: 998 }, () => more("x", MORE)),
      more("x"),
    ],
    told: ["x".repeat(1000)],
  },
  {
    title: "fragments, each with a mask of its own",
    rfc: "5.3",
    sends: [
      text("ab", { ...MORE, mask: [9, 8, 7, 6] }),
      more("cd", { mask: [1, 0, 255, 0] }),
    ],
    told: ["abcd"],
  },
  {
    title: "fragments with pings among them",
    rfc: "5.4",
    sends: [text("a", MORE), ping("1"), more("b", MORE), ping("2"), more("c")],
    back: ["pong 1", "pong 2"],
    told: ["abc"],
  },
  {
    title: "two messages in fragments, one after the other",
    rfc: "5.4",
    sends: [text("a", MORE), more("b"), binary("c", MORE), more("d")],
    told: ["ab", new TextEncoder().encode("cd")],
  },
  {
    title: "a Close in the middle of a message, which is lost,",
    rfc: "5.4",
    sends: [text("unfinished", MORE), close(1000, "enough")],
    back: ["close 1000 enough"],
    end: [1000, "enough"],
  },
];

for (const row of TAKEN) {
  Deno.test(`${row.title} can be read (RFC 6455, ${row.rfc}; PAGI.md 67)`, () =>
    checkFrames(row));
}

const REFUSED: FrameRow[] = [
  {
    title: "the last fragment of nothing",
    rfc: "5.4",
    sends: [more("b"), text("late")],
    end: VIOLATION,
  },
  {
    title: "a middle fragment of nothing",
    rfc: "5.4",
    sends: [more("b", MORE), text("late")],
    end: VIOLATION,
  },
  {
    title: "a fragment after a whole message",
    rfc: "5.4",
    sends: [text("whole"), more("b"), text("late")],
    told: ["whole"],
    end: VIOLATION,
  },
  {
    title: "a fragment after a message's last one",
    rfc: "5.4",
    sends: [text("a", MORE), more("b"), more("c")],
    told: ["ab"],
    end: VIOLATION,
  },
  {
    title: "a whole text among a text's fragments",
    rfc: "5.4",
    sends: [text("a", MORE), text("b"), more("c")],
    end: VIOLATION,
  },
  {
    title: "a whole binary message among a text's fragments",
    rfc: "5.4",
    sends: [text("a", MORE), binary("b"), more("c")],
    end: VIOLATION,
  },
  {
    title: "a whole text among a binary message's fragments",
    rfc: "5.4",
    sends: [binary("a", MORE), more("b", MORE), text("c")],
    end: VIOLATION,
  },
];

for (const row of REFUSED) {
  Deno.test(`${row.title} ends with 1002 (RFC 6455, ${row.rfc}; PAGI.md 70)`, () =>
    checkFrames(row));
}

const LENIENT: FrameRow[] = [
  {
    title: "a message begun in the middle of another takes its place",
    rfc: "5.4",
    sends: [text("lost", MORE), text("b", MORE), more("c")],
    told: ["bc"],
  },
  {
    title: "and so does one of another kind",
    rfc: "5.4",
    sends: [binary("lost", MORE), more("lost", MORE), text("b", MORE), more()],
    told: ["b"],
  },
];

for (const row of LENIENT) {
  Deno.test(`${row.title} (RFC 6455, ${row.rfc}; PAGI.md 70, exception)`, () =>
    checkFrames(row));
}
