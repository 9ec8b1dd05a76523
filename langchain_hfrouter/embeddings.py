"""LangChain embeddings over a model on this machine.

Lives here: the `Embeddings` interface. Not here: loading and running the model (`shared_core.local`), which
happens when the first text comes.
"""

from __future__ import annotations

import asyncio

from langchain_core.embeddings import Embeddings

from shared_core.local import LocalEmbedder

__all__ = ["HFLocalEmbeddings"]


class HFLocalEmbeddings(Embeddings):
    """Embedding models of sentence-transformers, on this machine.

    Setup:
        ```bash
        pip install -U "hfrouter[langchain,local]"
        ```

    Key init args:
        model: str
            A folder with a sentence-transformers model, or a Hub id (downloaded at first use).
            Also accepted as `model_name`.
        device: str | None
            Where it runs, such as "cpu" or "cuda"; None lets torch choose.

    Instantiate:
        ```python
        from langchain_hfrouter import HFLocalEmbeddings

        embeddings = HFLocalEmbeddings(model="sentence-transformers/all-MiniLM-L6-v2")
        ```

    Embed single text:
        ```python
        vector = embeddings.embed_query("What is a router?")
        ```

    Embed multiple texts:
        ```python
        vectors = embeddings.embed_documents(["A router routes.", "A model answers."])
        ```

    Async:
        ```python
        vector = await embeddings.aembed_query("What is a router?")
        ```

    Texts reach the model unchanged. Models that have prompts for queries and for documents get the right one.

    Raises:
        ConfigError: No model is named, or it cannot be loaded (at first use).
        ImportError: The extra `local` is missing (at first use); the message names the command.
    """

    def __init__(self, model: str = "", *, model_name: str = "", device: str | None = None) -> None:
        self._embedder = LocalEmbedder(model or model_name, device or "auto")

    @property
    def model(self) -> str:
        """The folder or Hub id."""
        return self._embedder.model

    @property
    def device(self) -> str | None:
        """Where it runs; None when the machine decides."""
        return None if self._embedder.device == "auto" else self._embedder.device

    def __repr__(self) -> str:
        return f"HFLocalEmbeddings(model={self.model!r}, device={self.device!r})"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in order.

        Args:
            texts: What will be searched in; may be empty.
        """
        vectors: list[list[float]] = self._embedder.embed(texts, kind="document").tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of one query.

        Args:
            text: What is searched with.
        """
        vector: list[float] = self._embedder.embed([text], kind="query").vectors[0].tolist()
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """As `embed_documents`, in a thread: the event loop goes on."""
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        """As `embed_query`, in a thread: the event loop goes on."""
        return await asyncio.to_thread(self.embed_query, text)
