"""The faults that can be scripted, each a small value that reshapes a reply.

A reply is a head and a list of steps: bytes to send, pauses, and ways to end badly. Faults are pure
transforms of that list, so they can be combined; `delivery` carries the steps out.

    router.queue(Status(503), Status(429, headers={"retry-after": "1"}))      # the next two chat requests
    router.queue((PROVIDER_QUIRKS["tgi"], SlowChunks(0.05)))                   # both on one request
    router.queue(Cut(after=120, how="reset"), times=3, match="offline/echo")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import sse
from .refusals import default_body


@dataclass(frozen=True, slots=True)
class Pause:
    """A step: send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """A step: send nothing more, until the client leaves or the server stops."""


@dataclass(frozen=True, slots=True)
class Break:
    """A step: end the connection, `close` with FIN or `reset` with RST."""

    how: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """A step: send the same bytes for ever, every so many seconds."""

    data: bytes
    seconds: float


Step = bytes | Pause | Hang | Break | Repeat


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply before it is sent. `verbatim`: the steps are the whole connection, status line included."""

    status: int
    headers: dict[str, str]
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()
    verbatim: bool = False

    def with_steps(self, *steps: Step, same_length: bool = False) -> Reply:
        """The same reply with other steps; its length is no longer announced unless it stays the same."""
        headers = dict(self.headers)
        if not same_length:
            headers.pop("content-length", None)
        return replace(self, steps=steps, headers=headers)

    def split(self, events: int) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """The steps up to and including the given number of byte steps, and the rest."""
        seen = 0
        for place, step in enumerate(self.steps):
            if seen == events:
                return self.steps[:place], self.steps[place:]
            seen += isinstance(step, bytes)
        return self.steps, ()


class Fault:
    """One thing that goes wrong with a reply."""

    __slots__ = ()

    def reshape(self, reply: Reply) -> Reply:
        """The reply with the fault in it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Another reply altogether: a status, body and headers; the request is not even read.

    Attributes:
        status: The status; 200 with an error in the body, or with an HTML page, happens too.
        body: A JSON value, or text or bytes as they are; None for one that the router was seen to send.
        headers: Further headers; `content-type` here goes before what the body suggests.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def reshape(self, reply: Reply) -> Reply:
        body = default_body(self.status) if self.body is None else self.body
        if isinstance(body, bytes | str):
            data = body if isinstance(body, bytes) else body.encode()
            kind = "text/html" if data.lstrip()[:1] == b"<" else "text/plain; charset=utf-8"
        else:
            data, kind = json.dumps(body).encode(), "application/json"
        kept = {k: v for k, v in reply.headers.items() if k.startswith("x-")}
        lower = {name.lower(): value for name, value in self.headers.items()}
        headers = {"content-type": kind, "content-length": str(len(data)), **kept, **lower}
        return Reply(self.status, headers, (data,), reply.before)


@dataclass(frozen=True, slots=True)
class Loading(Fault):
    """A cold model: 503, with the service's estimate of when it will answer.

    Attributes:
        seconds: The estimate; None leaves it out, as happens too.
    """

    seconds: float | None = 20.0

    def reshape(self, reply: Reply) -> Reply:
        estimate = {} if self.seconds is None else {"estimated_time": self.seconds}
        return Status(503, {"error": "Model is currently loading", **estimate}).reshape(reply)


@dataclass(frozen=True, slots=True)
class ExtraHeaders(Fault):
    """The right reply with further headers, such as `retry-after` on a 200."""

    headers: Mapping[str, str]

    def reshape(self, reply: Reply) -> Reply:
        return replace(reply, headers={**reply.headers, **{k.lower(): v for k, v in self.headers.items()}})


@dataclass(frozen=True, slots=True)
class SlowHead(Fault):
    """Nothing for so many seconds, then the right reply."""

    seconds: float

    def reshape(self, reply: Reply) -> Reply:
        return replace(reply, before=(*reply.before, Pause(self.seconds)))


@dataclass(frozen=True, slots=True)
class SlowChunks(Fault):
    """A pause of so many seconds before every chunk but the first `after` ones."""

    seconds: float
    after: int = 0

    def reshape(self, reply: Reply) -> Reply:
        early, late = reply.split(self.after)
        slowed: list[Step] = []
        for step in late:
            slowed += [Pause(self.seconds), step] if isinstance(step, bytes) else [step]
        return reply.with_steps(*early, *slowed, same_length=True)


@dataclass(frozen=True, slots=True)
class Pieces(Fault):
    """The right bytes in writes of `size` bytes each, cut anywhere, `gap` seconds between."""

    size: int = 1
    gap: float = 0

    def reshape(self, reply: Reply) -> Reply:
        whole = b"".join(step for step in reply.steps if isinstance(step, bytes))
        steps: list[Step] = []
        for start in range(0, len(whole), self.size):
            steps += [whole[start : start + self.size], Pause(self.gap)]
        rest = tuple(step for step in reply.steps if not isinstance(step, bytes | Pause))
        return reply.with_steps(*steps, *rest, same_length=True)


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """The reply ends early.

    Attributes:
        after: Bytes of the body that are still sent; None breaks the connection before the head.
        chunks: Count chunks instead of bytes.
        how: `close` (FIN: the body is visibly incomplete), `reset` (RST), or `end`: a correct end of the
            HTTP message, so that only the missing finish tells.
    """

    after: int | None = 0
    chunks: bool = False
    how: str = "close"

    def __post_init__(self) -> None:
        if self.how not in ("close", "reset", "end"):
            raise ValueError(f"how must be close, reset or end; got {self.how!r}")

    def reshape(self, reply: Reply) -> Reply:
        if self.after is None:
            return replace(reply, before=(*reply.before, Break(self.how)))
        if self.chunks:
            early, _ = reply.split(self.after)
        else:
            early = _first_bytes(reply.steps, self.after)
        if self.how == "end":
            return reply.with_steps(*early)
        return reply.with_steps(*early, Break(self.how), same_length=True)


def _first_bytes(steps: tuple[Step, ...], count: int) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in steps:
        if not isinstance(step, bytes):
            kept.append(step)
            continue
        if count <= 0:
            break
        kept.append(step[:count])
        count -= len(step)
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Silence after so many chunks, the connection kept open; None: before the head."""

    after: int | None = 0

    def reshape(self, reply: Reply) -> Reply:
        if self.after is None:
            return replace(reply, before=(*reply.before, Hang()))
        return reply.with_steps(*reply.split(self.after)[0], Hang(), same_length=True)


@dataclass(frozen=True, slots=True)
class Endless(Fault):
    """After so many chunks the same bytes for ever: keep-alives that never become an answer.

    Attributes:
        data: What is repeated; a comment by default, `b'data: {}\\n\\n'` is another habit.
        seconds: Seconds between repetitions.
        after: Chunks of the right reply that come first.
    """

    data: bytes = b": keep-alive\n\n"
    seconds: float = 0.02
    after: int = 0

    def reshape(self, reply: Reply) -> Reply:
        return reply.with_steps(*reply.split(self.after)[0], Repeat(self.data, self.seconds))


@dataclass(frozen=True, slots=True)
class Junk(Fault):
    """Bytes that do not belong: after so many chunks, then the rest; or in place of the rest."""

    data: bytes = b"\x00\xff\xfe not json\n\n"
    after: int = 0
    instead: bool = False

    def reshape(self, reply: Reply) -> Reply:
        early, late = reply.split(self.after)
        return reply.with_steps(*early, self.data, *(() if self.instead else late))


@dataclass(frozen=True, slots=True)
class BadGzip(Fault):
    """Says `content-encoding: gzip` over bytes that are none."""

    def reshape(self, reply: Reply) -> Reply:
        return replace(reply, headers={**reply.headers, "content-encoding": "gzip"})


@dataclass(frozen=True, slots=True)
class StreamError(Fault):
    """An error inside a stream that began well.

    Attributes:
        after: Chunks that come first; 0 makes the error the only event.
        form: `openai`, `text`, `tgi` or `event`; see `sse.error_event`.
        message: The error's text.
        done: Whether `[DONE]` follows.
    """

    after: int = 2
    form: str = "openai"
    message: str = "The provider failed while it was answering."
    done: bool = False

    def reshape(self, reply: Reply) -> Reply:
        end = (sse.event("[DONE]"),) if self.done else ()
        error = sse.error_event(self.form, self.message)
        return reply.with_steps(*reply.split(self.after)[0], error, *end)


@dataclass(frozen=True, slots=True)
class Raw(Fault):
    """Exactly these bytes as the body, in these pieces: for replaying a recorded stream."""

    body: bytes | tuple[bytes, ...]
    content_type: str = "text/event-stream"
    status: int = 200

    def reshape(self, reply: Reply) -> Reply:
        steps = (self.body,) if isinstance(self.body, bytes) else self.body
        headers = {**reply.headers, "content-type": self.content_type}
        headers.pop("content-length", None)
        return Reply(self.status, headers, steps, reply.before)


@dataclass(frozen=True, slots=True)
class RawHTTP(Fault):
    """Exactly these bytes on the connection, status line and all, then its end."""

    data: bytes
    how: str = "close"

    def reshape(self, reply: Reply) -> Reply:
        return Reply(0, {}, (self.data, Break(self.how)), reply.before, verbatim=True)


REPLACING = (Status, Loading, Raw, RawHTTP, BadGzip)
"""After these the client gets another answer than the one that was made: it is not charged."""
