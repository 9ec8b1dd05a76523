"""How well documents answer a query: what is asked of a reranker and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from shared_core.types.chat import ReplyMeta
from shared_core.types.deltas import Usage
from shared_core.types.waits import Timeouts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RerankOptions", "RerankReply", "RerankRequest"]


class RerankOptions(TypedDict, total=False):
    """What may be special to one call of `rerank`.

    Keys:
        model: In place of the client's own.
        truncate: Whether texts over the model's limit are cut rather than refused (TEI).
        raw_scores: Whether scores are the model's own numbers rather than squeezed into 0 to 1 (TEI).
        batch_size: Documents a request, at most; None takes what the host is known to accept.
        max_concurrency: Requests at one time, at most; default 8.
        timeout: Seconds for the whole list, or `Timeouts`; None leaves it to the client, and where that has no
            limit either, each request may take 120 s.
        extra_headers: Further headers of each request.
        extra_body: Further keys of each JSON body.
        usage_tags: Whose usage it is, on top of the client's own.
    """

    model: str | None
    truncate: bool | None
    raw_scores: bool | None
    batch_size: int | None
    max_concurrency: int
    timeout: float | Timeouts | None
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    usage_tags: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """One request for scores; a long list of documents becomes several.

    Args:
        query: What is searched with.
        texts: The documents. Never altered.
        model: The host's own name for the model; "" where the host has but one.
        truncate: Whether texts over the model's limit are cut rather than refused; None leaves it to the host.
        raw_scores: Whether scores stay the model's own numbers; None leaves it to the host.
        extra_body: Further keys of the JSON body.
        places: Where the texts stand in the caller's list, to name them in errors; empty for the list itself.
    """

    query: str
    texts: Sequence[str]
    model: str
    truncate: bool | None = None
    raw_scores: bool | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    places: Sequence[int] = ()

    def place(self, position: int) -> int:
        """Where the document at this position of the request stands in the caller's list."""
        return self.places[position] if self.places else position


@dataclass(frozen=True, slots=True)
class RerankReply:
    """Scores of all documents, and which are the best.

    Args:
        scores: float32, shape (documents,), in the order of the documents.
        order: int64, shape (top_n,): positions of the best documents, the best first; equal ones in their order.
        usage: Tokens read, where they are known.
        meta: Who scored, and how long it took.
    """

    scores: NDArray[np.float32]
    order: NDArray[np.int64]
    usage: Usage | None
    meta: ReplyMeta

    def __len__(self) -> int:
        return len(self.order)
