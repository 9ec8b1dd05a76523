"""Identical batches of texts at the same time go out once, where the client remembers vectors anyway."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar, cast

from shared_core.errors import RouterError
from shared_core.flow import Flow
from shared_core.policy import Handler
from shared_core.policy.single_flight import share
from shared_core.types import ApiKey, Call, EmbedRequest, Target
from shared_core.wire.embeddings import Embedded

if TYPE_CHECKING:
    from shared_core.client.embedding import Memory
    from shared_core.providers import Route

__all__ = ["EmbedFlight"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbedFlight:
    """Stands around each batch, inside `report`.

    Args:
        memory: Makes the keys of texts.
        route: Where they go.
        token: The token of a call's account: one account does not wait for what another one pays for.
    """

    memory: Memory
    route: Route
    token: Callable[[Call], Flow[ApiKey]]

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        try:
            token = yield from self.token(call)
        except RouterError:
            # Not known whose vectors these are: who sends it will say so, or another target answers.
            return (yield from inner(call))
        hasher = _begun(call.target, token)
        for key in self.memory.keys_of(cast(EmbedRequest, call.request).texts):
            hasher.update(key)
        return (yield from share(b"embed:" + hasher.digest(), call, inner, self._taken))

    def _taken(self, answer: T) -> T:
        embedded, headers, _ = cast("tuple[Embedded, Mapping[str, str], Route]", answer)
        return cast(T, (embedded._replace(usage=None, shared=True), headers, self.route))


def _begun(target: Target, token: ApiKey) -> blake2b:
    """The part of a key that says on whose account; a function of its own, so that no frame of a call holds a token."""
    place = [token.reveal(), target.base_url, target.bill_to, sorted(target.headers.items())]
    return blake2b(json.dumps(place).encode(), digest_size=32)
