"""Reading of JSON that may be anything: what is not there, or is of another kind, is None or empty."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shared_core.errors import MalformedResponse
from shared_core.types.jobs import Output, Phase, Remote, is_path_of
from shared_core.types.tasks import Blob

__all__ = [
    "at",
    "blob_of",
    "first_text",
    "fraction_of",
    "outputs_of",
    "path_below",
    "path_to",
    "phase_of",
    "truths",
    "unreadable",
    "whole",
]

_PERCENT = re.compile(r"(\d{1,3})%\|", re.ASCII)  # as tqdm draws it
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,", re.ASCII)


def at(value: Any, *path: str | int) -> Any:
    """What stands at a path of keys and positions; None where there is nothing.

    Example:
        >>> at({"images": [{"url": "u"}]}, "images", 0, "url"), at({"images": []}, "images", 0)
        ('u', None)
    """
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return None
            value = value[step]
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def first_text(*values: Any) -> str:
    """The first that is a text and not empty; "" where none is."""
    return next((value for value in values if isinstance(value, str) and value), "")


def whole(value: Any) -> int | None:
    """A whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def phase_of(word: Any, phases: Mapping[str, Phase]) -> Phase | None:
    """What a provider's word for a state means; None for a word that is unknown, or no word at all."""
    return phases.get(word) if isinstance(word, str) else None


def fraction_of(logs: Any) -> float | None:
    """The last percentage that a log shows, from 0 to 1; None where it shows none.

    Example:
        >>> fraction_of("loading\\n 40%|####      | 4/10")
        0.4
    """
    percents = _PERCENT.findall(logs[-2000:]) if isinstance(logs, str) else ()
    return min(100, int(percents[-1])) / 100 if percents else None


def truths(value: Any) -> bool:
    """Whether a value, or anything in a list, is True: how providers mark what is not safe for work."""
    return value is True or (isinstance(value, list) and any(each is True for each in value))


def outputs_of(values: Sequence[Any]) -> tuple[Output, ...]:
    """Results from addresses, `data:` addresses, or objects with a "url" (and perhaps a "content_type")."""
    found: list[Output] = []
    for value in values:
        url = value if isinstance(value, str) else at(value, "url")
        if not isinstance(url, str) or not url:
            continue
        if url.startswith("data:"):
            found.append(blob_of_url(url))
        else:
            found.append(Remote(url, first_text(at(value, "content_type"))))
    return tuple(found)


def blob_of_url(url: str) -> Blob:
    """The bytes in a `data:` address.

    Raises:
        MalformedResponse: It holds no base64.
    """
    match = _DATA_URL.match(url)
    if match is None:
        raise MalformedResponse("A result came as a data: address without base64.", reactions=())
    return blob_of(url[match.end() :], match["type"] or "")


def blob_of(text: str, mime_type: str = "") -> Blob:
    """The bytes of a base64 text.

    Raises:
        MalformedResponse: It is none.
    """
    try:
        return Blob(base64.b64decode(text, validate=True), mime_type)
    except (binascii.Error, ValueError):
        raise MalformedResponse("A result came in base64 that cannot be read.", reactions=()) from None


def path_below(provider: str, address: Any) -> str:
    """The path of an address at the provider's own host, below the provider's name at the router.

    Raises:
        MalformedResponse: It is no address, or one that would lead elsewhere: the token goes there.

    Example:
        >>> path_below("fal-ai", "https://queue.fal.run/m/requests/7")
        '/fal-ai/m/requests/7'
    """
    if isinstance(address, str):
        try:
            parts = urlsplit(address)
        except ValueError:
            parts = urlsplit("")
        path = f"/{provider}{parts.path}"
        if parts.path.startswith("/") and is_path_of(path, provider):
            return path
    raise _nowhere(provider, address)


def path_to(provider: str, place: str, id: str) -> str:
    """The path of a job that is asked after by its id alone.

    Raises:
        MalformedResponse: The id would lead elsewhere.

    Example:
        >>> path_to("together", "v2/videos", "7")
        '/together/v2/videos/7'
    """
    path = f"/{provider}/{place}/{id}"
    if "/" in id or "?" in id or not is_path_of(path, provider):
        raise _nowhere(provider, id)
    return path


def unreadable(provider: str, state: Any) -> MalformedResponse:
    """The error of a reply that is neither a result nor a state of a job."""
    said = f": {str(state)[:100]!r}." if state else "."
    return MalformedResponse(
        f"{provider}'s reply holds no result, and no state of a job that is known here{said}", reactions=()
    )


def _nowhere(provider: str, said: Any) -> MalformedResponse:
    return MalformedResponse(
        f"{provider} accepted a job and did not say where to ask after it: {str(said)[:100]!r}.",
        hint="It may run and be billed; look for it on the provider's own pages.",
        reactions=(),
    )
