"""The signatures of the adapters' classes, for `help` and editors: both frameworks' are pydantic models. Loaded by them
alone."""

from __future__ import annotations

import inspect

from pydantic import BaseModel

__all__ = ["LateSignature"]


class LateSignature:
    """A class's signature, found out when somebody looks: until a class is built it would have its parent's."""

    @classmethod
    def give(cls, owner: type[BaseModel]) -> None:
        """To be called by `__pydantic_init_subclass__`."""
        if not owner.__pydantic_complete__:
            owner.__signature__ = cls()  # type: ignore[assignment]

    def __get__(self, instance: object, owner: type[BaseModel]) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        owner.model_rebuild()  # puts the true one in this one's place
        return owner.__signature__
