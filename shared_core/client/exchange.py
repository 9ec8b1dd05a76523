"""One try on one target: a request out, a reply in. The innermost step of the pipeline.

Pure flow: what blocks is asked for by yielding. What may be repeated is decided outside, by the policies.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from shared_core._version import __version__
from shared_core.client.costing import BROKEN_OFF, Costing
from shared_core.client.key_functions import given_by, mark_sent, renewed
from shared_core.client.settings import Keyring
from shared_core.errors import (
    ConnectionLost,
    MalformedResponse,
    ProviderFailed,
    RouterError,
    StreamInterrupted,
    TimedOut,
    Unauthorized,
)
from shared_core.flow import Emit, Flow, Head, Read, drain, emit, offload, read_all, send
from shared_core.observe import log
from shared_core.routing import is_hugging_face
from shared_core.types import (
    ApiKey,
    Call,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Cost,
    HttpRequest,
    LookupRequest,
    ModelRef,
    ReplyMeta,
    ToolCallDelta,
    Usage,
    Waits,
)
from shared_core.wire import chat, json
from shared_core.wire.chat_stream import ChatStreamReader
from shared_core.wire.errors import classify, classify_body
from shared_core.wire.usage import parse_usage

__all__ = ["NO_KEY", "REDIRECTS", "USER_AGENT", "Exchange", "json_of", "meta_of", "not_json"]

USER_AGENT = f"hfrouter/{__version__}"

_LARGEST_REPLY = 64 * 1024 * 1024  # bytes
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ANSWERS = frozenset({200, 201, 202, 204})  # made, accepted (how queues answer), done without a word
_MOST_MOVES = 2  # redirects in a row: a model is seldom renamed twice
_LARGEST_ERROR = 64 * 1024  # bytes; what explains an error stands at its beginning


@dataclass(frozen=True, slots=True)
class Exchange:
    """What every exchange needs besides the call.

    Args:
        keyring: Finds the ambient token.
        wall_clock: Unix time in seconds, for `Retry-After` dates.
        costs: Tells what an answer cost.
    """

    keyring: Keyring
    wall_clock: Callable[[], float] = time.time
    costs: Costing = field(default_factory=Costing)

    def chat(self, call: Call) -> Flow[ChatReply]:
        """A chat call, plain or streamed."""
        request = call.request
        assert isinstance(request, ChatRequest)
        key = yield from self.key(call, needed=True)
        response = yield from self.send(call, chat.encode(request, call.target, key, USER_AGENT))
        if request.stream and "text/event-stream" in response.headers.get(
            "content-type", "text/event-stream"
        ):
            reader = ChatStreamReader(reasoning_tags=request.reasoning_tags)
            return (yield from self.stream(call, reader, response))
        body = yield from _whole(response)
        reply = _parse_reply(body, response, request)
        if request.stream:  # the server does not stream, and answered at once
            yield from _emit_whole(call, reply)
        return reply(self._meta(call, response, reply.model, reply.usage))

    def look_up(self, call: Call) -> Flow[Any]:
        """A GET that answers with JSON."""
        return (yield from json_of((yield from self._got(call))))

    def look_up_page(self, call: Call) -> Flow[tuple[Any, str]]:
        """A page of a list, and the path of the next one; "" for the last."""
        response = yield from self._got(call)
        base_url = call.target.base_url
        assert isinstance(call.request, LookupRequest)
        following = _next_page(response, f"{base_url}{call.request.path}", base_url)
        return (yield from json_of(response)), following

    def _got(self, call: Call) -> Flow[Head]:
        request = call.request
        assert isinstance(request, LookupRequest)
        key = yield from self.key(call, needed=request.token_needed)
        headers = {"accept": "application/json", "user-agent": USER_AGENT, **call.target.headers}
        url = f"{call.target.base_url}{request.path}"
        for _ in range(_MOST_MOVES if request.follow else 0):
            response = yield from self.send(call, HttpRequest("GET", url, headers, b"", key), follow=True)
            if response.status in _ANSWERS:
                return response
            url = _moved(url, response)
        return (yield from self.send(call, HttpRequest("GET", url, headers, b"", key)))

    def key(self, call: Call, *, needed: bool) -> Flow[ApiKey]:
        """The token for this target: an ambient one only ever goes to Hugging Face. A function is asked."""
        key = call.target.key
        if key.source == "function":
            return (yield from given_by(call))
        if key.source != "ambient":
            key.reveal()
            return key
        if not is_hugging_face(call.target.base_url):
            return NO_KEY
        found = self.keyring.found
        if found is not None:
            return found
        try:
            return (yield from offload(self.keyring.find))
        except RouterError:
            if needed:
                raise
            return NO_KEY

    def send(
        self, call: Call, request: HttpRequest, *, follow: bool = False, waits: Waits | None = None
    ) -> Flow[Head]:
        """Sends, and raises what an unsuccessful status means. A function's token that is refused is replaced once,
        where the function gives another by then: nothing was begun, nor handed out.

        Args:
            call: Whose progress this is.
            request: What to send.
            follow: Whether to give back a redirect that stays on its host, too.
            waits: A stopwatch of its own for this request; None for the call's.
        """
        progress = call.progress
        progress.attempts += 1
        progress.provider = progress.request_id = None
        progress.model, progress.url = call.request.model, call.target.base_url
        waits = waits or call.waits
        progress.runs += 1
        if progress.given is not None:
            mark_sent(progress)
        try:
            response = yield from send(request, waits)
        finally:
            if waits.opening:  # no connection was made
                progress.runs -= 1
        progress.provider = _provider(call, response)
        progress.request_id = response.headers.get("x-request-id")
        if response.status in _ANSWERS or (follow and _moved(request.url, response) != request.url):
            return response
        refusal = yield from self._refusal(response, request)
        if not isinstance(refusal, ProviderFailed | TimedOut):  # which may have done it and failed to say so
            progress.runs -= 1
        if isinstance(refusal, Unauthorized) and (key := (yield from renewed(call, request.key))) is not None:
            log.retrying(call, refusal, 0.0)
            again = replace(request, key=key)
            return (yield from self.send(call, again, follow=follow, waits=waits))
        raise refusal

    def fetch(self, request: HttpRequest, waits: Waits) -> Flow[Head]:
        """A file's reply, or a redirect; raises what another status means."""
        response = yield from send(request, waits)
        if response.status == 200 or (response.status in REDIRECTS and "location" in response.headers):
            return response
        raise (yield from self._refusal(response, request))

    def _refusal(self, response: Head, request: HttpRequest) -> Flow[RouterError]:
        try:
            body, _ = yield from read_all(response, _LARGEST_ERROR)
        except (ConnectionLost, MalformedResponse):
            body = b""  # the status says enough: a refusal whose explanation broke off stays a refusal
        return classify(
            response.status, response.headers, body, now=self.wall_clock(), secret=request.key.reveal()
        )

    def stream(self, call: Call, reader: ChatStreamReader, response: Head) -> Flow[ChatReply]:
        """Hands out a stream's deltas as they come, and gives the whole at its end."""
        progress, waits = call.progress, call.waits
        progress.reading = reader
        try:
            # Bare effects, for once: this loop runs for every token, and a helper costs it a generator.
            pull = Read(response)
            while not reader.finished and (data := (yield pull)):
                if deltas := reader.feed(data):
                    if not progress.emitted:
                        progress.emitted = True
                        progress.first_token = waits.now()
                    if progress.pieces is not None:
                        progress.pieces.append(waits.now())
                    yield Emit(deltas)
                    waits.renewed = True
            last = reader.end()
            if reader.failure is not None:
                progress.emitted = True
                yield Emit(last)
                raise reader.failure
        except RouterError as error:
            if not progress.emitted:
                raise
            raise StreamInterrupted(
                f"The answer broke off: {error.message}",
                partial=reader.reply(meta_of(call, response.headers, reader.model, BROKEN_OFF)),
                cause=error,
                status=error.status,
                code=error.code,
                retry_after=error.retry_after,
            ) from error
        if last:
            progress.emitted = True
            if progress.first_token is None:
                progress.first_token = waits.now()
            yield from emit(last)
        if reader.finished:
            # Stopping at [DONE] would cost the connection, and the next call a handshake.
            yield from drain(response)
        return reader.reply(self._meta(call, response, reader.model, reader.usage))

    def _meta(self, call: Call, response: Head, model: str, usage: Usage | None) -> ReplyMeta:
        """Who gave the complete answer, and what it cost."""
        headers = response.headers
        cost = self.costs.of(call.request.model, usage, call.progress.provider, headers, call.target.base_url)
        return meta_of(call, headers, model, cost)


NO_KEY = ApiKey("")
_UNKNOWN = Cost()


def _moved(url: str, response: Head) -> str:
    """Where a redirect leads, if that is on the same host; else the address itself."""
    place = response.headers.get("location", "") if 300 <= response.status < 400 else ""
    moved = urljoin(url, place)
    return moved if urlsplit(moved)[:2] == urlsplit(url)[:2] else url


_LINK = re.compile(r"<([^<>]*)>([^<]*)")  # addresses may hold commas: "num_parameters=min:1B,max:8B"
_NEXT = re.compile(r";\s*rel\s*=\s*\"?next\"?\s*(?:[;,]|$)", re.IGNORECASE)


def _next_page(response: Head, url: str, base_url: str) -> str:
    """What follows the base URL in the `Link` to the next page, if that is on the same host; "" else: the token is
    for that host alone."""
    for place, about in _LINK.findall(response.headers.get("link", "")):
        following: str = urljoin(url, place)
        if _NEXT.search(about) and following.startswith(f"{base_url}/"):
            return following.removeprefix(base_url)
    return ""


def json_of(response: Head, less: str = "Look for a smaller one.") -> Flow[Any]:
    """The JSON value of a whole body.

    Args:
        response: Its head.
        less: What to do when it is larger than anybody needs.
    """
    body = yield from _whole(response, less)
    try:
        return json.load(body)
    except ValueError:
        raise not_json(body, response.headers) from None


def _whole(response: Head, less: str = "Ask for less: lower `max_tokens` or `n`.") -> Flow[bytes]:
    body, cut = yield from read_all(response, _LARGEST_REPLY)
    if cut:
        raise MalformedResponse(
            f"The reply is larger than {_LARGEST_REPLY // 2**20} MiB.",
            hint=less,
        )
    return body


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A plain reply, before it is known how long it took."""

    raw: dict[str, Any]
    choices: tuple[Any, ...]
    usage: Usage | None

    @property
    def model(self) -> str:
        return _text(self.raw.get("model"))

    def __call__(self, meta: ReplyMeta) -> ChatReply:
        created = self.raw.get("created")
        return ChatReply(
            choices=self.choices,
            usage=self.usage,
            meta=meta,
            id=_text(self.raw.get("id")),
            created=created if isinstance(created, int) else None,
            system_fingerprint=_text(self.raw.get("system_fingerprint")) or None,
            raw=self.raw,
        )


def _parse_reply(body: bytes, response: Head, request: ChatRequest) -> _Parsed:
    try:
        raw = json.load(body)
    except ValueError:
        raise not_json(body, response.headers) from None
    if not isinstance(raw, dict):
        raise MalformedResponse(f"The reply is a JSON {type(raw).__name__}, not a chat completion.")
    if raw.get("error") or raw.get("object") == "error":
        raise classify_body(raw)
    entries = raw.get("choices")
    choices = tuple(
        chat.parse_choice(position, entry, reasoning_tags=request.reasoning_tags)
        for position, entry in enumerate(entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    )
    if not choices:
        raise MalformedResponse("The reply holds no answer (`choices` is empty or missing).")
    return _Parsed(raw, choices, parse_usage(raw))


def _emit_whole(call: Call, reply: _Parsed) -> Flow[None]:
    call.progress.emitted = True
    call.progress.first_token = call.waits.now()
    deltas = [
        ChatDelta(
            choice.text,
            choice.reasoning,
            tuple(ToolCallDelta(index, *tool_call) for index, tool_call in enumerate(choice.tool_calls)),
            choice.index,
            choice.finish_reason,
            None,
            choice.refusal,
            choice.logprobs,
        )
        for choice in reply.choices
    ]
    if reply.usage:
        deltas.append(ChatDelta(usage=reply.usage))
    yield from emit(deltas)


def meta_of(call: Call, headers: Mapping[str, str], model: str, cost: Cost = _UNKNOWN) -> ReplyMeta:
    """Who answered, and how long it took until now."""
    progress = call.progress
    return ReplyMeta(
        model=model or call.request.model,
        provider=progress.provider,
        request_id=progress.request_id,
        attempts=progress.attempts,
        latency_s=call.waits.now() - progress.started,
        first_token_s=None if progress.first_token is None else progress.first_token - progress.started,
        headers=headers,
        url=call.target.base_url,
        cost=cost,
        moves=progress.moves,
    )


def _provider(call: Call, response: Head) -> str | None:
    """Who answered: the reply's word, else the provider that was asked for by name."""
    served = response.headers.get("x-inference-provider")
    if served or not isinstance(call.request, ChatRequest):
        return served
    return ModelRef.parse(call.request.model).provider


def not_json(body: bytes, headers: Mapping[str, str]) -> RouterError:
    """The error of a body that should have been JSON, with what it says."""
    kind = headers.get("content-type", "no content type")
    error = classify(200, headers, body[:2000], now=0.0)
    said = error.message.partition(": ")[2]
    if "html" in kind:
        return MalformedResponse(
            f"The reply is a web page, not an answer ({kind}): {said}",
            hint="A login page or a proxy answers in the API's place: check the proxy settings and `base_url`.",
        )
    return MalformedResponse(f"The reply is not JSON ({kind}): {said}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
