"""What the environment says: with `environment`, the only reader of variables, stored logins and proxies.

Read when first needed, never at import or construction, so that a `.env` loaded later still counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from shared_core._locks import new_lock
from shared_core.errors import Unauthorized
from shared_core.types import ApiKey

__all__ = ["Keyring", "bypasses_proxy", "environment_hub_url", "environment_url", "proxies"]


class Keyring:
    """Finds the ambient token once, and keeps it in memory only.

    Args:
        look_up: Where to look, replaced in tests; "" when there is no token.
    """

    def __init__(self, look_up: Callable[[], str] | None = None) -> None:
        self._look_up = look_up or _ambient_token
        self._found: ApiKey | None = None
        self._lock = new_lock()

    @property
    def found(self) -> ApiKey | None:
        """The token, when it has been looked up before."""
        return self._found

    def find(self) -> ApiKey:
        """The ambient token; may read files.

        Raises:
            Unauthorized: There is none.
        """
        with self._lock:
            if self._found is None:
                key = ApiKey(self._look_up())  # the bare token never stands in a variable of this frame
                if key.source == "none":
                    raise Unauthorized(
                        "No Hugging Face token was found. Nothing was sent.",
                        hint="Set HF_TOKEN, run `hf auth login`, or pass api_key=. "
                        "Tokens are made at https://hf.co/settings/tokens.",
                    )
                self._found = key
            return self._found

    def __reduce__(self) -> tuple[type[Keyring], tuple[()]]:
        return Keyring, ()


def _ambient_token() -> str:
    from shared_core.client.environment import Environment

    token = Environment().token
    if token is not None and token.get_secret_value().strip():
        return token.get_secret_value()
    from huggingface_hub import get_token

    return get_token() or ""


def environment_url() -> str | None:
    """The base URL that `HFROUTER_BASE_URL` sets in place of the router's."""
    from shared_core.client.environment import Environment

    return Environment().base_url


def environment_hub_url() -> str | None:
    """The Hub that `HF_ENDPOINT` sets in place of huggingface.co, as huggingface_hub heeds it too."""
    from shared_core.client.environment import Environment

    return Environment().hub_url


@functools.cache
def proxies() -> tuple[tuple[str, str], ...]:
    """Proxies by scheme, as the environment has them when first asked."""
    from urllib.request import getproxies

    found = {scheme: address for scheme, address in getproxies().items() if address and scheme != "no"}
    # Without a scheme it is an http proxy, as curl and pip read it.
    return tuple(sorted((scheme, at if "://" in at else f"http://{at}") for scheme, at in found.items()))


@functools.lru_cache(maxsize=256)
def bypasses_proxy(host: str) -> bool:
    """Whether the environment exempts this host (`NO_PROXY`)."""
    from urllib.request import proxy_bypass

    return bool(proxy_bypass(host))
