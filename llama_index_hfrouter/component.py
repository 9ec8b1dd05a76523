"""What this package's LlamaIndex classes do alike: option names, copies, pickles.

Lives here: `Component`. Not here: hosts and tokens (`connection`).

LlamaIndex rebuilds an object by calling its constructor with its fields, so every option is a field. Its own
way of pickling drops, with a warning, what cannot be pickled; here only what belongs to one process stays
behind, and that is named.
"""

from __future__ import annotations

import difflib
import pickle
from typing import Any, ClassVar, Self

from llama_index.core.schema import BaseComponent
from pydantic import BaseModel, ConfigDict

from shared_core.errors import ConfigError
from shared_core.types import LateSignature

__all__ = ["Component"]


class Component(BaseComponent):
    """A LlamaIndex component that knows its options, and what of it may leave the process."""

    # Nobody makes one of these: building its validator at import would be time for nothing.
    model_config = ConfigDict(defer_build=True, arbitrary_types_allowed=True)

    _SHARED: ClassVar[tuple[str, ...]] = ("callback_manager", "rate_limiter")
    """Fields that belong to this process: deep copies share them, pickles carry them where that is possible."""

    _ELSEWHERE: ClassVar[dict[str, str]] = {}
    """What other classes call our options, where no likeness would lead there."""

    _ADVICE: ClassVar[dict[str, str]] = {}
    """What to do in place of other classes' options that have no like here."""

    _HINT: ClassVar[str] = "Its docstring lists them."

    def __init__(self, **options: Any) -> None:
        if options.get("callback_manager", self) is None:
            del options["callback_manager"]  # LlamaIndex's own classes take None for "the default"
        self._check_names(options)
        super().__init__(**options)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        LateSignature.give(cls)

    @classmethod
    def _check_names(cls, options: dict[str, Any]) -> None:
        """Refuses what is unknown: pydantic would drop a misspelt option without a word."""
        for name in options:
            if name in cls.model_fields:
                continue
            known = cls._ELSEWHERE.get(name)
            near = [known] if known else difflib.get_close_matches(name, cls.model_fields, n=1)
            hint = cls._ADVICE.get(name) or (f"Did you mean {near[0]!r}?" if near else cls._HINT)
            raise ConfigError(f"{cls.__name__} has no option {name!r}.", hint=hint)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for name in self._SHARED:  # a limiter has locks, and limits only while it is one
            value = getattr(self, name, None)
            memo[id(value)] = value
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[str, Any]:
        # Not LlamaIndex's own, which tries everything and drops with a warning what it cannot pickle.
        state: dict[str, Any] = BaseModel.__getstate__(self)
        state["__dict__"] = {
            name: value for name, value in state["__dict__"].items() if self._travels(name, value)
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["__dict__"])  # type: ignore[misc]

    @classmethod
    def _travels(cls, name: str, value: Any) -> bool:
        if name not in cls._SHARED:
            return True
        try:
            pickle.dumps(value)
        except Exception:  # noqa: BLE001  (pickling may raise anything, and the answer is the same)
            return False
        return True
