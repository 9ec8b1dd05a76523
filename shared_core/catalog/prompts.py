"""What an embedding model wants before queries and before documents: data, dated, with sources.

Lives here: which models are known, under which ids, and their prompts. Not here: who puts a prompt before a text, and
what goes before the data (`local/source.py` on this machine, `client/asking.py` for hosts).

Reading that one packaged file is the only I/O here, at the first look-up. How it is kept up to date stands in this
room's README.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared_core.types.embeddings import Kind

__all__ = ["Prompts", "prompts_for"]


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model was trained to see before a text that is searched with, and before one that is searched in.

    Args:
        model: The id that the authors published it under.
        query: Goes before each query; "" for nothing.
        document: Goes before each document; "" for nothing, as with most models that want something before queries.
        source: Who says so.
        date: When that was read, as an ISO date.
    """

    model: str
    query: str
    document: str
    source: str
    date: str

    def of(self, kind: Kind) -> str:
        """The prompt for texts of this kind."""
        return self.query if kind == "query" else self.document

    def note(self, kind: Kind) -> str:
        """What a user should know where the prompt was used unasked; "" where there is none."""
        if not (prompt := self.of(kind)):
            return ""
        texts = "queries" if kind == "query" else "documents"
        return (
            f"{prompt!r} stands before {texts}, as {self.model} was trained (known since {self.date}); "
            f'{kind}_prompt="" leaves it out.'
        )


def prompts_for(model: str) -> Prompts | None:
    """What a model wants before texts, whether or not its own files say so.

    Capitals do not matter, and what follows a colon (a provider) is passed over. Copies in other formats are known by
    their names where their makers are known to copy, such as "Xenova/e5-small-v2" or "Qdrant/bge-base-en-v1.5-onnx-Q".
    A model that was trained further is another model: it is known under an id of its own, or not at all.

    Args:
        model: Its id on the Hub.

    Returns:
        None where nothing is known: most models want nothing before a text.

    Example:
        >>> found = prompts_for("intfloat/multilingual-e5-small")
        >>> found.query, found.document
        ('query: ', 'passage: ')
        >>> prompts_for("Qdrant/bge-small-en-v1.5-onnx-Q").model
        'BAAI/bge-small-en-v1.5'
        >>> prompts_for("sentence-transformers/all-MiniLM-L6-v2") is None
        True
    """
    known = _known()
    wanted = model.partition(":")[0].lower()
    found = known.by_id.get(wanted)
    maker, slash, name = wanted.partition("/")
    if found is not None or not slash or len(name) > known.longest:
        return found
    original = known.by_name.get(_without(name, known.endings))
    if original is None or (maker not in known.copiers and maker != _maker(original)):
        return None
    return original


@dataclass(frozen=True, slots=True)
class _Known:
    """The file, ready for look-ups; all keys in small letters."""

    by_id: Mapping[str, Prompts]
    by_name: Mapping[str, Prompts]  # without the maker
    copiers: frozenset[str]
    endings: tuple[str, ...]
    longest: int  # letters of a name that may be a copy's


@functools.cache
def _known() -> _Known:
    import json
    from importlib import resources

    text = resources.files("shared_core.catalog").joinpath("data/prompts.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    listed = [
        Prompts(model, row["query"], row["document"], source["what"], source["date"])
        for row in data["prompts"]
        for source in [data["sources"][row["from"]]]
        for model in row["models"]
    ]
    copies = data["copies"]
    return _Known(
        {one.model.lower(): one for one in listed},
        {one.model.lower().partition("/")[2]: one for one in listed},
        frozenset(maker.lower() for maker in copies["by"]),
        tuple(ending.lower() for ending in copies["endings"]),
        max(len(one.model) for one in listed) + sum(map(len, copies["endings"])),
    )


def _without(name: str, endings: tuple[str, ...]) -> str:
    """A copy's name without what its makers put after the original's."""
    while ending := next((ending for ending in endings if name.endswith(ending)), ""):
        name = name.removesuffix(ending)
    return name


def _maker(original: Prompts) -> str:
    return original.model.lower().partition("/")[0]
