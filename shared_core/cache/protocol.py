"""What every embedding cache can do. Bytes in, bytes out: what they mean is said in `keys` and `recall`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

__all__ = ["EmbeddingCache"]


@runtime_checkable
class EmbeddingCache(Protocol):
    """Remembers bytes by key, for as long as there is room.

    Shared by threads. It may forget anything at any time. Trouble of its own (a full disk, a server that is
    gone) is logged and never raised: what was embedded must reach the caller.
    """

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values in the order of the keys, None where nothing is remembered."""
        ...

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Remembers these (key, value) pairs; a key that is known gets the new value."""
        ...

    def close(self) -> None:
        """Frees the file or the connection. A closed cache opens again when it is used again."""
        ...
