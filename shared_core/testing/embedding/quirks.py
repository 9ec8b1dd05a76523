"""What embedding servers do otherwise than the textbook says, as switches.

Lives here: limits, and shapes of correct replies. Not here: statuses, slowness and broken connections, which
are the same on every route (`faults`).

    router.queue(EmbedQuirks(max_texts=16), path="/v1/embeddings", times=-1)
    router.queue((EmbedQuirks(reverse=True), SlowHead(0.02)), path="/deepinfra/*")
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EmbedQuirks"]

_WORDS = {
    "over_status": (400, 413, 422),
    "refuse_status": (400, 413, 422),
    "tokens": ("", "one a text", "nested"),
    "base64": ("yes", "refuse", "ignore"),
    "nan": ("", "NaN", "null"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedQuirks:
    """How an embedding or rerank route behaves. Every default is the usual way; queue one to get another.

    Attributes:
        max_texts: More texts than that are refused; None for the route's own limit.
        max_characters: More characters than that in all are refused.
        over_status: The status of both: 400, 413 or 422, each with a body that was seen with it.
        max_in_flight: A request is refused with 429 while more than so many are being answered.
        refuse_marker: A text that contains this is refused.
        refuse_status: The status of that.
        name_index: Whether the refusal says which text it was; False leaves the client to find out.
        refuse_empty: Whether an empty text is refused; None as usual: TEI does, OpenAI-like servers do not.
        reverse: Vectors, or ranks, in the reverse order; only their `index` tells.
        index: False leaves `index` out.
        tokens: On routes that reply with a bare array, a vector a token: `one a text` (3-D), or `nested`
            in one more list a text.
        flat: One text alone comes back 1-D on bare-array routes, even when it was sent in a list.
        wrapped: Key of an object around the bare array, such as `embeddings`.
        base64: `yes`, `refuse` (400), or `ignore`: floats although base64 was asked for.
        dimensions: Length of the vectors, whatever was asked for.
        ragged: The last vector is one number shorter.
        count_off: So many vectors too many, or, when negative, too few.
        nan: The first number of the last vector is `NaN` (which JSON does not know) or `null`.
        usage: False leaves `usage` out.
        mapping_as_list: The Hub writes provider mappings as lists; None as the model says.
    """

    max_texts: int | None = None
    max_characters: int | None = None
    over_status: int = 413
    max_in_flight: int | None = None
    refuse_marker: str = ""
    refuse_status: int = 422
    name_index: bool = True
    refuse_empty: bool | None = None
    reverse: bool = False
    index: bool = True
    tokens: str = ""
    flat: bool = False
    wrapped: str = ""
    base64: str = "yes"
    dimensions: int | None = None
    ragged: bool = False
    count_off: int = 0
    nan: str = ""
    usage: bool = True
    mapping_as_list: bool | None = None

    def __post_init__(self) -> None:
        for name, allowed in _WORDS.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        for name in ("max_texts", "max_characters", "dimensions", "max_in_flight"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1; got {value!r}")
