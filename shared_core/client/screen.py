"""Whether somebody watches: progress is drawn for people, and never into a log."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["is_watched"]


def is_watched(stream: TextIO | None) -> bool:
    """Whether lines that are drawn over themselves reach a person: on a terminal, or in a notebook, whose streams
    are none and heed a carriage return all the same."""
    return stream is not None and (stream.isatty() or _is_notebook(stream))


def _is_notebook(stream: TextIO) -> bool:
    return type(stream).__module__.startswith("ipykernel") and "ipykernel" in sys.modules
