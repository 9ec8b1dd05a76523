"""How reports look: on a screen by day and by night, on a phone, and on paper. Nothing of it is fetched."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2126; --soft: #5d6873; --line: #dfe4e8; --card: #f6f8f9;
  --best: #0f6b52; --dot: #2563a8; --warn: #a32b2b; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --ink: #e6eaee; --soft: #9aa5b0; --line: #2c343b; --card: #1c2228;
  --best: #5cc9a3; --dot: #7db4ee; --warn: #f08a8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: .95rem; margin: 0 0 .1rem; line-height: 1.35; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.small { font-size: .85rem; }
.warn { color: var(--warn); }
.verdict { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin: 1.25rem 0 0;
  padding: .8rem 1.1rem .8rem 2.1rem; }
.verdict li { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line);
  padding: .3rem .55rem; vertical-align: bottom; line-height: 1.3; white-space: nowrap; }
td { text-align: right; border-bottom: 1px solid var(--line); padding: .4rem .55rem; vertical-align: top;
  white-space: nowrap; }
td small { display: block; color: var(--soft); font-size: .78rem; }
th.words, td.words { text-align: left; white-space: normal; min-width: 9rem; overflow-wrap: break-word; }
th:first-child, td:first-child { padding-left: 0; }
td.top { font-weight: 650; }
.star { color: var(--best); }
.number { display: inline-block; min-width: 1.5em; margin-right: .3em; padding: 0 .3em; border-radius: .75em;
  text-align: center;  font-size: .78rem; font-weight: 650; background: var(--ink); color: var(--paper); }
.key { margin: .45rem 0 0; color: var(--soft); font-size: .85rem; }
figure { margin: 0; break-inside: avoid; min-width: 0; }
figcaption { font-weight: 600; margin: 0 0 .35rem; }
figcaption span { display: block; font-weight: 400; color: var(--soft); font-size: .85rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.5rem; }
svg { display: block; width: 100%; height: auto; }
svg.scatter { min-width: 40rem; }
svg text { fill: var(--soft); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
svg .label { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
  stroke-linejoin: round; }
svg .name { fill: var(--ink); }
svg .grid { stroke: var(--line); }
svg .front { fill: none; stroke: var(--best); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .leader { stroke: var(--soft); stroke-width: .8; }
svg .best { fill: var(--best); }
svg .beaten { fill: var(--paper); stroke: var(--dot); stroke-width: 2; }
svg .range { stroke: var(--soft); }
svg .dots { stroke: var(--dot); stroke-width: 5.5; stroke-linecap: round; stroke-opacity: .5; }
svg .median { stroke: var(--ink); stroke-width: 3; }
svg .late { fill: var(--ink); }
.grid-table td { text-align: center; }
.grid-table td.words { text-align: left; }
.grid-table th { text-align: center; }
.grid-table th.words { text-align: left; }
a { color: inherit; }
.plain { list-style: none; padding: 0; font-size: .9rem; }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; font-weight: 600; }
summary .soft { font-weight: 400; }
.asked { border-left: 3px solid var(--line); margin: .6rem 0; padding: .1rem 0 .1rem .8rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .75rem;
  margin-top: .6rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem;
  min-width: 0; }
.card.failed { border: 2px dashed var(--warn); }
.card.skipped { border-style: dotted; }
div.words { white-space: pre-wrap; max-height: 22rem; overflow: auto; margin: .35rem 0; unicode-bidi: plaintext; }
.card hr { border: 0; border-top: 1px solid var(--line); margin: .5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; }
@media (max-width: 34rem) { body { padding: 1.25rem .9rem 2rem; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin: 0 0 .5rem; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --card: #fff;
    --best: #0b5a44; --dot: #1d4f86; --warn: #8c1d1d; }
  body { max-width: none; padding: 0; font-size: 11px; }
  .number { background: none; color: #000; border: 1px solid #000; }
  .pair { grid-template-columns: 1fr 1fr; }
  .wide { overflow: visible; } svg.scatter { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  div.words { max-height: none; }
  .card, tr { break-inside: avoid; }
  svg * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
