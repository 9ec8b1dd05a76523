"""A loaded model as the embedder sees it: texts in, vectors out.

Lives here: what every model answers, and the model over a fast engine. Not here: which engine (`choose`), who
shares it (`shared`), calls that are merged (`merge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shared_core.errors import ConfigError, InputTooLong
from shared_core.local import batches
from shared_core.local.engines import Backend, Engine, Precision
from shared_core.local.recipe import Recipe
from shared_core.local.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Embedded", "FastModel", "Model", "Part", "no_images", "refuse_cut", "refuse_unreadable"]


class Part(NamedTuple):
    """Texts of one caller.

    Args:
        prompt: Put before each of them; "" for none.
        texts: As the user gave them.
        places: Position of each in the list that the user gave, for messages; None for 0, 1, 2, ...
        whole: Whether a text over the model's limit is refused rather than cut.
    """

    prompt: str
    texts: Sequence[str]
    places: Sequence[int] | None = None
    whole: bool = False

    def place(self, index: int) -> int:
        """Where the user's list has the text that stands at `index` here."""
        return index if self.places is None else self.places[index]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a model made of texts.

    Args:
        vectors: float32, shape (texts, dimensions).
        lengths: Tokens of each text, special tokens included.
        cut: Positions of the texts that were cut, ascending.
    """

    vectors: NDArray[np.float32]
    lengths: NDArray[np.int32]
    cut: tuple[int, ...] = ()

    def rows(self, first: int, last: int) -> Embedded:
        """The texts from `first` to before `last`; a copy, which does not keep the other vectors in memory."""
        cut = tuple(place - first for place in self.cut if first <= place < last)
        return Embedded(self.vectors[first:last].copy(), self.lengths[first:last], cut)


class Model(Protocol):
    """One loaded model, shared by threads.

    Attributes:
        backend, precision, device: As of its engine.
        dimensions: Length of its vectors.
        max_tokens: Texts are cut there; None where it does not say.
        normalised: Whether its vectors have length 1.
        reads_images: Whether pictures have vectors too.
        reasons: Why it is what it is, a sentence each.
    """

    backend: Backend
    precision: Precision
    device: str
    dimensions: int
    max_tokens: int | None
    normalised: bool
    reasons: tuple[str, ...]

    @property
    def reads_images(self) -> bool: ...

    def embed(self, parts: Sequence[Part], turn: AbstractContextManager[object] | None = None) -> Embedded:
        """The vectors of all texts of all parts, in order.

        Args:
            parts: At least one text in all.
            turn: Entered for each batch.

        Raises:
            ConfigError: A text is no valid Unicode.
            InputTooLong: A text is over the limit, and its part wants it whole.
        """

    def embed_images(self, images: Sequence[Image]) -> Embedded:
        """The vectors of pictures.

        Args:
            images: At least one, in RGB.

        Raises:
            ConfigError: The model reads texts only.
        """


class FastModel:
    """A tokenizer and an engine.

    Args:
        recipe: What the engine computes.
        tokens: The model's tokenizer.
        engine: The loaded engine.
        reasons: Why this engine, a sentence each; the engine's own are appended.
    """

    reads_images = False

    def __init__(self, recipe: Recipe, tokens: Tokens, engine: Engine, reasons: Sequence[str] = ()) -> None:
        self.backend = engine.backend
        self.precision = engine.precision
        self.device = engine.device
        self.dimensions = recipe.dimensions
        self.max_tokens: int | None = tokens.limit
        self.normalised = recipe.normalise
        self.reasons = (*reasons, *engine.reasons)
        self._tokens = tokens
        self._engine = engine

    def embed(self, parts: Sequence[Part], turn: AbstractContextManager[object] | None = None) -> Embedded:
        """See `Model.embed`."""
        texts: Sequence[str]
        if len(parts) == 1 and not parts[0].prompt:
            texts = parts[0].texts
        else:
            texts = [part.prompt + text for part in parts for text in part.texts]
        try:
            tokenised = self._tokens.of(texts)
        except TypeError:
            refuse_unreadable(parts)
            raise
        if tokenised.cut:
            refuse_cut(parts, tokenised.cut, self._tokens.limit)
        vectors = batches.run(self._engine, tokenised.batch, self.dimensions, turn)
        return Embedded(vectors, tokenised.batch.lengths, tokenised.cut)

    def embed_images(self, images: Sequence[Image]) -> Embedded:  # noqa: ARG002
        """No fast engine reads pictures."""
        raise no_images()


def no_images() -> ConfigError:
    """The error of a model that reads texts only."""
    return ConfigError(
        "This model reads texts, not pictures.",
        hint='Take a CLIP-like model, such as "sentence-transformers/clip-ViT-B-32".',
    )


def refuse_unreadable(parts: Sequence[Part]) -> None:
    """Refuse lone surrogates, which no tokenizer can read.

    Raises:
        ConfigError: Names the position of the first such text.
    """
    for part in parts:
        for index, text in enumerate((part.prompt, *part.texts), start=-1):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                name = "The prompt" if index < 0 else f"Text {part.place(index)}"
                raise ConfigError(
                    f"{name} is no valid Unicode: it has a lone surrogate at character {error.start}.",
                    hint='Read the source as UTF-8, or repair it: text.encode("utf-8", "replace").decode().',
                ) from None


def refuse_cut(parts: Sequence[Part], cut: Sequence[int], limit: int) -> None:
    """Refuse parts that want their texts whole.

    Args:
        parts: In their order.
        cut: Positions of the texts that were cut, counted over all parts.
        limit: The model's limit in tokens, for the message.

    Raises:
        InputTooLong: Names the first text of such a part.
    """
    first = 0
    for part in parts:
        last = first + len(part.texts)
        if part.whole:
            for place in cut:
                if first <= place < last:
                    raise InputTooLong(
                        f"Text {part.place(place - first)} is longer than the {limit} tokens that the model reads.",
                        hint="Split it, or let it be cut with truncate=True.",
                    )
        first = last
