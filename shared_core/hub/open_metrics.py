"""What an endpoint's metrics say: OpenMetrics text, read line by line.

Pure. A strict parser (prometheus_client's) refuses what the API's documentation shows: counters without `_total`, no
`# EOF`. Here a line that cannot be read is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Metric", "read_metrics"]

_SAMPLE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\S+)?")
_LABEL = re.compile(r'(?<!\w)([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One number.

    Args:
        name: Such as "http_requests".
        value: The number.
        labels: What it is of, such as {"replica_id": "…", "status_code": "200"}.
        help: What the API says that it counts; "" for nothing.
        unit: Its unit, where one is told.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    unit: str = ""


def read_metrics(text: str) -> tuple[Metric, ...]:
    """All numbers, in the order of the text.

    Example:
        >>> read_metrics('http_requests{status_code="200"} 1152')[0].value
        1152.0
    """
    return tuple(_metrics(text))


def _metrics(text: str) -> Iterator[Metric]:
    said: dict[tuple[str, str], str] = {}
    for line in text.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[0] == "#":
            said[words[1], words[2]] = words[3]
            continue
        found = _SAMPLE.fullmatch(line.strip())
        value = None if found is None else _number(found[3])
        if found is None or value is None:
            continue
        family = next((name for name in _families(found[1]) if ("HELP", name) in said), found[1])
        labels = {name: _unescaped(raw) for name, raw in _LABEL.findall(found[2] or "")}
        yield Metric(found[1], value, labels, said.get(("HELP", family), ""), said.get(("UNIT", family), ""))


def _families(name: str) -> Iterator[str]:
    yield name
    for ending in ("_total", "_count", "_sum", "_bucket"):
        if name.endswith(ending):
            yield name.removesuffix(ending)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _unescaped(raw: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPED.get(found[0], found[0]), raw)
