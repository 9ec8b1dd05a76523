"""`HFLocalEmbedding`: embeddings computed on this machine, for LlamaIndex.

Lives here: its fields and the two calls. Not here: LlamaIndex's methods (`text_embedding`), models, engines
and batches (`shared_core.local`). Nothing heavy loads before the first text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, PrivateAttr, field_serializer

from llama_index_hfrouter.component import Component
from llama_index_hfrouter.embedding_cache import prompt_in_key
from llama_index_hfrouter.names import model_named
from llama_index_hfrouter.text_embedding import TextEmbedding
from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder
from shared_core.types import EmbedReply, Kind

if TYPE_CHECKING:
    from typing import Unpack

    from llama_index_hfrouter.embedding_arguments import LocalEmbeddingArguments
    from shared_core.local import Description

__all__ = ["HFLocalEmbedding"]

_EMBEDDER = (
    "precision",
    "backend",
    "revision",
    "trust_remote_code",
    "dimensions",
    "normalize",
    "max_tokens",
    "intra_op_threads",
    "cache",
)
_MAKES = (*_EMBEDDER, "model_name", "device", "query_instruction", "text_instruction")
_DECIDES = ("precision", "backend", "revision", "dimensions", "normalize", "max_tokens", "truncate")
_ALIASES = {
    "max_length": "max_tokens",
    "query_prompt": "query_instruction",
    "document_prompt": "text_instruction",
}

_BATCHES = (
    "Leave it out: one process uses every core, and batches are made by length as the machine likes them."
)
_ADVICE = {
    "model_kwargs": "Write its entries as arguments: device=, revision=, backend=, precision=.",
    "encode_kwargs": "Write its entries as arguments, such as normalize=True.",
    "cache_folder": "Set HF_HUB_CACHE; cache= is for vectors.",
    "pooling": "Leave it out: the model's files say how it pools.",
    "parallel_process": _BATCHES,
    "target_devices": _BATCHES,
    "tokenizer": "Leave it out: the model's own is taken.",
    "tokenizer_name": "Leave it out: the model's own is taken.",
    "show_progress_bar": "Pass show_progress=True to get_text_embedding_batch.",
}
"""What `HuggingFaceEmbedding` takes and this class has no like of."""


class HFLocalEmbedding(Component, TextEmbedding):
    """A sentence-transformers model on this machine, on the fastest engine that is installed.

    Besides their prompt texts reach it unchanged, line ends included. Queries and documents are embedded with the
    model's own prompts for each, where it has any. Objects with the same arguments share the loaded model; a pickle
    carries the arguments only. Asynchronous calls run off the event loop, and those of few texts that come
    together are one batch.

    Args:
        model_name: A folder with a sentence-transformers model, or a Hub id; `model` is the same.
        device: Where it runs, such as "cpu" or "cuda:1"; None takes a GPU where there is one.
        precision: "auto" never moves a vector by more than cosine 0.9999 against float32; "bfloat16",
            "float16" and "int8" are faster where the machine has them, and move it further.
        backend: "auto", or the engine that must be used: "torch", "onnx" or "openvino".
        revision: Branch, tag or commit of a Hub model.
        trust_remote_code: Lets the model's own code run; only with a full commit as `revision`.
        dimensions: Length the vectors are cut to, for models made for it (Matryoshka).
        normalize: Whether vectors have length 1; None as the model says.
        query_instruction, text_instruction: Put in front of queries and of documents, "" for nothing. None takes what
            the model's files say; where they say nothing and the model comes from the Hub, what it is known to want
            (`shared_core.catalog.prompts_for`). Pass "" where a store holds documents without. `query_prompt` and
            `document_prompt` are the same.
        max_tokens: Texts are cut there, or at the model's limit if that is lower; `max_length` is the same.
        truncate: False refuses longer texts (`InputTooLong`) in place of cutting them.
        intra_op_threads: Threads of one computation; None as the machine has them.
        cache: Remembers vectors: True in the user's own file, a path in that one; or a `shared_core.cache`
            object, which serialised forms leave out. A hit never loads the model.
        embed_batch_size: Texts in one call to the model, which makes its own batches of them by length; default
            2048, the most that LlamaIndex allows. Small values cost speed and save nothing.
        embeddings_cache: A LlamaIndex key-value store; vectors of different models, kinds and settings are kept
            apart in it. Not part of serialised forms; a pickle carries it where it can.
        callback_manager, num_workers, rate_limiter: As in BaseEmbedding.

    Raises:
        ConfigError: No model is named, an option is unknown or cannot work; at first use, the model cannot be
            loaded.
        ImportError: No engine is installed (at first use); the message names the command.

    Example:
        >>> embedding = HFLocalEmbedding("sentence-transformers/all-MiniLM-L6-v2")
        >>> len(embedding.get_text_embedding("A router routes."))  # doctest: +SKIP
        384
    """

    model_config = ConfigDict(defer_build=True)

    device: str | None = None
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    backend: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    dimensions: int | None = None
    normalize: bool | None = None
    query_instruction: str | None = None
    text_instruction: str | None = None
    max_tokens: int | None = None
    truncate: bool = True
    intra_op_threads: int | None = None
    cache: Any = None

    _embedder: LocalEmbedder = PrivateAttr()

    _SHARED: ClassVar[tuple[str, ...]] = (*Component._SHARED, "embeddings_cache", "cache")
    _ADVICE: ClassVar[dict[str, str]] = _ADVICE

    if TYPE_CHECKING:

        def __init__(
            self, model_name: str | None = None, **arguments: Unpack[LocalEmbeddingArguments]
        ) -> None: ...

    else:

        def __init__(
            self, model_name: str | None = None, *, model: str | None = None, **options: Any
        ) -> None:
            name = model_named(model_name, model)
            if not name:
                raise ConfigError(
                    "A local embedding needs a model.",
                    hint='Give a folder or a Hub id, such as "sentence-transformers/all-MiniLM-L6-v2".',
                )
            for alias, field in _ALIASES.items():
                if alias in options:
                    options.setdefault(field, options.pop(alias))
            super().__init__(model_name=name, **options)
            self._embedder = self._made()

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFLocalEmbedding"

    @property
    def model(self) -> str:
        """The folder or Hub id, under its other name."""
        return self.model_name

    def describe(self) -> Description:
        """What was picked to run the model, and why; loads it when that has not happened yet."""
        return self._embedder.describe()

    def to_payload(self) -> dict[str, Any]:
        """What events and callbacks may see."""
        return {**super().to_payload(), "dimensions": self.dimensions}

    @field_serializer("cache")
    def _cache_that_travels(self, cache: Any) -> Any:
        """An object may hold a connection with a password."""
        return str(cache) if isinstance(cache, Path) else cache if isinstance(cache, str | bool) else None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _MAKES and self.__pydantic_private__:
            self._embedder = self._made()

    def _made(self) -> LocalEmbedder:
        return LocalEmbedder(
            self.model_name,
            "auto" if self.device is None else self.device,
            query_prompt=self.query_instruction,
            document_prompt=self.text_instruction,
            **{name: getattr(self, name) for name in _EMBEDDER},
        )

    # -- calls -----------------------------------------------------------------------------------------

    def _embed(self, texts: list[str], kind: Kind) -> EmbedReply:
        return self._embedder.embed(texts, kind, truncate=self.truncate)

    async def _aembed(self, texts: list[str], kind: Kind, among: int = 1) -> EmbedReply:  # noqa: ARG002
        return await self._embedder.aembed(texts, kind, truncate=self.truncate)

    def _identity(self, kind: Kind) -> dict[str, Any]:
        given = self.query_instruction if kind == "query" else self.text_instruction
        prompt = prompt_in_key(given, self.model_name, kind)
        return {**{name: getattr(self, name) for name in _DECIDES}, "prompt": prompt}
