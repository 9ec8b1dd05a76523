"""What a limit counts apart: which of its counts a call falls under, by the limit's `of`."""

from __future__ import annotations

import functools
from hashlib import blake2b

from shared_core.routing.passing_on import account_of
from shared_core.types import TAG, Call, ModelRef, origin_of

__all__ = ["digest", "host_of", "is_meant", "value_of"]


@functools.lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """Host and port of an address; an endpoint's name."""
    return origin_of(url)[1].lower()


def value_of(scope: str, call: Call) -> str:
    """What the call is counted under. Holds no token: an account is told by a digest."""
    if scope == "all":
        return ""
    if scope.startswith(TAG):
        return call.usage_tags.get(scope.removeprefix(TAG), "")
    host = host_of(call.target.base_url)
    if scope == "model":
        return f"{call.request.model} at {host}"
    if scope == "provider":
        return ModelRef.parse(call.request.model).provider or call.target.provider or host
    if scope == "key":
        place, key, bill_to = account_of(call.target)
        return digest(f"{place} {key.source} {key.name or key.reveal()} {bill_to}")
    return host


def is_meant(only: str, scope: str, value: str) -> bool:
    """Whether a limit that is for one value alone is for this one; a model also goes by its id alone."""
    if not only or only == value:
        return True
    return scope == "model" and only in (name := value.partition(" at ")[0], ModelRef.parse(name).repo)


def digest(text: str) -> str:
    """What stands for a text that may be long, or a secret, where others can read."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
