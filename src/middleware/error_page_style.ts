/**
 * The style of the error page.
 *
 * @module
 */

/** CSS, to stand in the page itself. */
export const ERROR_PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1c2128; --soft: #5b6470;
  --line: #e3e6ea; --error: #b3261e; --own: #f1f5fb; --link: #0b57d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --text: #e4e8ed; --soft: #9aa5b1;
    --line: #2a3038; --error: #f2867e; --own: #1e2733; --link: #8ab4f8;
  }
}
* { box-sizing: border-box; }
body {
  max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1, h2 { margin: 0; font-size: 1.3rem; line-height: 1.35; font-weight: 500; white-space: pre-wrap; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; }
.name { margin: 0 0 .15rem; color: var(--error); font-weight: 600; }
.request { margin: .5rem 0 0; color: var(--soft); }
section > .request:first-child { margin: 0 0 .25rem; }
.card { margin: 1.25rem 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
code, .request, td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .875rem; overflow-wrap: anywhere; }
ol { margin: .75rem 0 0; padding: 0; list-style: none; }
li { padding: .25rem .75rem; border-radius: .4rem; color: var(--soft); }
li.own { margin: .15rem 0; background: var(--own); color: var(--text); box-shadow: inset 3px 0 var(--link); }
summary { margin-top: .6rem; color: var(--link); cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .4rem; }
table { width: 100%; margin-top: .5rem; border-collapse: collapse; }
th, td { padding: .3rem 1rem .3rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
th { width: 12rem; color: var(--soft); font-size: .875rem; font-weight: 400; overflow-wrap: anywhere; }
i { color: var(--soft); }
footer { color: var(--soft); font-size: .9rem; }
`;
