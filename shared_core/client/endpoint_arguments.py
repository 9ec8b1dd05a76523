"""The argument `endpoint` of a client: what it stands for, and what it does not go together with.

Lives here: those checks; nothing is looked up. Not here: finding the endpoint (`locating`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.client.checks import checked_url
from shared_core.errors import ConfigError
from shared_core.types import endpoint_address, endpoint_in

__all__ = ["placed", "without_endpoint"]


def without_endpoint(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a client with the address of `endpoint` as their `base_url`.

    Raises:
        ConfigError: Both say where calls go, or it is no name of an endpoint.
    """
    rest = dict(arguments)
    if (name := rest.pop("endpoint", None)) is None:
        return rest
    if rest.get("base_url") is not None:
        raise ConfigError(
            f"endpoint={name!r} and base_url={rest['base_url']!r} both say where calls go.", hint="Keep one."
        )
    return {**rest, "base_url": endpoint_address(name)}


def placed(
    base_url: str | None, model: str | None, provider: str | None, bill_to: str | None, embedding_api: str
) -> tuple[str | None, str | None]:
    """The address, and the model that is asked for where none is named: an endpoint's own goes by its address.

    Raises:
        ConfigError: It is no address, or is a dedicated endpoint's beside what means something to the router alone.
    """
    url = None if base_url is None else checked_url(base_url)
    if url is None or not endpoint_in(url):
        return url, model
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
    if embedding_api == "router":
        raise ConfigError(
            'embedding_api="router" is for a stand-in of the router, and an endpoint is none.',
            hint='Leave it out, or choose "openai" or "tei".',
        )
    return url, model or url
