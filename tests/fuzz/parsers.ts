/**
 * Fuzzes what reads and writes fields, paths and formats.
 *
 * @module
 */

import { preferredCodings, preferredType } from "../../src/http/negotiation.ts";
import {
  attachment,
  byteLength,
  exceeds,
  isSafeFieldValue,
  isToken,
} from "../../src/http/headers.ts";
import {
  checkConditions,
  parseRanges,
  rangeToHonour,
} from "../../src/http/conditional.ts";
import {
  fileTag,
  formatHttpDate,
  parseHttpDate,
  parseTags,
} from "../../src/http/etags.ts";
import { forwardedClient, parseIpAddress } from "../../src/http/addresses.ts";
import { escapeHtml } from "../../src/http/html.ts";
import {
  decodePath,
  encodeSegment,
  splitTarget,
} from "../../src/http/target.ts";
import { pathParts } from "../../src/apps/files/request_path.ts";
import { localHeader } from "../../src/apps/files/zip_format.ts";
import { describeValue } from "../../src/pagi/event_checks.ts";
import { formatSseComment, formatSseEvent } from "../../src/pagi/sse_events.ts";
import { BYTE_PIECES, hostileText, PIECES } from "./hostile.ts";
import { holdOneLine } from "./one_line.ts";
import type { Random } from "./random.ts";
import { readEventStream } from "./read_event_stream.ts";
import { hold, type Target } from "./target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Fields, paths and formats of all kinds. */
export const parsers: Target = {
  name: "parsers",
  share: 150,
  open: () => ({
    parallel: 1,
    round(random) {
      random.pick(CHECKS)(random);
      return 1;
    },
    close() {},
  }),
};

const CHECKS: readonly ((random: Random) => void)[] = [
  range,
  path,
  target,
  fields,
  conditions,
  dates,
  eventStream,
  negotiation,
  disposition,
  zipName,
  lengths,
  shows,
  proxies,
];

function range(random: Random): void {
  const spec = () => `${random.below(50)}-${random.below(500)}`;
  const field = random.once(4)
    ? `bytes=${Array.from({ length: 1 + random.below(4) }, spec)}`
    : random.text([..."0123456789-, \t=", "bytes=", "BYTES=", "9e9"], 12);
  const size = random.pick([0, 1, 20, 2 ** 40]);
  const found = parseRanges(field, size);
  if (found === null || found === "unsatisfiable") return;
  hold(found.length > 0, () => `${field} of ${size} gave no range`);
  for (const { start, end } of found) {
    hold(
      Number.isSafeInteger(start) && Number.isSafeInteger(end) &&
        0 <= start && start <= end && end < size,
      () => `${field} of ${size} gave ${start} to ${end}`,
    );
  }
  const bytes = found.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  hold(bytes <= size, () => `${field} of ${size} sends ${bytes} bytes`);
}

function path(random: Random): void {
  const raw = random.once(2)
    ? random.units(256, 12)
    : random.text([...BYTE_PIECES, "%C3", "%A9", "%c3%a9", "%"], 12);
  const bytes = raw.replace(
    /%([0-9A-Fa-f]{2})/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
  const decoded = decodePath(raw);
  const again = String.fromCharCode(...encoder.encode(decoded));
  hold(
    decoded === bytes || again === bytes,
    () => `${JSON.stringify(raw)} became ${JSON.stringify(decoded)}`,
  );
  const parts = pathParts(decoded, random.once(2));
  if (typeof parts === "number") return;
  hold(
    parts.every((part) =>
      part !== "" && part !== ".." && !/[/\\\0]/.test(part)
    ),
    () => `${JSON.stringify(decoded)} has parts ${JSON.stringify(parts)}`,
  );
  const name = hostileText(random);
  const segment = encodeSegment(name);
  hold(
    /^[\w\-.~%!*()]*$/.test(segment) &&
      decodePath(segment) === name.toWellFormed(),
    () => `${JSON.stringify(name)} was encoded as ${segment}`,
  );
}

function target(random: Random): void {
  const whole = random.text([...BYTE_PIECES, "?"], 8);
  const { rawPath, queryString } = splitTarget(whole);
  const mark = whole.includes("?") ? "?" : "";
  hold(
    !rawPath.includes("?") && rawPath + mark + queryString === whole,
    () => `${JSON.stringify(whole)} was not split at its first question mark`,
  );
}

function fields(random: Random): void {
  const text = hostileText(random, 3);
  let token = text !== "";
  let safe = true;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 255 || unit === 127 || unit < 32 && unit !== 9) safe = false;
    if (!/[!#$%&'*+\-.^_`|~\da-z]/i.test(text[i])) token = false;
  }
  hold(
    isToken(text) === token && isSafeFieldValue(text) === safe,
    () => `${JSON.stringify(text)} was taken for what it is not`,
  );
}

function conditions(random: Random): void {
  const etag = fileTag(
    random.below(100),
    random.once(5) ? null : random.below(2 ** 31) * 500,
    random.below(2 ** 31) * 500,
  );
  const time = random.below(2 ** 31) * 1000;
  const lastModified = random.once(5) ? null : time;
  const field = () =>
    random.one(
      () => etag,
      () => "*",
      () => random.mutated(`${etag}, "a", W/"b"`, PIECES),
      () => formatHttpDate(time),
      () => random.mutated(formatHttpDate(time), PIECES),
      () => hostileText(random),
    );
  const some = Object.fromEntries(
    ["if-match", "if-unmodified-since", "if-none-match", "if-modified-since"]
      .filter(() => random.once(3)).map((name) => [name, field()]),
  );
  const validators = { etag, lastModified };
  const status = checkConditions(some, validators);
  const may412 = "if-match" in some || "if-unmodified-since" in some;
  const may304 = "if-none-match" in some || "if-modified-since" in some;
  hold(
    status === null || status === 412 && may412 || status === 304 && may304,
    () => `${JSON.stringify(some)} of ${etag} gave ${status}`,
  );
  const asked = { range: "bytes=0-1", "if-range": field() };
  const honoured = rangeToHonour(asked, validators);
  hold(
    honoured === null || honoured === asked.range && !etag.startsWith("W/"),
    () => `${JSON.stringify(asked)} of ${etag} was honoured`,
  );
  const tags = parseTags(field());
  hold(
    tags === "*" ||
      tags.every((tag) => /^(W\/)?"[!\x23-\x7e\x80-\xff]*"$/.test(tag)),
    () => `these are no tags: ${JSON.stringify(tags)}`,
  );
}

function dates(random: Random): void {
  const time = random.below(2 ** 31) * 2000;
  const text = formatHttpDate(time);
  hold(parseHttpDate(text) === time, () => `${text} was read as another time`);
  const changed = random.mutated(text, PIECES);
  const read = parseHttpDate(changed);
  hold(
    read === null || Number.isSafeInteger(read) && read % 1000 === 0,
    () => `${JSON.stringify(changed)} was read as ${read}`,
  );
}

function eventStream(random: Random): void {
  const line = () => hostileText(random, 4).replace(/[\r\n]/g, "");
  const data = random.text([...PIECES, "\n", "\r", "data: x", ":", " "], 10);
  const event = random.once(2) ? line() : undefined;
  const id = random.once(2) ? line() : undefined;
  const retry = random.once(3) ? random.below(2 ** 31) : undefined;
  const text = formatSseEvent({ type: "sse.send", data, event, id, retry });
  const comment = formatSseComment(
    random.text([...PIECES, "\n", "\r", "data: x", "id: 1"], 10),
  );
  const [read, ...others] = readEventStream(comment + text + comment);
  const expected = {
    data: data.split(/\r\n|\n|\r/).join("\n"),
    event: event || "message",
    id: id === undefined || id.includes("\0") ? "" : id,
    retry: retry ?? null,
  };
  hold(
    others.length === 0 && JSON.stringify(read) === JSON.stringify(expected),
    () => `${JSON.stringify(text)} is read as ${JSON.stringify(read)}`,
  );
}

function negotiation(random: Random): void {
  const pieces = [..."*/;,=. q", "text/html", "application/json", "q=", "0.5"];
  const field = random.pick([
    null,
    random.text(pieces, 20),
    hostileText(random),
  ]);
  const type = preferredType(field, "text/html", ["application/json"]);
  hold(
    type === "text/html" || type === "application/json",
    () => `${JSON.stringify(field)} asks for ${type}`,
  );
  const available = ["br", "gzip", "zstd"];
  const codings = preferredCodings(
    random.text([..."*;,=. q", "br", "gzip", "identity", "q=", "0.5"], 20),
    available,
  );
  hold(
    new Set(codings).size === codings.length &&
      codings.every((coding) => available.includes(coding)),
    () => `codings came from nowhere: ${codings}`,
  );
}

function disposition(random: Random): void {
  const name = hostileText(random);
  const field = attachment(name);
  const [, plain, exact] =
    /^attachment; filename="([\x20-\x7e]*)"(?:; filename\*=UTF-8''([\w.~%!-]*))?$/
      .exec(field) ?? [];
  hold(
    plain !== undefined && !/["\\]/.test(plain) &&
      (exact === undefined ? plain : decodeURIComponent(exact)) ===
        name.toWellFormed(),
    () => `${JSON.stringify(name)} became ${field}`,
  );
}

function zipName(random: Random): void {
  const member = {
    path: hostileText(random),
    size: random.pick([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 50]),
    mtime: random.pick([0, -5, random.below(2 ** 32), 2 ** 40]),
    executable: random.once(2),
  };
  const header = localHeader(member);
  const view = new DataView(header.buffer);
  const nameLength = view.getUint16(26, true);
  const extraLength = view.getUint16(28, true);
  hold(
    view.getUint32(0, true) === 0x04034b50 &&
      header.length === 30 + nameLength + extraLength &&
      decoder.decode(header.subarray(30, 30 + nameLength)) ===
        member.path.toWellFormed(),
    () => `this is no ZIP header of ${JSON.stringify(member)}: ${header}`,
  );
}

function lengths(random: Random): void {
  const text = hostileText(random);
  const { length } = encoder.encode(text);
  hold(
    byteLength(text) === length && !exceeds(text, length) &&
      (length === 0 || exceeds(text, length - 1)),
    () => `${JSON.stringify(text)} has ${length} bytes`,
  );
}

function shows(random: Random): void {
  const text = hostileText(random);
  holdOneLine(describeValue(text));
  const html = escapeHtml(text);
  hold(
    !/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/.test(html),
    () => `markup in ${JSON.stringify(html)}`,
  );
}

/** Whatever stands further left, the nearest proxy's word is read. */
function proxies(random: Random): void {
  const left = random.text([...BYTE_PIECES, "for=", '"', "\\", ", "], 8);
  const address = random.pick(["203.0.113.7", "2001:db8::1"]);
  const node = address.includes(":") ? `[${address}]` : address;
  const fields = random.once(2)
    ? [["x-forwarded-for", left], ["x-forwarded-for", address]] as const
    : [["forwarded", `${left}, for="${node}";proto=https`]] as const;
  const found = forwardedClient(fields, () => false);
  hold(
    found.client?.[0] === address,
    () => `${JSON.stringify(fields)} names ${JSON.stringify(found)}`,
  );
  const text = random.mutated(address, [..."0123456789abcdef:./%[]"]);
  const read = parseIpAddress(text);
  hold(
    read === null || parseIpAddress(read.text)?.text === read.text,
    () => `${JSON.stringify(text)} is read as ${read?.text}`,
  );
}
