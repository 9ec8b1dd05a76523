"""Whole pages that fetch and run nothing: their frame, and the looks that all of them share.

What stands on a page, and how that looks, is the matter of the room that makes it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from shared_core._text import escaped

__all__ = ["whole_page"]

_STYLE = """
:root { color-scheme: light dark; --width: 60rem;
  --paper: #ffffff; --ink: #1c2126; --soft: #5d6873; --line: #dfe4e8; --card: #f6f8f9; --warn: #a32b2b; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --ink: #e6eaee; --soft: #9aa5b0; --line: #2c343b; --card: #1c2228; --warn: #f08a8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: var(--width); padding: 2rem 1.25rem 3rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.warn { color: var(--warn); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child { padding-left: 0; }
tr, figure { break-inside: avoid; }
figure { margin: 0; }
figcaption { font-weight: 600; }
figcaption span { font-weight: 400; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); }
svg .grid { stroke: var(--line); }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --card: #fff;
    --warn: #8c1d1d; }
  body { max-width: none; padding: 0; font-size: 11px; } }
"""


def whole_page(title: str, style: str, parts: Iterable[str]) -> str:
    """A page that fetches and runs nothing, by its own policy, around what stands on it.

    Args:
        title: What a browser's tab says.
        style: What its style sheet adds to the looks of all pages; `--width` is how wide it may grow.
        parts: HTML that is safe already; empty ones are left out.
    """
    sheet = _STYLE + style
    known = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escaped(title)}</title>\n<style>{sheet}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )
