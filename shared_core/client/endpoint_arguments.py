"""A dedicated endpoint as the place of a client: what it does not go together with.

Lives here: those checks; nothing is looked up. Not here: finding the endpoint (`locating`).
"""

from __future__ import annotations

from shared_core.client.checks import checked_url
from shared_core.errors import ConfigError
from shared_core.types import check_endpoint, endpoint_in

__all__ = ["placed"]


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
    check_endpoint(provider, bill_to)
    if embedding_api == "router":
        raise ConfigError(
            'embedding_api="router" is for a stand-in of the router, and an endpoint is none.',
            hint='Leave it out, or choose "openai" or "tei".',
        )
    return url, model or url
