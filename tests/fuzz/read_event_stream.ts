/**
 * A reader of event streams, written from the HTML standard ("Server-sent
 * events", 9.2.6) and not from the writer.
 *
 * @module
 */

/** An event as a browser would see it. */
export interface ReadEvent {
  data: string;
  event: string;
  id: string;
  retry: number | null;
}

/** The events of a whole stream, each with the fields that were its own. */
export function readEventStream(text: string): ReadEvent[] {
  const events: ReadEvent[] = [];
  let data: string[] = [];
  let event = "";
  let id = "";
  let retry: number | null = null;
  for (const line of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/)) {
    if (line === "") {
      if (data.length > 0) {
        const name = event || "message";
        events.push({ data: data.join("\n"), event: name, id, retry });
      }
      data = [];
      event = id = "";
      retry = null;
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) retry = Number(value);
  }
  return events;
}
