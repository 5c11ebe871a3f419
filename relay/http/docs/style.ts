/** Of the page /docs; the colours are those of the app. */
export const docsStyle = `:root {
  color-scheme: light dark;
  --paper: #f5f4ef; --surface: #fff; --sunken: #f1f0ea; --ink: #1a211f; --muted: #59645f; --line: #dfddd3;
  --accent: #0b6651; --accent-soft: #e2f0ea; --warn: #7d5200; --warn-soft: #fcf0d7; --bad: #9d2328; --bad-soft: #fbe9e8;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1413; --surface: #171d1b; --sunken: #111716; --ink: #e7ece9; --muted: #9ba8a2; --line: #2a3331;
    --accent: #5fcdaa; --accent-soft: #163229; --warn: #f0c36d; --warn-soft: #35290f; --bad: #ff9c96; --bad-soft: #3a1b1a;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; scroll-padding-top: 1rem; text-size-adjust: 100%; }
body { margin: 0; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, pre:focus-visible, .wide:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.page { display: grid; gap: 0 3rem; max-width: 80rem; margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2rem) 4rem; }
nav { display: none; }
:is(nav, .contents) ul { list-style: none; margin: 0; padding: 0; }
:is(nav, .contents) h2 { font-size: 0.8rem; margin: 1rem 0 0.25rem; color: var(--muted); letter-spacing: 0; }
:is(nav, .contents) li a { display: block; padding: 0.2rem 0; font-size: 0.875rem; text-decoration: none; color: var(--ink); }
:is(nav, .contents) li a:hover { color: var(--accent); text-decoration: underline; }
:is(nav, .contents) .mono { color: var(--muted); }
.contents { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 0.6rem 1rem; }
.contents[open] summary { margin-bottom: 0.6rem; }
.contents li a { padding: 0.4rem 0; }
.back { margin: 0 0 0.75rem; font-size: 0.875rem; font-weight: 600; }
main { min-width: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 0.5rem; }
h2 { font-size: 1.35rem; line-height: 1.3; letter-spacing: -0.01em; margin: 2.5rem 0 0.5rem; }
h3 { font-size: 1.05rem; line-height: 1.4; margin: 0; }
h4 { font-size: 0.8rem; margin: 1.25rem 0 0.35rem; color: var(--muted); }
p { margin: 0.5rem 0; max-width: 46rem; }
code, pre, .mono { font-family: var(--mono); font-size: 0.86em; }
code { overflow-wrap: anywhere; }
pre { background: var(--sunken); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1rem; overflow-x: auto; line-height: 1.5; font-size: 0.8rem; }
pre code { font-size: inherit; overflow-wrap: normal; }
article { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; padding: clamp(1rem, 3vw, 1.5rem); margin: 1rem 0; }
article h3 { display: flex; flex-wrap: wrap; gap: 0.35rem 0.6rem; align-items: center; }
article h3 .mono { font-size: 0.95rem; font-weight: 500; overflow-wrap: anywhere; }
.method { font-family: var(--mono); font-size: 0.75rem; font-weight: 700; padding: 0.15rem 0.5rem; border-radius: 6px; background: var(--accent-soft); color: var(--accent); }
.method.post, .method.put { background: var(--warn-soft); color: var(--warn); }
.method.delete { background: var(--bad-soft); color: var(--bad); }
.tag { font-size: 0.75rem; font-weight: 500; color: var(--muted); border: 1px solid var(--line); border-radius: 99px; padding: 0.05rem 0.6rem; }
.muted { color: var(--muted); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 1rem 0.35rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); border-top: 0; font-size: 0.8rem; }
td:first-child { white-space: nowrap; }
details { margin-top: 0.75rem; }
summary { cursor: pointer; font-size: 0.875rem; font-weight: 600; }
dl { margin: 0.5rem 0; font-size: 0.875rem; }
dt { font-weight: 600; margin-top: 0.5rem; }
dd { margin: 0; }
@media (min-width: 64rem) {
  .page { grid-template-columns: 16rem minmax(0, 1fr); }
  .contents { display: none; }
  nav { display: block; position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 1.5rem 0; margin-top: -1.5rem; }
}
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: 0.1rem 0.75rem; padding: 0.6rem 0; border-top: 1px solid var(--line); }
  td { padding: 0; border: 0; overflow-wrap: anywhere; min-width: 0; }
  td:first-child { white-space: normal; font-weight: 600; }
  td:nth-child(2):not(:last-child) { color: var(--muted); }
  td:last-child:not(:first-child) { flex-basis: 100%; }
  td:empty { display: none; }
}
`
