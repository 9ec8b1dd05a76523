"""The rest of a body whose answer is complete: read and dropped, so that the connection can serve again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared_core.errors import RouterError
from shared_core.types import Waits

__all__ = ["drain_rest"]


async def drain_rest(
    read: Callable[[], Awaitable[bytes]], waits: Waits, most_bytes: int, seconds: float
) -> None:
    """Reads until the end or either bound. A failure is not worth more: closing then drops the connection."""
    waits.lingering(seconds)
    try:
        while most_bytes > 0 and (piece := await read()):
            most_bytes -= len(piece)
    except RouterError:
        return
