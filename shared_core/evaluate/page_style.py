"""How reports look, beside what all pages share (`_page`): by day and by night, on a phone, and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --width: 68rem; --best: #0f6b52; --dot: #2563a8; }
@media (prefers-color-scheme: dark) { :root { --best: #5cc9a3; --dot: #7db4ee; } }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: .95rem; margin: 0 0 .1rem; line-height: 1.35; }
.small { font-size: .85rem; }
.verdict { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin: 1.25rem 0 0;
  padding: .8rem 1.1rem .8rem 2.1rem; }
.verdict li { margin: .2rem 0; }
th { padding: .3rem .55rem; vertical-align: bottom; line-height: 1.3; }
td { padding: .4rem .55rem; vertical-align: top; }
td small { display: block; color: var(--soft); font-size: .78rem; }
th.words, td.words { text-align: left; white-space: normal; min-width: 9rem; overflow-wrap: break-word; }
td.top { font-weight: 650; }
.star { color: var(--best); }
.number { display: inline-block; min-width: 1.5em; margin-right: .3em; padding: 0 .3em; border-radius: .75em;
  text-align: center;  font-size: .78rem; font-weight: 650; background: var(--ink); color: var(--paper); }
.key { margin: .45rem 0 0; color: var(--soft); font-size: .85rem; }
figure { min-width: 0; }
figcaption { margin: 0 0 .35rem; }
figcaption span { display: block; font-size: .85rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.5rem; }
svg.scatter { min-width: 40rem; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
svg .label { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
  stroke-linejoin: round; }
svg .name { fill: var(--ink); }
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
@media screen and (max-width: 34rem) { body { padding: 1.25rem .9rem 2rem; } }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin: 0 0 .5rem; } }
@media print { :root { --best: #0b5a44; --dot: #1d4f86; }
  .number { background: none; color: #000; border: 1px solid #000; }
  .pair { grid-template-columns: 1fr 1fr; }
  .wide { overflow: visible; } svg.scatter { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  div.words { max-height: none; }
  .card { break-inside: avoid; }
  svg * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
