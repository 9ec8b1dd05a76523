"""The core's two routers behind one object: made when first needed, remade when settings change.

Lives here: which settings make a router, injected HTTP clients, what survives copying and pickling.
Not here: the settings themselves (`config`), pools and tokens (the core).

Routers are cheap and share the process's connection pools, so nothing is lost by building one late. A
pickle carries neither router nor injected client; if there was a client, its absence is an error at first
use, because silently going around a caller's proxy or certificates would be worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from llama_index_hfrouter.connection import Connection
    from shared_core import AsyncHFRouter, HFRouter
    from shared_core.types import ApiKey

__all__ = ["Clients"]


class Clients:
    """Holds the routers of one object and its shallow copies.

    Args:
        http_client: The caller's own `httpx2.Client` or `httpx.Client`.
        async_http_client: The caller's own `AsyncClient` of either.
        left_behind: A client stayed behind in another process.
    """

    __slots__ = ("_async", "_sync", "async_http_client", "http_client", "left_behind")

    def __init__(
        self, http_client: Any = None, async_http_client: Any = None, *, left_behind: bool = False
    ) -> None:
        self.http_client = http_client
        self.async_http_client = async_http_client
        self.left_behind = left_behind
        # Settings and what was built from them, replaced together: threads see one or the other.
        self._sync: tuple[dict[str, Any], HFRouter] | None = None
        self._async: tuple[dict[str, Any], AsyncHFRouter] | None = None

    def router(self, config: Connection) -> HFRouter:
        """The blocking router for these settings."""
        settings = _settings(config)
        built = self._sync
        if built is not None and built[0] == settings:
            return built[1]
        self._check()
        from shared_core import HFRouter

        router = HFRouter(
            config._router_model(), api_key=_key(config), http_client=self.http_client, **_arguments(settings)
        )
        self._sync = (settings, router)
        return router

    def async_router(self, config: Connection) -> AsyncHFRouter:
        """The asynchronous router for these settings; the core keeps one client for each event loop."""
        settings = {**_settings(config), "transport": config.async_transport or "aiohttp"}
        built = self._async
        if built is not None and built[0] == settings:
            return built[1]
        self._check()
        from shared_core import AsyncHFRouter

        router = AsyncHFRouter(
            config._router_model(),
            api_key=_key(config),
            http_client=self.async_http_client,
            **_arguments(settings),
        )
        self._async = (settings, router)
        return router

    def _check(self) -> None:
        if self.left_behind:
            raise ConfigError(
                "This object was pickled, and its own HTTP client was left behind.",
                hint="Build the object where it runs, with http_client= or async_http_client= again.",
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return _travelled, (self.left_behind or bool(self.http_client or self.async_http_client),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Clients:
        return Clients(self.http_client, self.async_http_client, left_behind=self.left_behind)


def _travelled(left_behind: bool) -> Clients:
    return Clients(left_behind=left_behind)


def _settings(config: Connection) -> dict[str, Any]:
    return {"key": config.api_key, **config._router_settings()}


def _arguments(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "key" and value is not None}


def _key(config: Connection) -> ApiKey:
    """Where the token comes from; says at once if it was left behind."""
    config.api_key.reveal()
    return config.api_key
