"""How the pages look: on a wide screen, on a phone, in the dark and on paper."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #595959; --line: #d9d9d9; --paper: #fff;
  --answer: #a84300; --fine: #0072b2; --fine-back: #f4f7fa; --doubt-back: #fdf5ef; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #444;
  --paper: #16181b; --answer: #ff9a57; --fine: #57b6ee; --fine-back: #1b2630;
  --doubt-back: #2d211a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: var(--fine); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.of { color: var(--soft); margin: 0 0 1rem; overflow-wrap: anywhere; }
.verdict { border-left: .4rem solid var(--fine); padding: .6rem 1rem;
  background: var(--fine-back); }
.verdict.doubt { border-color: var(--answer); background: var(--doubt-back); }
.verdict p { margin: .25rem 0; overflow-wrap: break-word; }
figure { margin: 1.5rem 0; }
figcaption { color: var(--soft); font-size: .9rem; }
figcaption p { margin: .25rem 0; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); background: #fff; }
figure.where img { max-height: 34rem; width: auto; }
table { border-collapse: collapse; width: 100%; }
.wide { overflow-x: auto; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
.wide th, .wide td { overflow-wrap: break-word; min-width: 5rem; }
th[scope=col], td.whole { overflow-wrap: normal; }
th[scope=row] { width: 21rem; font-weight: 600; }
.words th[scope=row] { width: 8rem; }
td.n { font-variant-numeric: tabular-nums; }
summary { cursor: pointer; font-weight: 600; margin: 1.5rem 0 .5rem; }
li { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding: 1rem; }
  h1 { font-size: 1.3rem; }
  .pairs, .pairs tbody, .pairs tr, .pairs th, .pairs td { display: block; width: auto; }
  .pairs th[scope=row], .words th[scope=row] { width: auto; border: 0; padding-bottom: 0; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff;
    --answer: #a84300; --fine: #0072b2; --fine-back: #f4f7fa; --doubt-back: #fdf5ef; }
  body { max-width: none; padding: 0; font-size: 10.5pt; print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
  h1, h2, summary { break-after: avoid; }
  section > h2 + *, summary + * { break-before: avoid; }
  tr, figure, .verdict, li { break-inside: avoid; }
  figure img { max-height: 13cm; width: auto; }
  .wide { overflow: visible; }
}
"""
