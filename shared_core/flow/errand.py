"""A function of the user's, called in a thread of its own: the call that needs it can stop waiting for it.

Lives here: that thread's part. Not here: waiting for it, which the drivers do.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from inspect import iscoroutine
from typing import Any, Self

from shared_core.flow.hands import HANDS
from shared_core.flow.latch import Latch

__all__ = ["Errand"]


class Errand:
    """Begun when it is made, with the caller's context variables; to be used as a context manager, whose end says that
    nobody waits any more.

    The thread is a daemon: a function that never returns keeps neither the call nor the program from ending.

    Args:
        function: What to call.

    Attributes:
        latch: Open when it is done.
    """

    __slots__ = ("_error", "_function", "_is_left", "_result", "latch")

    def __init__(self, function: Callable[[], Any]) -> None:
        self.latch = Latch()
        self._function = function
        self._result: Any = None
        self._error: BaseException | None = None
        self._is_left = False
        context = contextvars.copy_context()
        HANDS.do(lambda: context.run(self._run))

    def result(self) -> Any:
        """What the function returned; raises what it raised."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # its traceback holds frames that hold us

    def _run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            self._error = error
        finally:
            self.latch.open()
            if self._is_left:
                self._close()

    def _close(self) -> None:
        """A coroutine that comes too late will not be awaited, of which Python would complain."""
        if iscoroutine(self._result):
            self._result.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_left = True
        if self.latch.is_open:
            self._close()
