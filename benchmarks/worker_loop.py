"""A contender's end of its pipe: loaded once, then a line of JSON for each line that asks.

Lives here: the loop, and what is said in place of an answer that failed.
Not here: what is loaded and measured (`worker` in each folder), the other end of the pipe (`processes.Worker`).
Imports no more than a worker needs anyway: what stands in memory already costs the contender nothing.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def serve(name: str, load: Callable[[], T], answer: Callable[[T, str], dict[str, Any]]) -> None:
    """Load the contender and say so, or why it cannot be loaded; then answer lines until stdin closes."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between our lines

    def say(value: dict[str, Any]) -> None:
        pipe.write(json.dumps(value) + "\n")
        pipe.flush()

    try:
        subject = load()
    except Exception as error:
        say(failed(error))
        return
    say({"ready": name})
    for line in sys.stdin:
        say(attempted(partial(answer, subject, line.strip())))


def attempted(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """One round; an exception becomes the reason why the row is empty."""
    try:
        return work()
    except Exception as error:
        return failed(error)


def failed(error: Exception) -> dict[str, Any]:
    """The first line of what went wrong; all of it goes into the worker's log."""
    traceback.print_exception(error)
    first = (str(error).splitlines() or [""])[0]
    return {"failed": f"{type(error).__name__}: {first}"[:200]}
