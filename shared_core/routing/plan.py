"""Model ids and hosts: what is asked for on the wire, and which hosts are Hugging Face's."""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import urlsplit

from shared_core.catalog import ROUTER_URL
from shared_core.errors import ConfigError
from shared_core.types import ModelRef
from shared_core.types.addresses import ENDPOINT

__all__ = [
    "ENDPOINTS_URL",
    "HUB_URL",
    "ROUTER_URL",
    "is_dedicated",
    "is_hugging_face",
    "is_loopback",
    "is_private",
    "is_public",
    "wire_model",
]

HUB_URL = "https://huggingface.co"
ENDPOINTS_URL = "https://api.endpoints.huggingface.cloud/v2"
"""The API that manages dedicated endpoints, and knows their addresses."""

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_HOST = re.compile(r"[a-z0-9._-]+")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_DEDICATED = "endpoints.huggingface.cloud"
_HUGGING_FACE = ("huggingface.co", _DEDICATED)
"""Hosts, with their subdomains, that a Hugging Face token may be sent to: the router and the Hub, and dedicated
endpoints. Spaces (hf.space) run anybody's code and are not among them."""


def wire_model(model: str | None, provider: str | None) -> str:
    """The model id as it goes on the wire, with the provider as its suffix.

    Raises:
        ConfigError: No model, an id with blanks, an address, no provider, or two different ones.
    """
    if not model or not isinstance(model, str):
        raise ConfigError(
            "No model was chosen.",
            hint='Pass model="org/name", "org/name:cheapest" or "org/name:provider".',
        )
    if not isinstance(provider, str | None):
        raise ConfigError(f"provider={provider!r} is not the name of a provider.")
    return _joined(model, provider)


@functools.lru_cache(maxsize=1024)
def _joined(model: str, provider: str | None) -> str:
    if not model.isprintable() or " " in model:
        raise ConfigError(f"The model id {model!r} holds blanks.", hint='Write it as "org/name".')
    if "://" in model and not model.startswith(ENDPOINT):
        raise ConfigError(
            f"The model id {model!r} is an address.",
            hint="Pass it as base_url=, up to its /v1, and as the model what that server calls it.",
        )
    if ".." in model.split("/"):  # it stands in the address of its catalogue entry
        raise ConfigError(f"The model id {model!r} leads out of its place.", hint='Write it as "org/name".')
    if provider is None:
        return model
    if not provider or not provider.isprintable() or " " in provider or ":" in provider:
        raise ConfigError(f"provider={provider!r} is not the name of a provider.")
    ref = ModelRef.parse(model)
    if ref.suffix and ref.suffix != provider:
        raise ConfigError(
            f"The model id {model!r} asks for {ref.suffix!r}, provider= for {provider!r}.",
            hint="Keep one of the two.",
        )
    return f"{ref.repo}:{provider}"


@functools.lru_cache(maxsize=1024)
def is_hugging_face(url: str) -> bool:
    """Whether a Hugging Face token may be sent there: over https, to a host of Hugging Face."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if not _HOST.fullmatch(host):  # an IP address may end in any words: [2001:db8::1%25.huggingface.co]
        return False
    return parts.scheme == "https" and any(
        host == name or host.endswith(f".{name}") for name in _HUGGING_FACE
    )


def is_dedicated(url: str) -> bool:
    """Whether an address is a dedicated endpoint's, which is paid for by the hour."""
    return (urlsplit(url).hostname or "").endswith(f".{_DEDICATED}")


def is_public(address: str) -> bool:
    """Whether an IP address is the open internet's: neither this machine's, nor a network's own, nor for many.

    IPv6 addresses that stand for an IPv4 address are what that is.

    Raises:
        ValueError: It is no IP address.

    Example:
        >>> is_public("8.8.8.8"), is_public("10.0.0.1"), is_public("64:ff9b::10.0.0.1")
        (True, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def is_private(host: str) -> bool:
    """Whether a host is spelled as this machine or one of its network: nothing is looked up.

    Example:
        >>> is_private("192.168.0.7"), is_private("box.local"), is_private("huggingface.co")
        (True, True, False)
    """
    host = host.rstrip(".")
    try:
        return not is_public(host)
    except ValueError:
        last = host.rpartition(".")[2]
        # 0x7f.1 and 2130706433 are this machine too, to the C library.
        return last in ("localhost", "local", "internal") or _NUMBER.fullmatch(last) is not None


@functools.lru_cache(maxsize=1024)
def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own, by its spelling: nothing is looked up.

    Example:
        >>> is_loopback("http://127.0.0.1:8899/v1"), is_loopback("https://router.huggingface.co/v1")
        (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
