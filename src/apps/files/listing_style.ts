/**
 * The style of listings.
 *
 * @module
 */

/** CSS, to stand in the page itself. */
export const LISTING_STYLE = `
:root { color-scheme: light dark; }
body {
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem;
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
a { color: light-dark(#0a58ca, #8ab4f8); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .5rem; text-align: left; vertical-align: baseline; }
th { font-weight: 600; }
tr { border-bottom: 1px solid light-dark(#ddd, #444); }
td:first-child { overflow-wrap: anywhere; white-space: pre-wrap; }
.size, .time {
  text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums;
}
footer { margin-top: 1rem; color: light-dark(#555, #aaa); }
@media (max-width: 36rem) { .time { display: none; } }
`;
