"""LangChain embeddings over a model on this machine.

Lives here: its arguments. Not here: LangChain's interface (`text_embeddings`); loading and running the model
(`shared_core.local`), which happens when the first text comes; models elsewhere (`router_embeddings`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Never

from langchain_hfrouter.complaints import unknown_argument
from langchain_hfrouter.errors import ConfigError, as_langchain
from langchain_hfrouter.text_embeddings import TextEmbeddings
from shared_core.errors import RouterError
from shared_core.local import LocalEmbedder

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.local import Description
    from shared_core.types import EmbedReply, Kind

__all__ = ["HFLocalEmbeddings"]

_INSTEAD = {
    "model_kwargs": "Write its entries as arguments: device=, revision=, trust_remote_code=, backend=, precision=.",
    "encode_kwargs": "Write its entries as arguments, such as normalize=True or document_prompt='passage: '; "
    "batches are made as the machine likes them.",
    "query_encode_kwargs": "Write query_prompt=; what the model wants before queries is used without it.",
    "cache_folder": "Set HF_HUB_CACHE; cache= is for vectors.",
    "model_id": "Write model=.",
    "batch_size": "Leave it out: batches are made by tokens, as the machine likes them.",
    "multi_process": "Leave it out: one process uses every core; embed_corpus() works with several.",
    "show_progress": "Use shared_core.corpus.embed_corpus(progress=True) for a list that takes long.",
}


class HFLocalEmbeddings(TextEmbeddings):
    """Embedding models of sentence-transformers, on this machine, on the fastest engine that is installed.

    Setup:
        ```bash
        pip install -U "hfrouter[langchain,local]"     # torch
        pip install -U "hfrouter[langchain,openvino]"  # smaller and faster on CPUs; or "onnx"
        ```

    Key init args:
        model: str
            A folder with a sentence-transformers model, or a Hub id (downloaded at first use).
            Also accepted as `model_name`.
        device: str | None
            Where it runs, such as "cpu" or "cuda"; None takes a GPU where there is one.
        backend: "auto" | "torch" | "onnx" | "openvino" = "auto"
            The engine. "auto" takes the fastest that is installed.
        precision: "auto" | "float32" | "bfloat16" | "float16" | "int8" = "auto"
            "auto" never moves a vector by more than cosine 0.9999; the others are faster where the machine has
            them, and move it further.
        dimensions: int | None
            Length the vectors are cut to, for models made for it (Matryoshka).
        normalize: bool | None
            Whether vectors have length 1; None as the model says.
        query_prompt, document_prompt: str | None
            Put before each text, "" for nothing. None takes what the model's files say; where they say nothing and
            the model comes from the Hub, what it is known to want (`shared_core.catalog.prompts_for`). Pass "" where
            a store holds documents that were embedded without.
        max_tokens: int | None
            Texts are cut there, or at the model's limit if that is lower.
        truncate: bool = True
            False refuses longer texts (`InputTooLong`) in place of cutting them.
        cache: True | str | Path | EmbeddingCache | None
            Remembers vectors: in the user's own file, in this file, or in a `shared_core.cache` object. A hit
            never loads the model.
        revision: str | None
            Branch, tag or commit of a Hub model.
        trust_remote_code: bool = False
            Lets the model's own code run; only with a full commit as `revision`.
        intra_op_threads: int | None
            Threads of one computation; None as the machine has them.

    Raises:
        ConfigError: No model is named, an argument cannot work or is unknown; at first use, the model cannot be
            loaded.
        ImportError: No engine is installed (at first use); the message names the command.

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
        vector = await embeddings.aembed_query("What is a router?")  # calls that come together are one batch
        vectors = await embeddings.aembed_documents(["A router routes.", "A model answers."])
        ```

    What was picked, and why:
        ```python
        print(embeddings.describe())
        ```

    Numpy, usage and cut texts:
        ```python
        reply = embeddings.embed(["A router routes."], "document")
        reply.vectors, reply.usage, reply.truncated
        ```

    Besides their prompt texts reach the model unchanged, newlines too, and vectors come in their order. Models that
    have prompts for queries and for documents get the right one. An empty list gives an empty list; an empty text
    has a vector like any other: that of the model's special tokens alone. Objects with the same arguments
    share the loaded model; a pickle carries the arguments only.
    """

    def __init__(
        self,
        model: str = "",
        *,
        model_name: str = "",
        device: str | None = None,
        precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto",
        backend: Literal["auto", "torch", "onnx", "openvino"] = "auto",
        revision: str | None = None,
        trust_remote_code: bool = False,
        dimensions: int | None = None,
        normalize: bool | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        intra_op_threads: int | None = None,
        cache: EmbeddingCache | str | Path | bool | None = None,
        **others: Never,
    ) -> None:
        for name in others:
            known = HFLocalEmbeddings.__init__.__annotations__
            raise unknown_argument("HFLocalEmbeddings", name, known, _INSTEAD)
        if model and model_name and model != model_name:
            raise ConfigError(
                f"model={model!r} and model_name={model_name!r} are two spellings of one argument."
            )
        if truncate not in (True, False):
            raise ConfigError(f"truncate={truncate!r} is neither True nor False.")
        self.truncate = truncate
        try:
            self._embedder = LocalEmbedder(
                model or model_name,
                "auto" if device is None else device,
                precision,
                backend,
                revision=revision,
                trust_remote_code=trust_remote_code,
                dimensions=dimensions,
                normalize=normalize,
                query_prompt=query_prompt,
                document_prompt=document_prompt,
                max_tokens=max_tokens,
                intra_op_threads=intra_op_threads,
                cache=cache,
            )
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    @property
    def model(self) -> str:
        """The folder or Hub id."""
        return self._embedder.model

    @property
    def model_name(self) -> str:
        """`model`, under LangChain's other spelling."""
        return self._embedder.model

    @property
    def device(self) -> str | None:
        """Where it runs; None when the machine decides."""
        return None if self._embedder.device == "auto" else self._embedder.device

    def __repr__(self) -> str:
        arguments = repr(self._embedder).removeprefix("LocalEmbedder(").removesuffix(")")
        return f"HFLocalEmbeddings({arguments}{'' if self.truncate else ', truncate=False'})"

    def embed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """Vectors as one float32 array, with usage and the positions of texts that were cut.

        Args:
            texts: What to embed; may be empty.
            kind: "query" for what is searched with, "document" for what is searched in.

        Raises:
            RouterError: See `langchain_hfrouter.errors`.
        """
        try:
            return self._embedder.embed(texts, kind, truncate=self.truncate)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def aembed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """As `embed`, off the event loop. Queries that come together are computed together."""
        try:
            return await self._embedder.aembed(texts, kind, truncate=self.truncate)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def describe(self) -> Description:
        """Engine, precision, device, pooling and prompts, and why; loads the model if that has not happened."""
        try:
            return self._embedder.describe()
        except RouterError as error:
            raise as_langchain(error) from error.__cause__
