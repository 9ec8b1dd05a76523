"""Arguments that cannot work, found when they are given: each gets one error that names it."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared_core.errors import ConfigError
from shared_core.types import CHAT_PARAMS, endpoint_address, endpoint_in

if TYPE_CHECKING:
    from shared_core.client.arguments import EmbeddingApi

__all__ = [
    "checked_api",
    "checked_bill_to",
    "checked_body",
    "checked_count",
    "checked_headers",
    "checked_hedge",
    "checked_options",
    "checked_params",
    "checked_patience",
    "checked_retries",
    "checked_tags",
    "checked_texts",
    "checked_url",
]

_LONGEST_TAG = 200  # characters
_RESERVED_HEADERS = frozenset({"authorization", "content-length", "host", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def checked_url(url: str, argument: str = "base_url") -> str:
    """The URL without its last slash; `endpoint://name` stands for the address of a dedicated endpoint.

    Args:
        url: As the user gave it.
        argument: What the user calls it.

    Raises:
        ConfigError: It is not an http(s) address, or one that two programs could read differently.
    """
    if not isinstance(url, str):
        raise ConfigError(f"{argument} is a {type(url).__name__}, not a text.")
    return endpoint_address(url) if endpoint_in(url) else _checked_url(url, argument)


@functools.lru_cache(maxsize=256)
def _checked_url(url: str, argument: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ConfigError(
            f"{argument}={url!r} is not an absolute address.",
            hint="Write it as https://host/v1 or http://localhost:8000/v1.",
        )
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or "\\" in url or " " in url or not url.isprintable():
        raise ConfigError(f"{argument}={url!r} is not a sound address.", hint="Write it as https://host/v1.")
    if "@" in parts.netloc:
        raise ConfigError(
            f"{argument} holds a user name or a password, which logs and errors would show.",
            hint="Pass the key as api_key, or other credentials in default_headers.",
        )
    if "?" in url or "#" in url:
        raise ConfigError(
            f"{argument} holds a query or a fragment (? or #), and paths are added at its end.",
            hint="End it with its path, as in https://host/v1; keys go into api_key or default_headers.",
        )
    return url.rstrip("/")


def checked_bill_to(organisation: str | None) -> str | None:
    """The organisation that pays, fit for a header."""
    if organisation is not None and not (isinstance(organisation, str) and _is_header_value(organisation)):
        raise ConfigError(f"bill_to={organisation!r} is not the name of an organisation.")
    return organisation


def checked_count(value: object, argument: str) -> int:
    """A whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{argument}={value!r} is not a whole number from 1 on.")
    return value


def checked_options(options: Mapping[str, Any], known: Mapping[str, object]) -> None:
    """Finds arguments that do not exist.

    Args:
        options: What was given.
        known: The options there are, by name.
    """
    if unknown := options.keys() - known.keys():
        name = min(unknown)
        close = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            f"Unknown argument {name!r}. Nothing was sent.",
            hint=(f"Did you mean {close[0]!r}? " if close else "")
            + f"What only one host knows goes into extra_body={{{name!r}: …}}.",
        )


def checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Whose usage it is: short printable texts by short printable names.

    Raises:
        ConfigError: They are something else.
    """
    if tags is None:
        return {}
    is_sound = isinstance(tags, Mapping) and all(
        isinstance(part, str) and 0 < len(part) <= _LONGEST_TAG and part.isprintable()
        for pair in tags.items()
        for part in pair
    )
    if not is_sound:
        raise ConfigError(
            f"usage_tags={tags!r} are no names with values. Nothing was sent.",
            hint='Write {"user": "ada", "project": "search"}: texts of up to 200 printable characters.',
        )
    return dict(tags)


def checked_texts(texts: Iterable[str], argument: str = "texts") -> list[str]:
    """The texts as a list, each one a text that UTF-8 can carry.

    Raises:
        ConfigError: Names the first that is not.
    """
    if isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise ConfigError(
            f"{argument} must be a list of texts, not {type(texts).__name__}. Nothing was sent.",
            hint="A single text goes into a list of one." if isinstance(texts, str) else "",
        )
    checked = list(texts)
    for place, text in enumerate(checked):
        if not isinstance(text, str):
            raise ConfigError(
                f"Text {place} of {argument} is of type {type(text).__name__}, not a text. Nothing was sent."
            )
        if not text.isascii():
            _check_encodes(text, place, argument)
    return checked


def _check_encodes(text: str, place: int, argument: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"Text {place} of {argument} holds a lone surrogate (U+{ord(text[error.start]):04X}), which UTF-8 "
            "cannot carry. Nothing was sent.",
            hint="Clean the text with text.encode('utf-8', 'replace').decode().",
        ) from None


def checked_patience(wait: bool | float) -> float:
    """Seconds to wait for a model that loads: `inf` for True, 0 for False."""
    if wait is True:
        return float("inf")
    if not isinstance(wait, int | float) or not wait >= 0:
        raise ConfigError(f"wait_for_model={wait!r} is neither True nor False nor a number of seconds.")
    return float(wait)


def checked_retries(max_retries: int | None) -> int:
    """How often a transient failure is tried again; twice where nothing is said."""
    if max_retries is None:
        return 2
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise ConfigError(f"max_retries={max_retries!r} is not a whole number from 0 on.")
    return max_retries


def checked_api(embedding_api: EmbeddingApi | None) -> EmbeddingApi:
    """What an address speaks when texts are embedded; "auto" where nothing is said."""
    if embedding_api and embedding_api not in ("auto", "openai", "tei", "router"):
        raise ConfigError(
            f"There is no embedding_api {embedding_api!r}.",
            hint='Choose "auto", "openai", "tei" or "router".',
        )
    return embedding_api or "auto"


def checked_hedge(hedge: bool | float) -> bool | float:
    """Whether to ask a second target beside a slow one, or after how many seconds."""
    if isinstance(hedge, bool) or hedge is None:
        return bool(hedge)
    if not isinstance(hedge, int | float) or not 0 < hedge < float("inf"):
        raise ConfigError(
            f"hedge={hedge!r} is neither True nor False nor a number of seconds above 0.",
            hint="True waits for as long as 95 of 100 answers took.",
        )
    return hedge


def checked_body(extra_body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Further keys of the JSON body."""
    if not isinstance(extra_body, Mapping | None):
        raise ConfigError(f"extra_body is a {type(extra_body).__name__}, not a dictionary.")
    return dict(extra_body or {})


def checked_headers(headers: Mapping[str, str] | None, argument: str) -> dict[str, str]:
    """The headers with their names in lower case.

    Args:
        headers: As the user gave them.
        argument: What the user calls them.
    """
    if not headers:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigError(f"{argument} are a {type(headers).__name__}, not a dictionary.")
    checked = {}
    for name, value in headers.items():
        sound = isinstance(name, str) and isinstance(value, str)
        if not sound or not _HEADER_NAME.fullmatch(name) or not _is_header_value(value):
            raise ConfigError(f"The header {name!r} in {argument} is not a pair of printable ASCII texts.")
        if name.lower() in _RESERVED_HEADERS:
            raise ConfigError(
                f"The header {name!r} cannot be set.",
                hint="Pass the token as api_key; the other ones belong to the transport.",
            )
        checked[name.lower()] = value
    return checked


def checked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given; None is never sent."""
    unknown = params.keys() - CHAT_PARAMS
    if unknown:
        name = min(unknown)
        close = difflib.get_close_matches(name, CHAT_PARAMS, n=1)
        raise ConfigError(
            f"Unknown parameter {name!r}. Nothing was sent.",
            hint=(f"Did you mean {close[0]!r}? " if close else "")
            + f"What only one provider knows goes into extra_body={{{name!r}: …}}.",
        )
    return {name: value for name, value in params.items() if value is not None}


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()
