"""What may be sent to an address that the API of dedicated endpoints names.

A token goes to a host of Hugging Face's, or to the API's own. A prompt goes over https to the open internet, and
nowhere in this machine's own network, unless the API is on this machine too. Whoever trusts another address names it
himself (`base_url`). Not here: asking for the address (`locating`).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from shared_core.errors import NoRoute
from shared_core.routing import is_hugging_face, is_loopback, is_private
from shared_core.types import ApiKey, InferenceEndpoint, origin_of

__all__ = ["check_address", "is_at_home", "may_have_key", "must_be_public"]


def check_address(found: InferenceEndpoint, api_url: str) -> None:
    """Refuses an endpoint whose address must be public and is not, by its spelling.

    Raises:
        NoRoute: It lies in this machine's own network, or not behind https.
    """
    if not must_be_public(found.url, api_url):
        return
    parts = urlsplit(found.url)
    private = is_private(parts.hostname or "")
    if private or parts.scheme != "https":
        where = "in this machine's own network" if private else "not behind https"
        raise NoRoute(
            f"The endpoint {found.id} is said to lie at {origin_of(found.url)}, {where}. Nothing was sent there.",
            hint=f"If that is right, name it yourself, in place of endpoint: base_url={found.base_url!r}.",
        )


def must_be_public(url: str, api_url: str) -> bool:
    """Whether an address may only lead to the open internet, since a stranger names it: neither a host of Hugging
    Face's, which a company's network may well have at home, nor told by an API on this machine."""
    return not (is_at_home(url, api_url) or is_loopback(api_url))


def may_have_key(key: ApiKey, url: str, api_url: str) -> bool:
    """Whether a token may go to an address: Hugging Face's own, or a host that the API itself is on.

    An ambient token is kept from all others where it is looked up.
    """
    return key.source in ("ambient", "none") or is_at_home(url, api_url)


def is_at_home(url: str, api_url: str) -> bool:
    """Whether an address is one of Hugging Face's hosts, or the API's own."""
    return is_hugging_face(url) or origin_of(url) == origin_of(api_url)
