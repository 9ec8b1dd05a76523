"""Proxies that the environment names: which one serves an origin, and whether it can be used at all."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from urllib.parse import urlsplit

from shared_core.errors import ConfigError

__all__ = ["usable_proxy"]


@functools.lru_cache(maxsize=64)
def usable_proxy(address: str, *, socks: bool = True) -> str:
    """The proxy's address.

    Args:
        address: As the environment has it.
        socks: Whether the transport can speak SOCKS.

    Raises:
        ConfigError: It is no address, or of a kind that cannot be used here.
    """
    try:
        parts = urlsplit(address)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError("The proxy that the environment names is not an address.", hint=_HINT)
    if parts.scheme in ("http", "https"):
        return address
    if parts.scheme in ("socks5", "socks5h"):
        if not socks:
            raise ConfigError(
                "This transport cannot use the SOCKS proxy that the environment names.",
                hint='Use transport="httpx2", or an http proxy.',
            )
        if find_spec("socksio") is None:
            raise ConfigError(
                "The SOCKS proxy that the environment names needs the package socksio.",
                hint='Run: pip install "httpx2[socks]"',
            )
        return address
    raise ConfigError(f"A proxy of the kind {parts.scheme!r} cannot be used.", hint=_HINT)


_HINT = "Write HTTPS_PROXY as http://host:port, or exempt this host with NO_PROXY."
