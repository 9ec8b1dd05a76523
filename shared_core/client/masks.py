"""Values as they may be shown: with neither tokens nor passwords in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared_core.types import SECRET_HEADERS, ApiKey

__all__ = ["MASK", "Shown", "shown"]

MASK = "**********"

_SECRET = frozenset({*SECRET_HEADERS, "api_key", "authorization", "token"})
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*(?=@)")


class Shown(str):
    """A text that is its own `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(value: Any) -> str:
    """The `repr` of a value, masked.

    Example:
        >>> shown({"url": "redis://:secret@host/0", "headers": {"X-Api-Key": "secret"}})
        "{'url': 'redis://**********@host/0', 'headers': {'X-Api-Key': '**********'}}"
    """
    return repr(_masked(value))


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: MASK if str(name).lower() in _SECRET else _masked(inner) for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    if isinstance(value, SecretStr):
        return Shown(MASK)
    if callable(value):
        return Shown(ApiKey(value).name)
    if isinstance(value, Path):
        return str(value)
    return _PASSWORD.sub(MASK, value) if isinstance(value, str) else value
