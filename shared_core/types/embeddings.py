"""Texts to vectors: what is asked for and what comes back, from a provider or from a model on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared_core.types.chat import ReplyMeta
from shared_core.types.deltas import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EmbedReply", "EmbedRequest", "Kind"]

Kind = Literal["query", "document"]
"""What is searched with, or what is searched in: many models have a prompt of its own for each."""


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """One request for vectors; a long list of texts becomes several.

    Args:
        texts: What to embed, prompts already in place. Never altered.
        model: The provider's own name for the model.
        kind: Whether the texts are queries or documents, for hosts that keep the prompts themselves.
        dimensions: Length the vectors are cut to (Matryoshka models); None for the model's own.
        normalize: Whether vectors have length 1; None leaves it to the host.
        truncate: Whether texts over the model's limit are cut rather than refused; None leaves it to the host.
        prompt_name: Name of a prompt that the host keeps; None for none.
    """

    texts: Sequence[str]
    model: str
    kind: Kind = "document"
    dimensions: int | None = None
    normalize: bool | None = None
    truncate: bool | None = None
    prompt_name: str | None = None


@dataclass(frozen=True, slots=True)
class EmbedReply:
    """Vectors, one a text, in the order of the texts.

    Args:
        vectors: float32, shape (texts, dimensions), contiguous.
        usage: Tokens read, where they are known.
        meta: Who made the vectors, and how long it took.
        truncated: Positions of texts that were cut at the model's limit, where that is known.
        notes: What the caller should know, such as that token vectors were averaged.
    """

    vectors: NDArray[np.float32]
    usage: Usage | None
    meta: ReplyMeta
    truncated: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def tolist(self) -> list[list[float]]:
        """The vectors as lists of Python floats."""
        vectors: list[list[float]] = self.vectors.tolist()
        return vectors
