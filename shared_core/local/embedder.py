"""Texts to vectors on this machine, on the fastest engine that is installed.

Lives here: the public object, and the order of things in a call: cache, model, cut, length 1. Not here:
arguments (`arguments`), files (`source`), engines (`choose`), batches (`model`, `merge`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.local.arguments import Arguments, texts_of
from shared_core.local.calls import Call
from shared_core.local.choose import BackendWish, PrecisionWish, Wish
from shared_core.local.describe import Description, described
from shared_core.local.model import no_images
from shared_core.local.recipe import Recipe
from shared_core.local.running import Running, start
from shared_core.local.shared import SHELF
from shared_core.local.source import Source, look_up
from shared_core.types.embeddings import EmbedReply, Kind

if TYPE_CHECKING:
    from PIL.Image import Image

    from shared_core.cache import EmbeddingCache

__all__ = ["LocalEmbedder"]


class LocalEmbedder:
    """An embedding model on this machine, loaded when the first text comes.

    Objects with the same model and settings share what is loaded. Threads and event loops may share one
    object. A pickled or copied embedder carries its arguments only, and loads again where it arrives; so
    does a forked child. (Such a child should end as those of `multiprocessing` do, by `os._exit`: ONNX Runtime
    itself hangs in `exit` when its threads stayed with the parent.)

    Args:
        model: A folder with a sentence-transformers model, or a Hub id such as
            "sentence-transformers/all-MiniLM-L6-v2" (downloaded once, into the Hub's cache).
        device: "auto" takes a GPU of NVIDIA's or AMD's where torch can use it; or "cpu", "cuda:1", "mps".
        precision: "auto" never moves a vector by more than cosine 0.9999 against float32; "bfloat16",
            "float16" and "int8" are faster where the machine has them, and move it further.
        backend: "auto", or the engine that must be used: "torch", "onnx" or "openvino".
        revision: Branch, tag or commit of a Hub model; None for its main branch.
        trust_remote_code: Lets the model's own code run; only with a full commit as `revision`.
        dimensions: Length the vectors are cut to, for models made for it (Matryoshka); None for their own.
        normalize: Whether vectors have length 1; None as the model says.
        query_prompt: Put before each query, "" for nothing. None takes the one in the model's files; where they
            have none and the model comes from the Hub, what it is known to want (`catalog.prompts_for`).
        document_prompt: The same for documents. Vectors of documents go with others that had the same prompt: pass ""
            where a store holds some that were made without. `prompts` says what is used.
        max_tokens: Texts are cut there, special tokens included; None for the model's limit, never beyond it.
        intra_op_threads: Threads of one computation; None as the machine has them.
        cache: True remembers vectors in the user's own cache, a path in that file; or an `EmbeddingCache`.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> embedder = LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2")
        >>> embedder.embed(["a cat", "a kitten"]).vectors.shape  # doctest: +SKIP
        (2, 384)
    """

    __slots__ = ("_arguments", "_cache", "_known_identity", "_running", "_source")

    def __init__(
        self,
        model: str,
        device: str = "auto",
        precision: PrecisionWish = "auto",
        backend: BackendWish = "auto",
        *,
        revision: str | None = None,
        trust_remote_code: bool = False,
        dimensions: int | None = None,
        normalize: bool | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        max_tokens: int | None = None,
        intra_op_threads: int | None = None,
        cache: EmbeddingCache | str | Path | bool | None = None,
    ) -> None:
        arguments = Arguments(
            model,
            device,
            precision,
            backend,
            revision,
            trust_remote_code,
            dimensions,
            normalize,
            query_prompt,
            document_prompt,
            max_tokens,
            intra_op_threads,
            cache,
        )
        self._start(arguments)

    def _start(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._cache: EmbeddingCache | None = None
        if arguments.cache is not None and arguments.cache is not False:
            from shared_core.cache import open_cache

            self._cache = open_cache(arguments.cache)
        self._source: Source | None = None
        self._known_identity: str | None = None
        self._running: dict[bool, Running] = {}

    def __getstate__(self) -> Arguments:
        return self._arguments

    def __setstate__(self, arguments: Arguments) -> None:
        self._start(arguments)

    def __repr__(self) -> str:
        return repr(self._arguments)

    @property
    def model(self) -> str:
        """The folder or Hub id."""
        return self._arguments.model

    @property
    def device(self) -> str:
        """Where it should run, as it was given."""
        return self._arguments.device

    @property
    def dimensions(self) -> int:
        """Length of its vectors. A model that a fast engine can run is not loaded for that."""
        facts = self._files().facts
        own = facts.dimensions if isinstance(facts, Recipe) else self._ready(False).model.dimensions
        return min(self._arguments.dimensions or own, own)

    @property
    def prompts(self) -> dict[Kind, str]:
        """What is put before queries and before documents. The model is looked up for that, but not loaded.

        Raises:
            ConfigError: There is no such model.
        """
        return dict(self._files().prompts)

    # -- texts ------------------------------------------------------------------------------------------

    def embed(
        self,
        texts: Iterable[str],
        kind: Kind = "document",
        *,
        dimensions: int | None = None,
        normalize: bool | None = None,
        truncate: bool = True,
    ) -> EmbedReply:
        """One vector a text, in the order of the texts.

        Besides its prompt a text goes to the model unchanged. Where the model has prompts for queries and
        documents, the one that `kind` names is used: mixing them up costs recall without any error.

        Args:
            texts: What to embed; may be empty.
            kind: "query" for what is searched with, "document" for what is searched in.
            dimensions, normalize: For this call, in place of the embedder's own.
            truncate: False refuses texts over the model's limit.

        Returns:
            float32 vectors of shape (len(texts), dimensions); `truncated` names the texts that were cut, of
            those that did not come from the cache. `usage` counts tokens that were read now. `prompt` is what
            stood before each text, and `notes` tell where it was nobody's wish.

        Raises:
            ImportError: No engine is installed that can run the model; the message names the extra.
            ConfigError: A text is no valid string, `kind` is unknown, or the model cannot be loaded.
            InputTooLong: A text is over the limit and `truncate` is False.
        """
        call = self._call(texts_of(texts, kind), kind, dimensions, normalize, truncate)
        if self._cache is not None and call.part.texts:
            call.recall(self._cache, self._identity())
        if call.part.texts:
            running = self._ready(call.raw)
            call.take(running.embed(call.part), running.model)
        return call.reply(lambda: self.dimensions)

    async def aembed(
        self,
        texts: Iterable[str],
        kind: Kind = "document",
        *,
        dimensions: int | None = None,
        normalize: bool | None = None,
        truncate: bool = True,
    ) -> EmbedReply:
        """As `embed`, while the event loop goes on. Calls of few texts that come together are one batch."""
        listed = texts_of(texts, kind)
        if self._source is None:
            await asyncio.to_thread(self._files)
        call = self._call(listed, kind, dimensions, normalize, truncate)
        if not listed or self._cache is not None:
            # The cache's file and a first load block: only the model itself is shared with other calls.
            return await self._acached(call)
        running = await self._aready(call.raw)
        call.take(await running.aembed(call.part), running.model)
        return call.reply(lambda: self.dimensions)

    async def _acached(self, call: Call) -> EmbedReply:
        if self._cache is not None and call.part.texts:
            await asyncio.to_thread(lambda cache: call.recall(cache, self._identity()), self._cache)
        if call.part.texts:
            running = await self._aready(call.raw)
            embedded = await running.aembed(call.part)
            await asyncio.to_thread(call.take, embedded, running.model)
        return await asyncio.to_thread(call.reply, lambda: self.dimensions)

    # -- pictures ---------------------------------------------------------------------------------------

    def embed_images(self, images: Iterable[bytes | BytesIO | Path | Image]) -> EmbedReply:
        """One vector a picture, in the space of the texts' vectors; for CLIP-like models.

        Args:
            images: Encoded bytes, files in memory, `pathlib.Path`s or PIL images. A string is refused: it is
                never opened as a path or an address.

        Raises:
            ConfigError: The model reads texts only, or a picture cannot be read; its position is named.
        """
        call = self._call([], "document", None, None, True)
        running = self._ready(call.raw)
        if not running.model.reads_images:
            raise no_images()
        from shared_core.local.images import opened

        pictures = opened(images)
        if pictures:
            call.take(running.model.embed_images(pictures), running.model)
        return call.reply(lambda: self.dimensions)

    # -- what stands behind -----------------------------------------------------------------------------

    def describe(self) -> Description:
        """What was loaded and why; loads the model when that has not happened yet.

        Raises:
            ConfigError, ImportError: As `embed`.
        """
        source = self._files()
        return described(self._arguments, source, self._ready(self._arguments.normalize is False).model)

    def _call(
        self, texts: list[str], kind: Kind, dimensions: int | None, normalize: bool | None, truncate: bool
    ) -> Call:
        return Call(self._arguments, self._files(), texts, kind, dimensions, normalize, truncate)

    def _files(self) -> Source:
        if self._source is None:  # two threads may both look, and find the same
            self._source = look_up(self._arguments)
        return self._source

    def _identity(self) -> str:
        if self._known_identity is None:
            self._known_identity = self._files().identity()
        return self._known_identity

    def _is_ready(self, raw: bool) -> Running | None:
        running = self._running.get(raw)
        return running if running is not None and running.generation == SHELF.generation else None

    async def _aready(self, raw: bool) -> Running:
        running = self._is_ready(raw)
        return await asyncio.to_thread(self._ready, raw) if running is None else running

    def _ready(self, raw: bool) -> Running:
        running = self._is_ready(raw)
        if running is None:
            source, given = self._files(), self._arguments
            wish = Wish(
                source.folder,
                given.backend,
                given.precision,
                given.device,
                given.intra_op_threads,
                given.max_tokens,
                given.trust_remote_code,
                raw,
            )
            running = self._running[raw] = start(wish, source)
        return running
