"""JSON in an answer that may hold other things too: fences, words, thoughts.

Lives here: `json_in`. Not here: what the values mean (`structured`), arguments of tool calls (`tool_calls`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["json_in"]

_OPENS = re.compile(r"[{\[]")

_BEGINS = re.compile(r"\s*[\"'{\[]")
"""What follows the bracket of a broken value, and not that of words: what stands inside must not pass for the whole."""

_MOST_BRACKETS = 200
"""How many are tried: each that is none of JSON's may cost a look at the whole text."""

_DECODER = json.JSONDecoder(strict=False)
"""Takes raw line ends in texts, which JSON does not allow and models write."""


def json_in(text: str) -> Iterator[str]:
    """The objects and lists in a text, in their order, as JSON; the text itself where there is none.

    What is empty is passed over, and so are thoughts: a model tries out there what it then does not answer. A value
    that is broken or cut off is the last that is looked at.

    Args:
        text: What the model wrote.

    Example:
        >>> list(json_in('For {x} it is:\\n{"n": 1}\\nHope that helps!'))
        ['{"n": 1}']
    """
    text = text.rpartition("</think>")[2].strip()
    found, end = False, 0
    for _ in range(_MOST_BRACKETS):
        place = _OPENS.search(text, end)
        if place is None:
            break
        end = place.end()
        try:
            value, end = _DECODER.raw_decode(text, place.start())
        except (ValueError, RecursionError):
            if _BEGINS.match(text, end):
                break
            value = None
        if value:
            found = True
            yield json.dumps(value)
    if not found:
        yield text
