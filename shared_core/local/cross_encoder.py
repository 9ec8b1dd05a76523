"""A cross-encoder, loaded by sentence-transformers: it reads query and document together and scores the pair.

Lives here: loading it safely, and scores. Not here: arguments, the order of the best (`rerank`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local.files import refuse_pickles
from shared_core.local.folder import find

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LoadedReranker", "load"]


def load(
    model: str, *, device: str, revision: str | None, trusted: bool, max_tokens: int | None
) -> LoadedReranker:
    """A cross-encoder in float32, from safetensors alone.

    Args:
        model: A folder or a Hub id.
        device: "auto" for what torch finds, else such as "cpu" or "cuda:0".
        revision: Branch, tag or commit of a Hub model.
        trusted: Whether the model's own code may run.
        max_tokens: A lower limit for query and document together; None for the model's own.

    Raises:
        ImportError: sentence-transformers is not installed.
        ConfigError: The model cannot be found or loaded, has pickled weights, or is no reranker.
    """
    try:
        import torch
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise ImportError(
            'Reranking on this machine needs sentence-transformers: run `pip install "hfrouter[local]"`.'
        ) from error
    from transformers.utils import logging as transformers_logging

    folder = find(model, revision, code=trusted)
    refuse_pickles(folder)
    bar_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it draws over the program's own output
    try:
        loaded = CrossEncoder(
            str(folder),
            device=None if device == "auto" else device,
            trust_remote_code=trusted,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
    except Exception as error:  # the Rust libraries beneath raise bare Exceptions for damaged files
        raise ConfigError(
            f"The reranker {model!r} cannot be loaded: {str(error)[:300]}",
            hint="Check that it is a cross-encoder and complete, and the device.",
        ) from error
    finally:
        if bar_shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    if loaded.num_labels != 1:
        raise ConfigError(
            f"The model {model!r} gives {loaded.num_labels} numbers for a pair, where a reranker gives one score.",
            hint='Take a reranker, such as "cross-encoder/ms-marco-MiniLM-L6-v2".',
        )
    return LoadedReranker(loaded, max_tokens)


class LoadedReranker:
    """A loaded CrossEncoder, shared by threads and event loops; it works on one call at a time.

    Args:
        model: The CrossEncoder.
        max_tokens: As of `load`.

    Attributes:
        executor: Where asynchronous calls wait for their turn, off the event loop and its own threads.
    """

    def __init__(self, model: Any, max_tokens: int | None) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="hfrouter-rerank")
        self._model = model
        # Tokenizers of transformers are changed while they work: two threads at once break them.
        self._lock = threading.Lock()
        # Named `max_length` before sentence-transformers 5.4.
        self._limit = "max_seq_length" if hasattr(type(model), "max_seq_length") else "max_length"
        own = getattr(model, self._limit)
        if max_tokens is not None and (own is None or max_tokens < own):
            setattr(model, self._limit, max_tokens)
        self._reads_more = bool({str(name) for name in getattr(model, "modalities", ())} - {"text"})

    def score(
        self, query: str, documents: Sequence[str], batch_size: int
    ) -> tuple[NDArray[np.float32], int | None]:
        """One score a document, and how many tokens were read where that can be told.

        Args:
            query: What is searched with.
            documents: At least one.
            batch_size: Documents at a time; sentence-transformers sorts them by length.
        """
        import numpy as np

        # A bare string that looks like an address would be opened by a model that reads pictures, too.
        pairs: list[Any] = [[query, document] for document in documents]
        if self._reads_more:
            pairs = [[{"text": text} for text in pair] for pair in pairs]
        with self._lock:
            scores = self._model.predict(
                pairs, batch_size=batch_size, show_progress_bar=False, convert_to_numpy=True
            )
            tokens = self._count(query, documents)
        return np.ascontiguousarray(scores, dtype=np.float32), tokens

    def _count(self, query: str, documents: Sequence[str]) -> int | None:
        """Tokens of the pairs; None where the model dresses them in a chat."""
        tokenizer = self._model.tokenizer
        if not callable(tokenizer) or getattr(tokenizer, "chat_template", None) or self._reads_more:
            return None
        limit = getattr(self._model, self._limit)
        ids = tokenizer([query] * len(documents), list(documents), truncation=True, max_length=limit)[
            "input_ids"
        ]
        return sum(map(len, ids))
