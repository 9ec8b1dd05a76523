"""sentence-transformers itself: the reference that fast engines are judged by, and any model they do not know.

Lives here: loading it safely (safetensors, no code but what the user trusted) and its answers in our shape.
It takes texts, not tokens, because some of its models have no tokens in our sense. Slow to import: seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local.engines import Backend, Precision
from shared_core.local.files import refuse_pickles
from shared_core.local.model import Embedded, Part, no_images, refuse_cut, refuse_unreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["ReferenceModel", "load"]

_BATCH = 32


def load(
    folder: Path,
    *,
    precision: Precision = "float32",
    device: str = "cpu",
    threads: int | None = None,
    trusted: bool = False,
    max_tokens: int | None = None,
    normalised: bool = True,
    reasons: Sequence[str] = (),
) -> ReferenceModel:
    """A model as sentence-transformers understands it.

    Args:
        folder: Its files, as `folder.find` returned them.
        precision: float32, bfloat16 or float16.
        device: Such as "cpu", "cuda:0" or "mps".
        threads: Of torch, for the whole process; None leaves them as they are.
        trusted: Whether code in the folder may run.
        max_tokens: A lower limit than the model's own.
        normalised: False takes a final normalisation away.
        reasons: Why sentence-transformers does the work, a sentence each.

    Raises:
        ImportError: sentence-transformers is not installed.
        ConfigError: It cannot load the model, or the weights are pickled.
    """
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ImportError(
            'This model needs sentence-transformers: run `pip install "hfrouter[local]"`. '
            + " ".join(reasons)
        ) from error
    from transformers.utils import logging as transformers_logging

    if precision == "int8":
        raise ConfigError("sentence-transformers has no int8 arithmetic of its own.", hint=" ".join(reasons))
    refuse_pickles(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    bar_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it draws over the program's own output
    try:
        model = SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=trusted,
            local_files_only=True,
            model_kwargs={"dtype": getattr(torch, precision), "use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError, AssertionError, ImportError, LookupError, TypeError) as error:
        raise ConfigError(
            f"sentence-transformers cannot load the model in {folder}: {str(error)[:300]}",
            hint="Check that the folder is complete, and the device.",
        ) from error
    finally:
        if bar_shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    if max_tokens is not None and model.max_seq_length is not None:
        model.max_seq_length = min(max_tokens, model.max_seq_length)
    return ReferenceModel(model, precision, normalised, reasons)


class ReferenceModel:
    """A loaded SentenceTransformer, as a `Model`.

    Args:
        model: The SentenceTransformer.
        precision: It was loaded with.
        normalised: False takes a final normalisation away.
        reasons: As of `load`.
    """

    backend: Backend = "torch"

    def __init__(
        self, model: Any, precision: Precision, normalised: bool = True, reasons: Sequence[str] = ()
    ) -> None:
        if not normalised:
            _drop_normalisation(model)
        self.precision = precision
        self.device = str(model.device)
        limit = model.max_seq_length
        # transformers writes "no limit" as a number of thirty digits.
        self.max_tokens: int | None = (
            int(limit) if isinstance(limit, int | float) and limit < 1 << 31 else None
        )
        self.normalised = type(model[-1]).__name__ == "Normalize"
        self.reasons = tuple(reasons)
        self._model = model
        self._lock = threading.Lock()
        # Named `get_sentence_embedding_dimension` before sentence-transformers 6.
        ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        self.dimensions: int = ask() or self._encode(["a"], "").shape[1]

    @property
    def reads_images(self) -> bool:
        """Whether pictures have vectors too."""
        return "image" in self._modalities()

    def embed(self, parts: Sequence[Part], turn: AbstractContextManager[object] | None = None) -> Embedded:
        """See `Model.embed`."""
        import numpy as np

        refuse_unreadable(parts)
        lengths, cut = self._count([part.prompt + text for part in parts for text in part.texts])
        if cut:
            refuse_cut(parts, cut, self.max_tokens or 0)
        blocks = []
        with nullcontext() if turn is None else turn:
            for prompt, group in groupby(parts, key=lambda part: part.prompt):
                blocks.append(self._encode([text for part in group for text in part.texts], prompt))
        return Embedded(np.concatenate(blocks), lengths, cut)

    def embed_images(self, images: Sequence[Image]) -> Embedded:
        """See `Model.embed_images`."""
        if not self.reads_images:
            raise no_images()
        import numpy as np

        return Embedded(self._run(list(images), ""), np.zeros(len(images), np.int32))

    def _encode(self, texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        if self._modalities() - {"text"}:
            # Such a model takes a bare string that looks like an address or a path for a picture, and opens it.
            return self._run([{"text": prompt + text} for text in texts], "")
        return self._run(list(texts), prompt)

    def _run(self, inputs: Sequence[Any], prompt: str) -> NDArray[np.float32]:
        import numpy as np

        with self._lock:
            vectors = self._model.encode(
                inputs, prompt=prompt, batch_size=_BATCH, convert_to_numpy=True, show_progress_bar=False
            )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _modalities(self) -> set[str]:
        known: Iterable[Any] = getattr(self._model, "modalities", ("text",))
        return {str(name) for name in known}

    def _count(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], tuple[int, ...]]:
        """Tokens of each text as they are read, and who was cut; zeros for a model without a tokenizer."""
        import numpy as np

        tokenizer = getattr(self._model, "tokenizer", None)
        if not callable(tokenizer) or self.max_tokens is None:
            return np.zeros(len(texts), np.int32), ()
        with self._lock:
            ids = tokenizer(list(texts), add_special_tokens=True, truncation=False, verbose=False)[
                "input_ids"
            ]
        lengths = np.fromiter(map(len, ids), np.int32, len(ids))
        cut = tuple(np.flatnonzero(lengths > self.max_tokens).tolist())
        return np.minimum(lengths, np.int32(self.max_tokens)), cut


def _drop_normalisation(model: Any) -> None:
    while len(model) > 1 and type(model[-1]).__name__ == "Normalize":
        del model[-1]
