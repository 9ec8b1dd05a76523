"""Replies as JSON and back: what a batch keeps on the disk.

Lives here: the form of each value. Not here: the file it stands in (`batch_file`).

A reply is an object that names its class, arrays are base64 of their bytes, and media are files beside. No pickles: a
file may come from elsewhere, and is read as data. What comes back equals what went in, but for cookies in the headers.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["Keep", "Load", "from_json", "to_json"]

Keep = Callable[[str, bytes], None]
"""Writes a file beside, given its name and its bytes."""

Load = Callable[[str], Any]
"""Finds a file beside: its path."""

_KIND = "@"
_NOT_KEPT = frozenset({"set-cookie", "set-cookie2"})


def to_json(value: Any, keep: Keep) -> Any:
    """The value in words that JSON has.

    Args:
        value: A reply, or a part of one.
        keep: Takes media.

    Raises:
        TypeError: There is something in it that has no form here.
    """
    if value is None or (isinstance(value, bool | int | float | str) and not hasattr(value, "_fields")):
        return value
    kind = type(value).__name__
    if isinstance(value, Decimal):
        return {_KIND: kind, "of": str(value)}
    if kind == "ndarray":
        return {
            _KIND: kind,
            "type": value.dtype.str,
            "shape": value.shape,
            "of": base64.b64encode(value.tobytes()).decode("ascii"),
        }
    if kind == "MediaFile":
        name = hashlib.blake2b(value.data, digest_size=16).hexdigest()
        keep(name, value.data)
        return {_KIND: kind, "mime_type": value.mime_type, "of": name}
    if kind in _classes():
        names = _names_of(kind)
        return {_KIND: kind, **{name: to_json(getattr(value, name), keep) for name in names}}
    if isinstance(value, Mapping):
        pairs = [[str(name), to_json(inner, keep)] for name, inner in value.items() if name not in _NOT_KEPT]
        return {_KIND: "dict", "of": pairs} if _KIND in value else dict(pairs)
    if isinstance(value, tuple):
        return {_KIND: "tuple", "of": [to_json(inner, keep) for inner in value]}
    if isinstance(value, list):
        return [to_json(inner, keep) for inner in value]
    raise TypeError(f"a reply with a {kind} in it cannot be kept")


def from_json(value: Any, load: Load) -> Any:
    """What `to_json` was given.

    Args:
        value: From JSON.
        load: Finds media.

    Raises:
        ValueError: It is nothing that `to_json` makes.
    """
    if isinstance(value, list):
        return [from_json(inner, load) for inner in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_KIND)
    if kind is None:
        return {name: from_json(inner, load) for name, inner in value.items()}
    try:
        return _made(str(kind), value, load)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{kind!r} cannot be read: {error}") from None


def _made(kind: str, value: dict[str, Any], load: Load) -> Any:
    if kind == "dict":
        return {name: from_json(inner, load) for name, inner in value["of"]}
    if kind == "tuple":
        return tuple(from_json(inner, load) for inner in value["of"])
    if kind == "Decimal":
        return Decimal(value["of"])
    if kind == "ndarray":
        import numpy as np

        data = np.frombuffer(base64.b64decode(value["of"]), dtype=np.dtype(value["type"]))
        return data.reshape(value["shape"]).copy()
    if kind == "MediaFile":
        from shared_core.media import MediaFile

        path = load(value["of"])
        with path.open("rb") as file:
            head = file.read(65_536)
        return MediaFile(value["mime_type"], path=path, head=head)
    made = _classes()[kind]
    return made(**{name: from_json(inner, load) for name, inner in value.items() if name != _KIND})


@functools.cache
def _classes() -> Mapping[str, type]:
    """The classes that replies are made of, by name."""
    from shared_core.media import parts, reply
    from shared_core.types import answers, chat, cost, deltas, embeddings, jobs, rerank

    listed: list[type] = [
        *(getattr(answers, name) for name in answers.__all__),
        *(chat.ChatReply, chat.Choice, chat.ReplyMeta, cost.Cost, deltas.ToolCall, deltas.Usage),
        *(embeddings.EmbedReply, rerank.RerankReply, jobs.Job),
        *(parts.Segment, parts.Sound, reply.MediaReply, reply.TranscriptChunk, reply.TranscriptReply),
    ]
    return {kind.__name__: kind for kind in listed}


@functools.cache
def _names_of(kind: str) -> tuple[str, ...]:
    """The values that a class is made with."""
    made = _classes()[kind]
    if dataclasses.is_dataclass(made):
        return tuple(item.name for item in dataclasses.fields(made) if item.init)
    return tuple(getattr(made, "_fields", ()))
