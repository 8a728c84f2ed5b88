import { escapeHtml } from "../../src/http/html.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("markup and both kinds of quotes are escaped (PAGI.md 112)", () => {
  assertEquals(
    escapeHtml(`<a href="x" title='y'>&amp;</a>`),
    "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;",
  );
  assertEquals(escapeHtml("plain 😀"), "plain 😀");
});
