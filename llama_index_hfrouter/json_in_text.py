"""JSON in an answer that may hold other things too: fences, words, thoughts.

Lives here: `json_in`. Not here: what the values mean (`structured`), arguments of tool calls (`tool_calls`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["json_in"]

_OPENS = re.compile(r"[{\[]")

_DECODER = json.JSONDecoder(strict=False)
"""Takes raw line ends in texts, which JSON does not allow and models write."""


def json_in(text: str) -> Iterator[str]:
    """The objects and lists in a text, in their order, as JSON; the text itself where there is none.

    What is empty is passed over, and so are thoughts: a model tries out there what it then does not answer.

    Args:
        text: What the model wrote.

    Example:
        >>> list(json_in('For {x} it is:\\n{"n": 1}\\nHope that helps!'))
        ['{"n": 1}']
    """
    text = text.rpartition("</think>")[2].strip()
    found, place = False, _OPENS.search(text)
    while place:
        end = place.end()
        try:
            value, end = _DECODER.raw_decode(text, place.start())
        except (ValueError, RecursionError):
            value = None  # a bracket among words
        if value:
            found = True
            yield json.dumps(value)
        place = _OPENS.search(text, end)
    if not found:
        yield text
