"""Results that lie on a provider's file host: fetched without the token, checked, written while they arrive.

Over https only; over plain http where the router itself stands on this machine, as the offline router does. The
address came from a stranger: it may lead neither to this machine nor to its network, by whatever redirect.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from shared_core.client.exchange import NO_KEY, REDIRECTS, USER_AGENT, Exchange
from shared_core.errors import JobFailed, MalformedResponse, RouterError
from shared_core.flow import Flow, Head, Read, offload
from shared_core.media import MediaFile, Sink, kind_of, sniff
from shared_core.routing import is_loopback, is_private
from shared_core.types import Call, HttpRequest, Output, Remote

__all__ = ["Keep", "file_of", "take"]

_MOST_MOVES = 3
_AT_ONCE = 2**20  # bytes that are gathered before the disk is asked
_ANYTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")  # what a stranger says stands in web pages later


@dataclass(frozen=True, slots=True)
class Keep:
    """What becomes of results.

    Args:
        kind: What they must be: "image", "audio" or "video".
        to: Folder, or the file's name; None for memory.
        most_bytes: Of each.
    """

    kind: str
    to: Path | None
    most_bytes: int

    def sink(self, number: int) -> Sink:
        """For one result; further ones beside a named file are numbered."""
        to = self.to
        if number and to is not None and not to.is_dir():
            to = to.with_stem(f"{to.stem}-{number + 1}")
        return Sink(to, self.most_bytes)


def file_of(exchange: Exchange, call: Call, output: Output, keep: Keep, number: int) -> Flow[MediaFile]:
    """One result as a file.

    Args:
        exchange: Sends.
        call: Whose result it is.
        output: The bytes, or where they lie.
        keep: What becomes of it.
        number: Its place among the results, from 0.

    Raises:
        RouterError: It cannot be fetched or written, or is no such medium.
    """
    if isinstance(output, Remote):
        response = yield from _opened(exchange, call, output.url)
        return (yield from take(response, keep, number))
    sink = keep.sink(number)
    mime_type = _checked(sniff(output.data), output.mime_type, keep.kind, output.data)
    yield from offload(lambda: sink.write(output.data))
    return (yield from offload(lambda: MediaFile.of(sink, mime_type, temporary=keep.to is None)))


def take(response: Head, keep: Keep, number: int = 0) -> Flow[MediaFile]:
    """The body of a reply as a file, written while it arrives."""
    sink = keep.sink(number)
    read = Read(response)
    try:
        pieces: list[bytes] = []
        waiting = 0
        while piece := (yield read):
            pieces.append(piece)
            waiting += len(piece)
            if waiting >= _AT_ONCE:
                yield from offload(partial(sink.write, b"".join(pieces)))
                pieces, waiting = [], 0
        yield from offload(partial(sink.write, b"".join(pieces)))
        declared = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        mime_type = _checked(sniff(sink.head), declared, keep.kind, sink.head)
        return (yield from offload(lambda: MediaFile.of(sink, mime_type, temporary=keep.to is None)))
    except BaseException:
        sink.discard()
        raise


def _opened(exchange: Exchange, call: Call, url: str) -> Flow[Head]:
    """The reply of the host that has the file, redirects followed."""
    at_home = is_loopback(call.target.base_url)
    for _ in range(_MOST_MOVES + 1):
        _check_address(url, at_home)
        waits = call.waits.shared()
        waits.public = not at_home
        request = HttpRequest("GET", url, {"user-agent": USER_AGENT, "accept": "*/*"}, b"", NO_KEY)
        try:
            response = yield from exchange.fetch(request, waits)
        except RouterError as error:
            raise _not_there(error) from None
        if response.status not in REDIRECTS:
            return response
        url = _next(url, response.headers["location"])
    raise JobFailed(f"The result's host sends from one address to the next ({_MOST_MOVES} times).")


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""  # which is no address


def _not_there(error: RouterError) -> RouterError:
    """A file host's refusal is about the file, not about a model or the token, which it was not given."""
    if error.status is None or not 400 <= error.status < 500 or "retry" in error.reactions:
        return error
    return JobFailed(
        f"The result is not to be had from its host: {error.message.partition(': ')[2] or error.message}",
        status=error.status,
        code="no result",
    )


def _check_address(url: str, at_home: bool) -> None:
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        sound = False
    private = sound and is_private(parts.hostname or "")
    if private and not (at_home and is_loopback(url)):
        raise JobFailed("The result is said to lie in this machine's own network; nothing was fetched.")
    if not sound or not url.isprintable() or " " in url or "\\" in url:
        raise JobFailed("The result lies at an address that is none; nothing was fetched.")
    if parts.scheme != "https" and not (at_home and parts.scheme == "http" and is_loopback(url)):
        raise JobFailed(
            f"The result lies at {parts.scheme}://{parts.hostname}, not behind https; nothing was fetched."
        )


def _checked(found: str, declared: str, kind: str, head: Any) -> str:
    """The media type, by the first bytes; by the host's word where they tell nothing.

    Raises:
        MalformedResponse: It is something else than was asked for.
    """
    if kind_of(found) == kind or (kind == "audio" and found in ("video/mp4", "video/webm")):
        return found.replace("video/", "audio/") if kind == "audio" else found
    if not found and head and kind_of(declared) == kind and _TYPE.fullmatch(declared) and not _is_text(head):
        return declared
    raise MalformedResponse(
        f"The result is no {kind}: {_what(found, declared, head)}.",
        hint="The provider sent something else in its place, such as a page that says why.",
        reactions=(),
    )


def _what(found: str, declared: str, head: bytes) -> str:
    if not head:
        return "it is empty"
    if found:
        return f"its bytes are {found}"
    shown = "" if declared in _ANYTHING else f", called {declared[:100]}"
    return f"it is {'a text' if _is_text(head) else 'nothing that is known here'}{shown}"


def _is_text(head: bytes) -> bool:
    try:
        # A character may be cut at the end.
        return "\x00" not in codecs.getincrementaldecoder("utf-8")().decode(head[:512])
    except UnicodeDecodeError:
        return False
