"""One of something for each event loop, put away when that loop ends.

A connection belongs to the loop that opened it: a pool that outlives its loop fails every second call
of a program that uses `asyncio.run` twice.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet

__all__ = ["PerLoop"]

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes one value a loop, on first use.

    Args:
        make: Makes the value; called inside the loop.
        put_away: Closes it while its loop still runs.
    """

    def __init__(self, make: Callable[[], T], put_away: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._put_away = put_away
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None]]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        _all.add(self)

    async def get(self) -> T:
        """The running loop's value."""
        loop = asyncio.get_running_loop()
        entry = self._values.get(loop)
        if entry is not None:
            return entry[0]
        self._put_away_dead()
        value = self._make()
        farewell = self._farewell(value)
        # `asyncio.run` closes every generator that has been started in its loop, and so calls us at its end.
        await farewell.asend(None)
        with self._lock:
            self._values[loop] = (value, farewell)
        return value

    def present(self) -> T | None:
        """The running loop's value; None where it has none."""
        entry = self._values.get(asyncio.get_running_loop())
        return None if entry is None else entry[0]

    async def clear(self) -> None:
        """Puts away the running loop's value."""
        with self._lock:
            entry = self._values.pop(asyncio.get_running_loop(), None)
        if entry is not None:
            await entry[1].aclose()

    def _put_away_dead(self) -> None:
        """Lets go of what loops left behind that were closed without ending their generators.

        LlamaIndex makes such loops, one for each call inside a notebook. The value knows its loop, so that
        nothing else would ever free it.
        """
        with self._lock:
            dead = [self._values.pop(loop)[1] for loop in list(self._values) if loop.is_closed()]
        for farewell in dead:
            # Nothing runs in a closed loop: what closes without waiting does, and sockets go with their owner.
            with contextlib.suppress(StopIteration, RuntimeError):
                farewell.aclose().send(None)

    def put_away_idle(self) -> None:
        """At the end of the program: loops that stand still, and whose owner never closed them."""
        self._put_away_dead()
        for loop, (_, farewell) in list(self._values.items()):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(farewell.aclose())

    def forget(self) -> None:
        """After a fork: the loops stayed with the parent."""
        _inherited.append(self._values)
        self._values = WeakKeyDictionary()
        self._lock = threading.Lock()

    async def _farewell(self, value: T) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._put_away(value)


_inherited: list[object] = []
_all: WeakSet[PerLoop[Any]] = WeakSet()


@atexit.register
def _at_exit() -> None:
    for values in list(_all):
        values.put_away_idle()
