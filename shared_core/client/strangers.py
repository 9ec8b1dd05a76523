"""What a file may not do that was found in a folder rather than named: its author may be a stranger.

Whoever starts a program in a folder that somebody else wrote must lose no secret by it. So such a file may neither
have any variable sent to its author, nor have the user's key sent to a host of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.client.settings import TOKEN_VARIABLES
from shared_core.errors import ConfigError
from shared_core.routing import is_hugging_face, is_loopback
from shared_core.types import SECRET_HEADERS, ApiKey, endpoint_in

__all__ = ["KEY_PREFIX", "check_host", "check_variable", "holds_secret"]

KEY_PREFIX = "HFROUTER_KEY_"
"""Variables that any file may name: they were set for this purpose."""


def check_variable(name: object, *, trusted: bool) -> None:
    """Whether a token may be taken from this variable.

    Args:
        name: What `api_key_env` says.
        trusted: Whether the user wrote that, or named the file that says it.

    Raises:
        ConfigError: It may not.
    """
    if name is None:
        return
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(
            f"api_key_env={name!r} is not the name of a variable.", hint="Never write the token itself."
        )
    if not trusted and name not in TOKEN_VARIABLES and not name.startswith(KEY_PREFIX):
        raise ConfigError(
            f"api_key_env={name!r}: a file that was found, rather than named, may name {KEY_PREFIX}... alone.",
            hint=f"Set {KEY_PREFIX}..., or say that you trust the file: HFROUTER_CONFIG=path.",
        )


def check_host(url: str, said: str) -> None:
    """Whether a key that was given elsewhere may go to a host that such a file names: to Hugging Face's, and to this
    machine's own servers.

    Args:
        url: The host's address.
        said: The file.

    Raises:
        ConfigError: It may not.
    """
    if not is_hugging_face(url) and not is_loopback(url) and not endpoint_in(url):
        raise ConfigError(
            f"{said} sends calls to {url}, and the api_key was not given for that host. Nothing was sent.",
            hint="If you trust the file, set HFROUTER_CONFIG to its path; else pass base_url beside api_key.",
        )


def holds_secret(arguments: Mapping[str, Any]) -> bool:
    """Whether a token, or a header as good as one, is among the arguments of a client."""
    key = arguments.get("api_key")
    explicit = key.is_given if isinstance(key, ApiKey) else bool(key)
    headers = arguments.get("default_headers") or {}
    return explicit or any(name.lower() in SECRET_HEADERS for name in headers)
