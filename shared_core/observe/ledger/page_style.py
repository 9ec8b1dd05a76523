"""How the page of a ledger looks: on a screen by day and by night, and on paper. Nothing of it is fetched."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2126; --soft: #5d6873; --line: #dfe4e8; --card: #f6f8f9;
  --cost: #b45309; --read: #2563a8; --written: #7fb2e0; --warn: #a32b2b; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --ink: #e6eaee; --soft: #9aa5b0; --line: #2c343b; --card: #1c2228;
  --cost: #f0a354; --read: #63a4e8; --written: #35608a; --warn: #f08a8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem .9rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; font-weight: 650; }
.tile span { color: var(--soft); font-size: .85rem; }
.tile .name { text-transform: uppercase; letter-spacing: .05em; font-size: .72rem; }
.warn, .tile .warn { color: var(--warn); }
figure { margin: 0; break-inside: avoid; overflow-x: auto; }
figcaption { font-weight: 600; margin: 1.5rem 0 .35rem; }
figcaption span { font-weight: 400; color: var(--soft); }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .grid { stroke: var(--line); }
svg .cost { fill: var(--cost); }
svg .read { fill: var(--read); }
svg .written { fill: var(--written); }
svg .unknown { fill: var(--warn); font-weight: 700; }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin: 0 .3em 0 .8em; }
.key.read { background: var(--read); }
.key.written { background: var(--written); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line);
  padding: .3rem .5rem; white-space: nowrap; }
td { text-align: right; border-bottom: 1px solid var(--line); padding: .35rem .5rem; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 9rem; }
tr { break-inside: avoid; }
section { break-inside: avoid-page; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --card: #fff;
    --cost: #8a4100; --read: #1d4f86; --written: #86aed3; --warn: #8c1d1d; }
  body { max-width: none; padding: 0; font-size: 11px; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
