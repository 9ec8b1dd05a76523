"""Addresses of hosts, and of dedicated endpoints, which are named and looked up: `endpoint://namespace/name`.

Lives here: reading and writing them; pure. Not here: looking one up (`client.locating`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared_core.errors import ConfigError

__all__ = [
    "ENDPOINT",
    "check_endpoint",
    "endpoint_address",
    "endpoint_in",
    "is_namespace",
    "origin_of",
    "with_endpoint",
]

ENDPOINT = "endpoint://"
"""What an address begins with that names a dedicated endpoint."""

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def endpoint_address(name: str) -> str:
    """The address that stands for a dedicated endpoint, wherever a `base_url` may stand.

    Args:
        name: Its name, with or without its namespace; or such an address.

    Raises:
        ConfigError: It is no name of an endpoint.

    Example:
        >>> endpoint_address("my-org/my-endpoint")
        'endpoint://my-org/my-endpoint'
    """
    bare = name.removeprefix(ENDPOINT) if isinstance(name, str) else ""
    if not _NAME.fullmatch(bare) or ".." in bare:
        raise ConfigError(
            f"endpoint={name!r} is not the name of an endpoint.",
            hint='Write endpoint="name" or "namespace/name"; an address, https://..., goes into base_url.',
        )
    return f"{ENDPOINT}{bare}"


def endpoint_in(url: str) -> str:
    """The endpoint that such an address names, as `name` or `namespace/name`; "" for every other address."""
    return url.removeprefix(ENDPOINT) if url.startswith(ENDPOINT) else ""


def is_namespace(name: str) -> bool:
    """Whether this may be the name of a user or an organisation, which stands in paths.

    Example:
        >>> is_namespace("my-org"), is_namespace("..")
        (True, False)
    """
    return "/" not in name and ".." not in name and _NAME.fullmatch(name) is not None


def check_endpoint(provider: str | None, bill_to: str | None) -> None:
    """Whether these go together with a dedicated endpoint.

    Raises:
        ConfigError: One means something to the router alone.
    """
    if provider is not None:
        raise ConfigError(
            f"provider={provider!r} chooses among providers behind the router, and an endpoint has none.",
            hint="Leave provider out.",
        )
    if bill_to is not None:
        raise ConfigError(
            f"bill_to={bill_to!r} is for the router: an endpoint is paid for by its namespace.",
            hint='Leave bill_to out; an organisation\'s endpoint is "organisation/name".',
        )


def with_endpoint(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a client with what `endpoint` means as their `base_url`.

    Raises:
        ConfigError: Both say where calls go, it is no name of an endpoint, or there is what an endpoint has no use for.

    Example:
        >>> with_endpoint({"endpoint": "mine", "timeout": 20})
        {'timeout': 20, 'base_url': 'endpoint://mine'}
    """
    rest = dict(arguments)
    if (name := rest.pop("endpoint", None)) is None:
        return rest
    if rest.get("base_url") is not None:
        raise ConfigError(
            f"endpoint={name!r} and base_url={rest['base_url']!r} both say where calls go.", hint="Keep one."
        )
    check_endpoint(rest.get("provider"), rest.get("bill_to"))
    return {**rest, "base_url": endpoint_address(name)}


@functools.lru_cache(maxsize=1024)
def origin_of(url: str) -> tuple[str, str]:
    """Scheme and host with port: addresses that share them share a token. Each endpoint is a host of its own.

    Example:
        >>> origin_of("http://localhost:8000/v1"), origin_of("endpoint://me/mine")
        (('http', 'localhost:8000'), ('endpoint', 'me/mine'))
    """
    if name := endpoint_in(url):
        return "endpoint", name
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
