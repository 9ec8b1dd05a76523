"""Captured screens as pictures of a terminal, for pages: `python tests/cli/pictures.py` draws them anew.

Lives here: which captures are drawn, under which command, and how. An SVG holds its text as text, loads nothing, and
looks the same in any font of fixed width: every word stands at its column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

__all__ = ["PICTURES", "SCREENS", "picture", "text_of"]

PICTURES = Path(__file__).resolve().parents[2] / "cookbook" / "screens"
CAPTURES = Path(__file__).parent / "captures"
SCREENS = {
    "models": "hfrouter models",
    "models-filtered": "hfrouter models --can tools --license permissive --max-price 1",
    "recommend": "hfrouter recommend --prefer quality --can json",
    "usage": "hfrouter usage",
    "budget": "hfrouter budget",
}

_WIDE, _HIGH = 8.4, 19  # of a character, in pixels
_SIDE, _HEAD, _FOOT = 22, 62, 16
_COLUMNS = 80
_WORD = re.compile(r"\S+(?: \S+)*")  # what stands together: one space does not part a cell
_RULE = re.compile("─+")
_EIGHTHS = "▏▎▍▌▋▊▉█"
_KINDS = {
    "rule": _RULE,
    "blocks": re.compile(f"[{_EIGHTHS}]+"),
    "name": re.compile(r"(\d\. )?[\w.-]+/[\w.-]+(:[\w-]+)?"),
    "money": re.compile(r"\$?\d[\d.]* / \$?\d[\d.]*|\$\d[\d.,]*\+?|unknown"),
}
_LABELS = {"calls", "tokens", "cost", "time", "trending", "narrower", "related", "tasks"}
_STYLE = """
.screen { fill: #12161c; stroke: #2c3540; }
.bar { fill: #1b222b; }
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 14px;
  fill: #d5dce4; white-space: pre; }
.title { fill: #7f8b98; font-size: 12px; text-anchor: middle; }
.sign { fill: #56c288; }
.typed { fill: #ffffff; font-weight: 600; }
.head { fill: #ffffff; font-weight: 600; }
.rule { fill: #3b4652; }
.name { fill: #79b8ff; }
.money { fill: #f2b866; }
.blocks { fill: none; }
.drawn { fill: #3f9f6d; }
.soft { fill: #93a0ad; }
""".strip()


def picture(name: str) -> str:
    """The SVG of one capture."""
    lines = (CAPTURES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    width, height = _COLUMNS * _WIDE + 2 * _SIDE, _HEAD + (len(lines) + 1) * _HIGH + _FOOT
    body = [_text("$", 0, _HEAD, "sign"), _text(SCREENS[name], 2, _HEAD, "typed")]
    for number, (line, part) in enumerate(zip(lines, _parts(lines), strict=True), 1):
        for place, found in enumerate(_WORD.finditer(line)):
            body.append(_text(found[0], found.start(), _HEAD + number * _HIGH, _kind(found[0], place, part)))
    dots = "".join(
        f'<circle cx="{_SIDE + 18 * place}" cy="18" r="5.5" fill="{colour}"/>'
        for place, colour in enumerate(("#ff6059", "#febd2e", "#29c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img">\n<title>{escape(SCREENS[name])}</title>\n<style>\n{_STYLE}\n</style>\n'
        f'<rect class="screen" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="9"/>\n'
        f'<path class="bar" d="M1 36V10a9 9 0 0 1 9-9H{width - 10:g}a9 9 0 0 1 9 9v26z"/>\n{dots}\n'
        f'<text class="title" x="{width / 2:g}" y="22">hfrouter</text>\n' + "\n".join(body) + "\n</svg>\n"
    )


def text_of(svg: str) -> tuple[str, list[str]]:
    """The command and the lines that a picture shows, put together again from where its words stand."""
    lines: dict[float, str] = {}
    for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if element.get("class") == "title":
            continue
        y, column = float(element.get("y", "")), round((float(element.get("x", "")) - _SIDE) / _WIDE)
        lines[y] = lines.get(y, "").ljust(column) + (element.text or "")
    last = int(max(lines))
    command, *shown = [lines.get(float(y), "") for y in range(_HEAD, last + 1, _HIGH)]
    return command.removeprefix("$ "), shown


def _parts(lines: Sequence[str]) -> list[str]:
    """What each line is: the head of a table, one of its rows, or said beside it."""
    parts, inside = [], False
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        inside = inside and line.strip() != "" and not line.endswith(".")
        parts.append("head" if _RULE.fullmatch(following) else "row" if inside else "said")
        inside = inside or _RULE.fullmatch(line) is not None
    return parts


def _kind(word: str, place: int, part: str) -> str:
    if part == "head":
        return "head"
    for kind, form in _KINDS.items():
        if form.fullmatch(word) and (kind != "name" or (place == 0 and (part == "row" or word[0].isdigit()))):
            return kind
    if place == 0 and part == "said" and (word in _LABELS or re.fullmatch(r"\d{4}-\d\d-\d\d", word)):
        return "soft"
    return ""


def _text(word: str, column: int, y: float, kind: str) -> str:
    style = f' class="{kind}"' if kind else ""
    x, length = _SIDE + column * _WIDE, len(word) * _WIDE
    shown = f'<text{style} x="{x:.1f}" y="{y:g}" textLength="{length:.1f}">{escape(word)}</text>'
    if kind != "blocks":
        return shown
    drawn = (
        sum(_EIGHTHS.index(block) + 1 for block in word) / 8 * _WIDE
    )  # the text is there to be read, not seen
    return f'<rect class="drawn" x="{x:.1f}" y="{y - 11:g}" width="{drawn:.1f}" height="13" rx="2"/>{shown}'


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for screen in SCREENS:
        (PICTURES / f"{screen}.svg").write_text(picture(screen), encoding="utf-8")
