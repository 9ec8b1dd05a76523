"""Text in HTML: whatever a model, a provider or a user wrote stands there as text, and as nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared_core._text import escaped, one_line
from shared_core.evaluate.comparing.verdict import Named

__all__ = ["block", "marked", "model_name", "short"]


def model_name(name: str, most: int) -> str:
    """A model's name of at most so many characters, which may be broken behind a slash or a colon."""
    parts = re.split("(?<=[/:])", " ".join(short(name, most).split()))
    return f"<bdi>{'<wbr>'.join(map(escaped, parts))}</bdi>"


def block(text: str, most: int) -> str:
    """A long text as it was written, cut after so many characters, which is said."""
    more = len(text) - most
    cut = f'<p class="soft">… and {more:,} more characters, which the JSON holds</p>' if more > 0 else ""
    return f'<div class="words" dir="auto">{escaped(text[:most])}</div>{cut}'


def marked(sentence: Sequence[str]) -> str:
    """A sentence of the verdict, with names set apart."""
    return "".join(
        f"<strong>{one_line(part)}</strong>" if isinstance(part, Named) else escaped(part)
        for part in sentence
    )


def short(name: str, most: int) -> str:
    """A name that is no longer than that: its middle is left out, since both ends tell names apart.

    Example:
        >>> short("meta-llama/Llama-3.3-70B-Instruct:cerebras", 24)
        'meta-llama/L…ct:cerebras'
    """
    name = " ".join(name.split())
    if len(name) <= most:
        return name
    ahead = most // 2
    return f"{name[:ahead]}…{name[len(name) - (most - ahead - 1) :]}"
