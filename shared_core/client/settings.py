"""What the environment says: the only reader of environment variables and stored logins.

Read when first needed, never at import or construction, so that a `.env` loaded later still counts.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from urllib.request import getproxies, proxy_bypass

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared_core.errors import Unauthorized
from shared_core.types import ApiKey

__all__ = ["TOKEN_VARIABLES", "Environment", "Keyring", "bypasses_proxy", "proxies"]

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY")


class Environment(BaseSettings):
    """Every environment variable that this package heeds.

    Args:
        token: `HF_TOKEN`, `HUGGINGFACEHUB_API_TOKEN`, `HUGGINGFACE_API_KEY` or `HUG_API_KEY`, the first set one.
        base_url: `HFROUTER_BASE_URL`, in place of the router's address.
    """

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    token: SecretStr | None = Field(default=None, validation_alias=AliasChoices(*TOKEN_VARIABLES))
    base_url: str | None = Field(default=None, validation_alias=AliasChoices("HFROUTER_BASE_URL"))


class Keyring:
    """Finds the ambient token once, and keeps it in memory only.

    Args:
        look_up: Where to look, replaced in tests; "" when there is no token.
    """

    def __init__(self, look_up: Callable[[], str] | None = None) -> None:
        self._look_up = look_up or _ambient_token
        self._found: ApiKey | None = None
        self._lock = threading.Lock()

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
                token = self._look_up()
                if not token:
                    raise Unauthorized(
                        "No Hugging Face token was found. Nothing was sent.",
                        hint=f"Set {TOKEN_VARIABLES[0]}, run `hf auth login`, or pass api_key=. "
                        "Tokens are made at https://hf.co/settings/tokens.",
                    )
                self._found = ApiKey(token)
            return self._found

    def __reduce__(self) -> tuple[type[Keyring], tuple[()]]:
        return Keyring, ()


def _ambient_token() -> str:
    token = Environment().token
    if token is not None and token.get_secret_value().strip():
        return token.get_secret_value()
    from huggingface_hub import get_token

    return get_token() or ""


@functools.cache
def proxies() -> tuple[tuple[str, str], ...]:
    """Proxies by scheme, as the environment has them when first asked."""
    return tuple(sorted((scheme, address) for scheme, address in getproxies().items() if "://" in address))


@functools.lru_cache(maxsize=256)
def bypasses_proxy(host: str) -> bool:
    """Whether the environment exempts this host (`NO_PROXY`)."""
    return bool(proxy_bypass(host))
