"""What the environment says: with `environment`, the only reader of variables, stored logins and proxies.

Read when first needed, never at import or construction, so that variables set later still count. A `.env` in the
current folder stands behind the environment and never changes it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from shared_core._locks import new_lock
from shared_core.errors import ConfigError, Unauthorized
from shared_core.types import ApiKey

__all__ = [
    "DOTENV",
    "PREFIX",
    "TOKEN_VARIABLES",
    "Keyring",
    "ambient_source",
    "bypasses_proxy",
    "dotenv",
    "proxies",
    "said",
    "user_folder",
    "variable",
]

PREFIX = "HFROUTER_"
DOTENV = Path(".env")
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY")
"""The first one that is set is the ambient token."""


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


def variable(name: str, *, in_dotenv: bool = True) -> str:
    """What a variable says, here or else in `.env`; "" when it is not set."""
    return os.environ.get(name) or (dotenv().get(name, "") if in_dotenv else "")


def said() -> tuple[object, ...]:
    """What the environment says of this package, and which `.env` lies here; empty for nothing. Cheap to ask."""
    names = sorted(name for name in os.environ if name == "HF_ENDPOINT" or name.upper().startswith(PREFIX))
    variables = [(name, os.environ.get(name)) for name in names]
    try:
        found = DOTENV.stat()
    except OSError:  # not there, or in a folder that may not be looked into
        return tuple(variables)
    return (*variables, DOTENV.absolute(), found.st_mtime_ns, found.st_size)


def ambient_source() -> str:
    """Where the ambient token stands, short of the stored login; "" for neither variable nor `.env`."""
    for name in TOKEN_VARIABLES:
        if os.environ.get(name, "").strip():
            return name
    return next((f"{name} in {DOTENV}" for name in TOKEN_VARIABLES if dotenv().get(name, "").strip()), "")


def dotenv() -> Mapping[str, str]:
    """The variables of the current folder's `.env`; empty without one.

    Nothing is put in for `${NAME}`: the file may be a stranger's, and would read the environment with it.

    Raises:
        ConfigError: It cannot be read.
    """
    if not _is_file(DOTENV):
        return {}
    from dotenv import dotenv_values

    try:
        found = dotenv_values(DOTENV, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{DOTENV.absolute()} cannot be read: {error}.", hint="Mend or remove it, or start elsewhere."
        ) from None
    return {name: value for name, value in found.items() if value}


def user_folder() -> Path:
    """Where this user's settings lie."""
    home = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if os.name == "nt" else None)
    return (Path(home) if home else Path(os.path.expanduser("~")) / ".config") / "hfrouter"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be looked into
        return False


def _ambient_token() -> str:
    name = ambient_source().partition(" ")[0]
    if name:
        return variable(name)
    from huggingface_hub import get_token

    return get_token() or ""


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
