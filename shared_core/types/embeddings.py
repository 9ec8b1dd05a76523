"""Texts to vectors: what is asked for and what comes back, from a provider or from a model on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from shared_core.types.chat import ReplyMeta
from shared_core.types.deltas import Usage
from shared_core.types.waits import Timeouts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EmbedOptions", "EmbedReply", "EmbedRequest", "Kind"]

Kind = Literal["query", "document"]
"""What is searched with, or what is searched in: many models have a prompt of its own for each."""


class EmbedOptions(TypedDict, total=False):
    """What may be special to one call of `HFRouter.embed`.

    Keys:
        model: In place of the client's own.
        dimensions: Length of the vectors, for models made to be cut (Matryoshka). Hosts that take the setting
            are sent it; where the reply is longer, it is cut here and scaled back to its former length 1.
        normalize: Whether vectors are scaled to length 1; None leaves it to the host. False is a wish: an
            OpenAI-style host cannot be asked.
        truncate: Whether texts over the model's limit are cut rather than refused; None leaves it to the host,
            and so does an OpenAI-style host, with a note.
        query_prompt: Put in front of each text when the kind is "query"; None for what the model is known to want
            by its id (`catalog.prompts_for`), "" for nothing.
        document_prompt: The same for documents. Vectors of documents go with others that had the same prompt: pass ""
            where a store holds some that were made without.
        prompt_name: Name of a prompt that the host keeps (TEI, hf-inference); nothing is put in front here then.
        batch_size: Texts a request, at most; None takes what the host is known to accept.
        max_concurrency: Requests at one time, at most; default 8.
        progress: True draws a bar on a terminal's stderr; a function is called with (done, total).
        timeout: Seconds for the whole list, or `Timeouts`; None leaves it to the client, and where that has no
            limit either, each request may take 120 s.
        extra_headers: Further headers of each request.
        extra_body: Further keys of each JSON body, for what only one host knows.
        usage_tags: Whose usage it is, on top of the client's own.
    """

    model: str | None
    dimensions: int | None
    normalize: bool | None
    truncate: bool | None
    query_prompt: str | None
    document_prompt: str | None
    prompt_name: str | None
    batch_size: int | None
    max_concurrency: int
    progress: bool | Callable[[int, int], object]
    timeout: float | Timeouts | None
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    usage_tags: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """One request for vectors; a long list of texts becomes several.

    Args:
        texts: What to embed, prompts already in place. Never altered.
        model: The provider's own name for the model; "" where the host has but one.
        kind: Whether the texts are queries or documents, for hosts that keep the prompts themselves.
        dimensions: Length the vectors are cut to (Matryoshka models); None for the model's own.
        normalize: Whether vectors have length 1; None leaves it to the host.
        truncate: Whether texts over the model's limit are cut rather than refused; None leaves it to the host.
        prompt_name: Name of a prompt that the host keeps; None for none.
        extra_body: Further keys of the JSON body.
        places: Where the texts stand in the caller's list, to name them in errors; empty for the list itself.
    """

    texts: Sequence[str]
    model: str
    kind: Kind = "document"
    dimensions: int | None = None
    normalize: bool | None = None
    truncate: bool | None = None
    prompt_name: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    places: Sequence[int] = ()

    def place(self, position: int) -> int:
        """Where the text at this position of the request stands in the caller's list."""
        return self.places[position] if self.places else position


@dataclass(frozen=True, slots=True)
class EmbedReply:
    """Vectors, one a text, in the order of the texts.

    Args:
        vectors: float32, shape (texts, dimensions), contiguous.
        usage: Tokens read, where they are known.
        meta: Who made the vectors, and how long it took.
        truncated: Positions of texts that were cut at the model's limit, where that is known.
        notes: What the caller should know, such as that token vectors were averaged.
        recalled: How many texts had their vectors in the cache, so that nobody computed them now. Of texts that are
            sent once, however often they are there, each counts once.
        prompt: What was put before each text, by the caller's wish or not; "" for nothing, and where a host does it.
    """

    vectors: NDArray[np.float32]
    usage: Usage | None
    meta: ReplyMeta
    truncated: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    recalled: int = 0
    prompt: str = ""

    def __len__(self) -> int:
        return len(self.vectors)

    def tolist(self) -> list[list[float]]:
        """The vectors as lists of Python floats."""
        vectors: list[list[float]] = self.vectors.tolist()
        return vectors
