"""What both clients share to ask about models: the catalogue, whether one is there to answer, and waking it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from shared_core.catalog import SHARED, Catalog, parse_catalog
from shared_core.client.base import RouterBase
from shared_core.client.pipeline import policies, run_through
from shared_core.client.status import ModelStatus, status_from
from shared_core.errors import ConfigError, ModelLoading, ModelNotServed, RouterError
from shared_core.flow import Flow
from shared_core.routing import wire_model
from shared_core.types import Call, ChatRequest, LookupRequest, ModelRef, Timeouts, endpoint_in

__all__ = ["CatalogueRouter"]

_CATALOG_TTL = 300.0  # seconds; what Hugging Face's own ml-intern uses


class CatalogueRouter(RouterBase):
    """`RouterBase` with the flows of `models`, `status` and `warm`."""

    def _models(self, *, refresh: bool, hasty: float | None = None) -> Flow[Catalog]:
        """The catalogue: from memory while it is fresh, stale rather than not at all; fetched once for all who ask
        at the same time.

        Args:
            refresh: Whether it must be fetched now.
            hasty: The longest, in seconds, to wait for a newer one where an old one is known.
        """
        url = self.base_url  # settled by this
        if not refresh and (known := SHARED.fresh(url, time.time(), _CATALOG_TTL)) is not None:
            return known
        try:
            patience = (
                None if hasty is None or SHARED.loaded(url) is None else min(hasty, self.timeouts.total)
            )
            payload = yield from self._listed(shared=not refresh, timeout=patience)
            catalog = parse_catalog(payload, source=f"{url}/models", fetched_at=time.time())
        except (RouterError, ValueError) as error:
            SHARED.failed(url, time.time())
            stale = SHARED.loaded(url)
            if stale is not None and not refresh:
                return stale
            if isinstance(error, RouterError):
                raise
            raise ConfigError(
                f"{url}/models is not a catalogue: {error}.", hint="Check `base_url`."
            ) from None
        SHARED.remember(url, catalog, time.time())
        return catalog

    def _listed(self, *, shared: bool, timeout: float | None) -> Flow[Any]:
        """The server's list of models; whoever wants it newer than now asks for himself."""
        from shared_core.policy.single_flight import flight_key, share

        url = self.base_url
        call = self._call(LookupRequest("/models"), timeout, None, streamed=False)

        def asked(call: Call) -> Flow[Any]:
            return run_through(self._policies, call, self._exchange.look_up)

        if not shared:
            return (yield from asked(call))
        key = flight_key("models", url, (yield from self._exchange.key(call, needed=False)))
        return (yield from share(key, call, asked, lambda payload: payload))

    def _status(self, model: str | None) -> Flow[ModelStatus]:
        client, about = self._at({"model": model})
        if client is not self:
            return (yield from client._status(None))
        name = wire_model(about.get("model") or self.model, self.provider)
        ref = ModelRef.parse(name)
        if endpoint_in(self.base_url):
            return (yield from self._endpoint_status(name))
        try:
            payload = yield from self._look_up(f"/models/{quote(ref.repo, safe='/')}")
        except ModelNotServed:
            return ModelStatus(name, "not served")
        return status_from(name, ref, payload)

    def _endpoint_status(self, name: str) -> Flow[ModelStatus]:
        """Whether a dedicated endpoint answers; asking wakes one that is scaled to zero."""
        try:
            yield from self._look_up("/models")
        except (ModelNotServed, ModelLoading):
            return ModelStatus(name, "not served")
        return ModelStatus(name, "live")

    def _warm(self, model: str | None, timeout: float | Timeouts | None) -> Flow[ModelStatus]:
        client, about = self._at({"model": model})
        if client is not self:
            return (yield from client._warm(None, timeout))
        name = wire_model(about.get("model") or self.model, self.provider)
        request = ChatRequest(
            [{"role": "user", "content": "."}], name, {"max_tokens": 1}, False, self.extra_body
        )
        call = self._call(request, timeout, None, streamed=False)
        patient = policies(
            max_retries=self.max_retries,
            patience=float("inf"),
            safeguards=self._safeguards,
            locate=self._locate,
        )
        yield from self._recorded(call, lambda call: run_through(patient, call, self._exchange.chat))
        return (yield from self._status(model))
