"""What the classic tasks answer: labels, entities, boxes, spans, cells, scores. Frozen, by huggingface_hub's names.

Masks and sounds are files, and live in the room `media`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from shared_core.types.chat import ReplyMeta
from shared_core.types.deltas import Usage

__all__ = [
    "Answer",
    "Answers",
    "Box",
    "CompletionReply",
    "Detection",
    "Entity",
    "Filling",
    "Label",
    "TableAnswer",
    "TextReply",
]

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Answers(Sequence[Item], Generic[Item]):
    """A reply of several answers: a sequence, the likeliest first where the provider sorts them.

    Args:
        items: The answers, in the provider's order.
        meta: Who answered, and how long it took.
        raw: The provider's JSON.

    Example:
        >>> reply = router.text_classification("I love it")  # doctest: +SKIP
        >>> reply[0].label, reply.meta.provider, len(reply)  # doctest: +SKIP
        ('POSITIVE', 'hf-inference', 2)
    """

    items: tuple[Item, ...]
    meta: ReplyMeta
    raw: Any = field(default=None, repr=False)

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, place: int | slice) -> Item | tuple[Item, ...]:
        return self.items[place]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @property
    def provider(self) -> str | None:
        return self.meta.provider

    @property
    def model(self) -> str:
        return self.meta.model


@dataclass(frozen=True, slots=True)
class Label:
    """A class, and how well it fits.

    Args:
        label: Its name.
        score: Mostly between 0 and 1; None where the provider gives none.
    """

    label: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A part of a text that names something.

    Args:
        label: What kind of thing, such as "PER": the provider's `entity_group`, or `entity` where tokens were not
            put together.
        word: The part, as the model's tokenizer writes it.
        score: Mostly between 0 and 1; None where the provider gives none.
        start, end: Where it stands in the text, in characters; None where the provider does not say.
    """

    label: str
    word: str
    score: float | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Where something is in a picture: in pixels, from its left upper corner."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        return self.ymax - self.ymin


@dataclass(frozen=True, slots=True)
class Detection:
    """A thing that was found in a picture.

    Args:
        label: What it is.
        box: Where.
        score: Mostly between 0 and 1; None where the provider gives none.
    """

    label: str
    box: Box
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question about a text, a document or a picture.

    Args:
        answer: Its text; "" where the model says that there is none.
        score: Mostly between 0 and 1; None where the provider gives none.
        start, end: Where it stands: in characters of the context, or in words of the document; None for pictures.
    """

    answer: str
    score: float | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """A word for a mask.

    Args:
        token_str: The word.
        sequence: The whole text with it.
        score: Mostly between 0 and 1; None where the provider gives none.
        token: The word's number in the model's vocabulary.
        mask: Which mask of the text, from 0.
    """

    token_str: str
    sequence: str = ""
    score: float | None = None
    token: int | None = None
    mask: int = 0


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """An answer that was looked up in a table.

    Args:
        answer: Its text, with the aggregator in front where there is one ("SUM > 1, 2").
        meta: Who answered, and how long it took.
        cells: What stands in the cells it is from.
        coordinates: (row, column) of each, from 0.
        aggregator: What is to be done with them, such as "SUM"; "" or "NONE" for nothing.
        raw: The provider's JSON.
    """

    answer: str
    meta: ReplyMeta
    cells: tuple[str, ...] = ()
    coordinates: tuple[tuple[int, int], ...] = ()
    aggregator: str = ""
    raw: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TextReply:
    """A text that was made of another, or of a picture.

    Args:
        text: The text; the first where several were asked for.
        meta: Who answered, and how long it took.
        texts: All of them, in the order of the inputs.
        raw: The provider's JSON.
    """

    text: str
    meta: ReplyMeta
    texts: tuple[str, ...] = ()
    raw: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CompletionReply:
    """How a model goes on with a text.

    Args:
        text: The continuation, without the prompt unless that was asked for, and without the text that ended it.
        finish_reason: "stop", "length", or the provider's own word; None where it does not say.
        usage: Tokens of the call; None where the provider did not say.
        meta: Who answered, and how long it took.
        raw: The provider's JSON; empty for a stream.
    """

    text: str
    finish_reason: str | None
    usage: Usage | None
    meta: ReplyMeta
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
