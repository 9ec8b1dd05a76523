"""LangChain's `Embeddings` interface, over one method that returns an array.

Lives here: its four methods. Not here: where vectors come from (`router_embeddings`, `local_embeddings`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

if TYPE_CHECKING:
    from shared_core.types import EmbedReply, Kind

__all__ = ["TextEmbeddings"]


class TextEmbeddings(Embeddings):
    """What LangChain calls, for both embedding classes."""

    @abstractmethod
    def embed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """Vectors as one float32 array, and what is known besides."""

    @abstractmethod
    async def aembed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """As `embed`, without blocking the event loop."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in order.

        Args:
            texts: What will be searched in, of any length; may be empty.
        """
        return self.embed(texts, "document").tolist()

    def embed_query(self, text: str) -> list[float]:
        """The vector of one query.

        Args:
            text: What is searched with.
        """
        return self.embed([text], "query").tolist()[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """As `embed_documents`, without blocking the event loop."""
        return (await self.aembed(texts, "document")).tolist()

    async def aembed_query(self, text: str) -> list[float]:
        """As `embed_query`, without blocking the event loop."""
        return (await self.aembed([text], "query")).tolist()[0]
