"""What an encoder is: a config.json read into a shape, and the shape written in the words of `Ops`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared_core.local.encoders.ops import Ops

__all__ = ["Encoder"]

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Encoder(Generic[Shape]):
    """One architecture. Called with an engine's words, it gives the vectors of all tokens.

    Reading is apart from writing so that a model which is not carried is known before anything is loaded.

    Args:
        read: The shape in a config.json; raises `ConfigError` for what the architecture here does not carry.
        write: The arithmetic of a shape.
    """

    read: Callable[[Mapping[str, Any]], Shape]
    write: Callable[[Ops[Any], Shape], Any]

    def __call__(self, ops: Ops[Any], config: Mapping[str, Any]) -> Any:
        """Token vectors, `(tokens, width)`."""
        return self.write(ops, self.read(config))
