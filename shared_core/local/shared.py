"""What the process loads once and all objects share: one value a key, one load at a time for each key.

A load that fails leaves nothing behind: the next call tries again. A forked child starts empty, because
thread pools and GPU contexts do not survive a fork.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["SHELF", "Shelf"]

T = TypeVar("T")


class _Place:
    """Of one value: its lock, and the value once it is there."""

    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: Any = None


class Shelf:
    """Loaded things by key.

    Attributes:
        generation: Raised in a forked child; what was taken from the shelf before must be taken anew.

    Example:
        >>> shelf = Shelf()
        >>> shelf.get("a", lambda: [1]) is shelf.get("a", lambda: [2])
        True
    """

    def __init__(self) -> None:
        self.generation = 0
        self._places: dict[Hashable, _Place] = {}
        self._guard = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start_anew)

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The value of a key, loaded when it is not there.

        Args:
            key: Everything that the value depends on.
            load: Makes it; called by one thread at a time for each key. Its errors reach that caller alone.
        """
        with self._guard:
            place = self._places.setdefault(key, _Place())
        if place.value is None:
            with place.lock:
                if place.value is None:
                    place.value = load()
        value: T = place.value
        return value

    def _start_anew(self) -> None:
        self.generation += 1
        _keep_for_ever(self._places)
        torch = sys.modules.get("torch")
        if torch is not None and self._places:
            # The threads that torch computed with are gone, and it would wait for them for ever (GNU OpenMP).
            torch.set_num_threads(1)
        self._places = {}
        self._guard = threading.Lock()


def _keep_for_ever(inherited: object) -> None:
    """Never let a child destroy what it inherited: ONNX Runtime, for one, would wait for threads that only the
    parent has, at the latest when the interpreter ends."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


SHELF = Shelf()
"""The process's own."""
