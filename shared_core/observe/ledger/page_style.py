"""How the page of a ledger looks, beside what all pages share (`_page`): by day and by night, and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --cost: #b45309; --read: #2563a8; --written: #7fb2e0; }
@media (prefers-color-scheme: dark) { :root { --cost: #f0a354; --read: #63a4e8; --written: #35608a; } }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem .9rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; font-weight: 650; }
.tile span { color: var(--soft); font-size: .85rem; }
.tile .name { text-transform: uppercase; letter-spacing: .05em; font-size: .72rem; }
.tile .warn { color: var(--warn); }
figure { overflow-x: auto; }
figcaption { margin: 1.5rem 0 .35rem; }
svg { min-width: 34rem; }
svg text { font: 11px system-ui, sans-serif; }
svg .cost { fill: var(--cost); }
svg .read { fill: var(--read); }
svg .written { fill: var(--written); }
svg .unknown { fill: var(--warn); font-weight: 700; }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin: 0 .3em 0 .8em; }
.key.read { background: var(--read); }
.key.written { background: var(--written); }
th { padding: .3rem .5rem; }
td { padding: .35rem .5rem; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9rem; }
section { break-inside: avoid-page; }
@media print { :root { --cost: #8a4100; --read: #1d4f86; --written: #86aed3; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
