"""The two routers of one object, and what becomes of them when it is changed, copied or travels.

Lives here: what `RouterSettings` and `Connection` have in common beside their fields. Not here: those fields, and
pickles, which differ (`settings`, `connection`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from langchain_hfrouter.keys import safe_key, without_secrets
from shared_core.types import LateSignature

if TYPE_CHECKING:
    from shared_core import AsyncHFRouter, HFRouter

__all__ = ["CLIENTS", "Routers"]

CLIENTS = ("http_client", "async_http_client")
"""The fields that hold a client of the user's own."""


class Routers(BaseModel):
    """A pydantic model that makes its routers with the first call, and anew after each change."""

    model_config = ConfigDict(defer_build=True)

    if TYPE_CHECKING:  # fields of those who inherit, which say in which order they stand
        http_client: Any
        async_http_client: Any
        async_transport: Literal["httpx2", "aiohttp"]

    # `HFRouter` and `AsyncHFRouter`, whose room is loaded with the first call.
    _router: Any = PrivateAttr(default=None)
    _async_router: Any = PrivateAttr(default=None)

    _NOTHING_MADE: ClassVar[dict[str, None]] = {"_router": None, "_async_router": None}
    """What was made from the fields, and is forgotten when they change."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        LateSignature.give(cls)

    def _router_settings(self) -> dict[str, Any]:
        """The arguments of both routers."""
        raise NotImplementedError

    def _sync(self) -> HFRouter:
        router: HFRouter | None = self._router
        if router is None:
            from shared_core import HFRouter

            router = self._router = HFRouter(**self._router_settings(), http_client=self.http_client)
        return router

    def _async(self) -> AsyncHFRouter:
        router: AsyncHFRouter | None = self._async_router
        if router is None:
            from shared_core import AsyncHFRouter

            router = self._async_router = AsyncHFRouter(
                **self._router_settings(), http_client=self.async_http_client, transport=self.async_transport
            )
        return router

    # --- copies: routers belong to one object, and a token stays where it was given ---

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, safe_key(value) if name == "api_key" else value)
        if name in type(self).model_fields:
            self._forget()

    def _forget(self) -> None:
        private = self.__pydantic_private__
        if private is not None:
            object.__setattr__(self, "__pydantic_private__", {**private, **self._NOTHING_MADE})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with other values for some fields; they are not checked.

        Args:
            update: The fields to change.
            deep: Copies what the fields hold too. An explicit token stays behind then.
        """
        if update and "api_key" in update:
            update = {**update, "api_key": safe_key(update["api_key"])}
        return super().model_copy(update=update, deep=deep)

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin._forget()
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        # A client of the user's own is shared: it cannot be copied, and losing its proxy would be worse.
        for name in CLIENTS:
            client = getattr(self, name)
            if client is not None:
                memo[id(client)] = client
        twin = copy.copy(self)
        object.__setattr__(twin, "__dict__", without_secrets(copy.deepcopy(twin.__dict__, memo)))
        return twin
