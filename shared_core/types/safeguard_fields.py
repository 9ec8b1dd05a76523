"""The safeguards as fields, for the adapters' classes: both frameworks' are pydantic models. Loaded by them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from shared_core.types.safeguards import SAFEGUARDS, plain_safeguard

__all__ = ["Safeguarded"]

_WITH_OBJECTS = ("ledger", "chat_cache", "state", "limits", "concurrency", "budgets")


class Safeguarded(BaseModel):
    """Fields under the names that the core has for them; explained at `shared_core.HFRouter`."""

    model_config = ConfigDict(defer_build=True)

    usage_tags: dict[str, str] | None = None
    hooks: list[Any] | None = Field(default=None, exclude=True, repr=False)
    ledger: Any = Field(default=None, repr=False)
    chat_cache: Any = Field(default=None, repr=False)
    state: Any = Field(default=None, repr=False)  # a URL that may hold a password
    limits: list[Any] | None = None
    concurrency: Any = None
    budgets: list[Any] | None = None
    hedge: bool | float | None = None

    @field_serializer(*_WITH_OBJECTS, when_used="unless-none")
    def _plain_safeguards(self, value: Any) -> Any:
        return plain_safeguard(value)

    def _safeguards(self) -> dict[str, Any]:
        """The arguments that were given."""
        state: Mapping[str, Any] = self.__dict__
        return {name: state[name] for name in SAFEGUARDS if state[name] is not None}

    def _plain_given(self) -> dict[str, Any]:
        """The same as JSON, without what cannot be written down."""
        return {name: plain_safeguard(value) for name, value in self._safeguards().items() if name != "hooks"}
