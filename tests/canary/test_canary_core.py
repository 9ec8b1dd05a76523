"""A canary token: given in every way, then searched for in everything that anybody can read."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import json
import logging
import os
import pickle
import secrets
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterError
from shared_core.testing import Cut, Junk, OfflineRouter, Raw, Stall, Status, StreamError

HELLO = [{"role": "user", "content": "one two three four five"}]

KINDS = [
    "sync",
    "sync, httpx2 of the user's",
    "sync, httpx of the user's",
    "async",
    "async, aiohttp",
    "async, httpx2 of the user's",
    "async, httpx of the user's",
]
VARIABLES = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY")
LOGGERS = ("hfrouter", "httpx2", "httpcore2", "httpx", "httpcore", "asyncio", "aiohttp", "aiohttp.client", "")


class Canary(str):
    """A token that nobody can have by chance, and the ways in which it could be spelt."""

    @classmethod
    def hatch(cls, prefix: str) -> Canary:
        return cls(prefix + secrets.token_hex(18))

    def sings_in(self, text: str) -> bool:
        return self in text or self[4:-4] in text


@pytest.fixture(params=["hf_", "own-key-"], ids=["a Hugging Face token", "a key of any form"])
def canary(request: pytest.FixtureRequest) -> Canary:
    return Canary.hatch(request.param)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, name)


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def said_by(error: BaseException) -> str:
    """Everything that an error, and what caused it, says and carries."""
    seen = "".join(traceback.format_exception(error))
    step: BaseException | None = error
    while step is not None:
        seen += repr(step) + str(step) + repr(step.args) + repr(vars(step))
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return seen + repr(pickle.dumps(error)) if isinstance(error, RouterError) else seen


def told(error: BaseException) -> str:
    """The same, and the local variables that tools for error reports print."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    return said_by(error) + "".join(found.format(chain=True))


async def asynchronously(kind: str, streamed: bool, settings: dict[str, Any]) -> Any:
    injected: Any = None
    if "user's" in kind:
        injected = (httpx2 if "httpx2" in kind else httpx).AsyncClient()
        settings["http_client"] = injected
    elif "aiohttp" in kind:
        settings["transport"] = "aiohttp"
    router = AsyncHFRouter("offline/echo", **settings)
    try:
        if not streamed:
            return await router.chat(HELLO)
        async with router.stream(HELLO) as stream:
            async for _ in stream:
                pass
        return stream.reply
    finally:
        if injected is not None:
            await injected.aclose()


def blocking(kind: str, streamed: bool, settings: dict[str, Any]) -> Any:
    injected: Any = None
    if "user's" in kind:
        injected = (httpx2 if "httpx2" in kind else httpx).Client()
        settings["http_client"] = injected
    router = HFRouter("offline/echo", **settings)
    try:
        if not streamed:
            return router.chat(HELLO)
        with router.stream(HELLO) as stream:
            for _ in stream:
                pass
        return stream.reply
    finally:
        if injected is not None:
            injected.close()


def call(kind: str, canary: Canary, url: str, *, streamed: bool = False, **settings: Any) -> Any:
    """One call with the canary; no frame of this test holds the bare token in a local of its own."""
    settings = {"base_url": url, "max_retries": 0, "timeout": 10, **settings, "api_key": canary}
    if kind.startswith("async"):
        return asyncio.run(asynchronously(kind, streamed, settings))
    return blocking(kind, streamed, settings)


def without_our_frames(error: BaseException) -> BaseException:
    """The error as seen from the package on: the frames of this test hold the token themselves."""
    frames = error.__traceback__
    while frames is not None and "shared_core" not in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    return error.with_traceback(frames)


def error_of(kind: str, canary: Canary, url: str, **settings: Any) -> BaseException:
    """The error of a call."""
    try:
        call(kind, canary, url, **settings)
    except BaseException as error:
        return without_our_frames(error)
    raise AssertionError("nothing failed")


QUOTES: dict[str, Any] = {
    "401 in a sentence": lambda c: Status(401, {"error": f"The key {c} is not valid."}),
    "401 with the whole header": lambda c: Status(
        401, {"error": {"message": f"Bearer {c}", "code": f"bad {c}"}}
    ),
    "400 everywhere": lambda c: Status(400, {"error": {"message": c, "type": c, "param": c, "code": c}}),
    "500 in a web page": lambda c: Status(500, f"<html><p>authorization: Bearer {c}</p></html>"),
    "500 in plain text": lambda c: Status(500, f"upstream said: {c}"),
    "403 in headers": lambda c: Status(403, b"", {"x-error-message": f"bad {c}", "x-error-code": str(c)}),
    "429 as its code": lambda c: Status(429, {"error": {"message": "slow", "code": c}}),
    "307 in the address it leads to": lambda c: Status(307, b"", {"location": f"https://x.example/?key={c}"}),
    "200 with an error": lambda c: Status(200, {"error": {"message": f"bad {c}", "code": c}}),
    "200 with a web page": lambda c: Raw(f"<html>{c}</html>".encode(), content_type="text/html"),
    "200 with what is no JSON": lambda c: Raw(f"oops {c}".encode(), content_type="application/json"),
}
STREAMED_QUOTES: dict[str, Any] = {
    "junk in the middle": lambda c: Junk(f"data: {{oops {c}\n\n".encode(), after=2, instead=True),
    "junk at the beginning": lambda c: Junk(f"data: {{oops {c}\n\n".encode(), after=0, instead=True),
    "an error in the middle": lambda c: StreamError(after=2, message=f"bad key {c}"),
    "an error at the beginning": lambda c: StreamError(after=0, message=f"bad key {c}"),
}


@pytest.mark.parametrize(
    ("fault", "streamed"),
    [
        *((fault, streamed) for fault in QUOTES.values() for streamed in (False, True)),
        *((fault, True) for fault in STREAMED_QUOTES.values()),
    ],
    ids=[
        *(f"{name}, {way}" for name in QUOTES for way in ("plain", "streamed")),
        *(f"a stream with {name}" for name in STREAMED_QUOTES),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_provider_that_quotes_the_key_it_was_sent_is_not_quoted_in_turn(
    canary: Canary,
    offline_url: OfflineRouter,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
    streamed: bool,
    kind: str,
) -> None:
    offline_url.queue(fault(str(canary)))
    error = error_of(kind, canary, offline_url, streamed=streamed)
    assert isinstance(error, RouterError)
    assert offline_url.requests[0].headers["authorization"] == f"Bearer {canary}"
    assert not canary.sings_in(said_by(error))
    # What a server sends back in headers, httpcore2 logs at DEBUG; what we log is ours.
    ours = [record.getMessage() for record in caplog.records if record.name == "hfrouter"]
    assert ours
    assert not canary.sings_in("".join(ours))


FAULTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "401": (Status(401), {}),
    "500": (Status(500), {}),
    "a connection closed before the head": (Cut(None, how="close"), {}),
    "a connection reset before the head": (Cut(None, how="reset"), {}),
    "a connection reset in the middle": (Cut(after=2, chunks=True, how="reset"), {"streamed": True}),
    "a connection closed in the middle": (Cut(after=2, chunks=True, how="close"), {"streamed": True}),
    "silence before the head": (Stall(None), {"timeout": 0.3}),
    "silence in the middle": (Stall(2), {"timeout": 0.3, "streamed": True}),
}


@pytest.mark.parametrize(("fault", "settings"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_does_not_tell_the_token_even_to_tools_that_print_local_variables(
    canary: Canary,
    offline_url: OfflineRouter,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
    settings: dict[str, Any],
    kind: str,
) -> None:
    offline_url.queue(fault)
    error = error_of(kind, canary, offline_url, **settings)
    assert isinstance(error, RouterError)
    assert offline_url.requests[0].headers["authorization"] == f"Bearer {canary}"
    assert not canary.sings_in(told(error))
    assert not canary.sings_in(caplog.text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_connection_does_not_tell_the_token(
    canary: Canary, dead_port: int, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    error = error_of(kind, canary, f"http://127.0.0.1:{dead_port}/v1")
    assert isinstance(error, RouterError)
    assert not canary.sings_in(told(error))
    assert not canary.sings_in(caplog.text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_does_not_tell_the_token(
    canary: Canary, offline_url: OfflineRouter, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    for streamed in (False, True):
        reply = call(kind, canary, offline_url, streamed=streamed)
        meta = {field.name: getattr(reply.meta, field.name) for field in dataclasses.fields(reply.meta)}
        assert offline_url.requests[-1].headers["authorization"] == f"Bearer {canary}"
        assert not canary.sings_in(
            json.dumps(meta, default=str) + repr(reply) + repr(reply.raw) + repr(pickle.dumps(reply))
        )
    assert not canary.sings_in(caplog.text)


@pytest.mark.parametrize(
    "kind", ["async", "async, aiohttp", "async, httpx2 of the user's", "async, httpx of the user's"]
)
def test_a_cancelled_call_does_not_tell_the_token(
    canary: Canary, offline_url: OfflineRouter, kind: str
) -> None:
    offline_url.queue(Stall(None))

    async def main() -> BaseException:
        settings = {"base_url": str(offline_url), "api_key": canary}
        task = asyncio.ensure_future(asynchronously(kind, False, settings))
        while offline_url.queued:
            await asyncio.sleep(0.005)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return error
        raise AssertionError("it was not cancelled")

    assert not canary.sings_in(told(without_our_frames(asyncio.run(main()))))


def test_an_interrupt_from_the_keyboard_does_not_tell_the_token(
    canary: Canary, offline_url: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shared_core.transport.backend._TimedStream.read", interrupt)
    error = error_of("sync", canary, offline_url)
    assert isinstance(error, KeyboardInterrupt)
    assert not canary.sings_in(told(error))


def shown_by(value: Any) -> Iterator[str]:
    """Everything that an object, and what hangs on it, says of itself."""
    yield from (repr(value), str(value), f"{value}", repr(dir(value)))
    inside = getattr(value, "__dict__", {})
    yield repr(inside)
    for part in inside.values():
        yield repr(part)
        yield repr(getattr(part, "__dict__", ""))


@pytest.mark.parametrize(
    "source", ["argument", "HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY"]
)
@pytest.mark.parametrize("router_class", [HFRouter, AsyncHFRouter])
def test_no_object_shows_the_token_before_or_after_it_was_used(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, router_class: Any, source: str
) -> None:
    if source != "argument":
        monkeypatch.setenv(source, canary)
    router = router_class("org/name", api_key=canary if source == "argument" else None)
    for used in (False, True):
        if used and source != "argument":
            assert router._exchange.keyring.find().reveal() == canary
        stream = router.stream(HELLO)
        for value in (
            router,
            copy.copy(router),
            copy.deepcopy(router),
            stream,
            stream._run,
            router._exchange.keyring,
        ):
            assert not any(canary.sings_in(text) for text in shown_by(value)), (used, value)
        flow = router._chat(HELLO, {}, stream=False)
        assert not canary.sings_in(repr(flow.gi_frame.f_locals) if flow.gi_frame else "")
        flow.close()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("source", ["argument", "HF_TOKEN"])
def test_no_pickle_holds_the_token(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, protocol: int, source: str
) -> None:
    if source != "argument":
        monkeypatch.setenv(source, canary)
    router = HFRouter("org/name", api_key=canary if source == "argument" else None)
    if source != "argument":
        router._exchange.keyring.find()
    try:
        blob = pickle.dumps(router, protocol)
    except TypeError:
        assert protocol < 2, "older protocols may refuse, no other"
        return
    assert canary.encode() not in blob
    assert not canary.sings_in(repr(vars(copy.deepcopy(router))))


def test_no_warning_tells_the_token(canary: Canary, offline_url: OfflineRouter) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key=canary)
        stream = router.stream(HELLO)
        await anext(stream)
        run = stream._run
        del stream
        await run.close()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert caught
    assert not any(canary.sings_in(str(warning.message) + repr(warning.source)) for warning in caught)


def test_a_bad_token_in_the_environment_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"{canary} with words behind it")
    with pytest.raises(RouterError) as caught:
        HFRouter("org/name").chat(HELLO)
    assert not canary.sings_in(told(without_our_frames(caught.value)))


@pytest.mark.parametrize("status", [400, 401])
def test_what_is_remembered_and_shared_holds_no_token(
    canary: Canary, offline_url: OfflineRouter, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    settings: Any = {
        "base_url": offline_url,
        "max_retries": 0,
        "embedding_cache": tmp_path / "vectors.sqlite",
    }
    router = HFRouter("offline/echo", api_key=canary, chat_cache=tmp_path / "answers.sqlite", **settings)
    for _ in range(2):
        router.chat(HELLO, temperature=0)
    router.embed(["one"], model="offline/embed-8")
    said = repr(router) + repr(vars(router)) + repr(pickle.dumps(router))
    offline_url.queue(Status(status, {"error": f"bad {canary}"}), times=1)
    offline_url.queue(Status(status, {"error": f"bad {canary}"}), times=1, path="/v1/embeddings")
    for work in (
        lambda: router.chat(HELLO, temperature=0, max_tokens=3),
        lambda: router.embed(["two"], model="offline/embed-8"),
    ):
        with pytest.raises(RouterError) as caught:
            work()
        said += told(without_our_frames(caught.value))
    router._safeguards.arguments["chat_cache"].close()  # type: ignore[union-attr]
    router.close()
    said += "".join(file.read_bytes().decode("latin-1") for file in tmp_path.iterdir())
    assert "one two three four five" in said  # the answer
    assert not canary.sings_in(said + caplog.text)


PROGRAM = """
import logging, os, sys
logging.basicConfig(level=logging.DEBUG)
from shared_core import HFRouter
router = HFRouter('offline/echo', base_url=sys.argv[1], api_key=os.environ.pop('CANARY'), max_retries=1)
hello = [{'role': 'user', 'content': 'hi'}]
print(router, vars(router))
print(router.chat(hello))
router.chat(hello)
"""


def test_a_program_that_logs_everything_and_dies_of_an_error_prints_no_token(
    canary: Canary, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(500, {"error": f"oh {canary}"}, {"retry-after": "0"}))
    offline_url.queue(Cut(None, how="reset"), times=1)
    offline_url.queue(Status(401, {"error": f"bad {canary}"}), times=3)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(offline_url)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "CANARY": canary},
        timeout=60,
    )
    assert done.returncode != 0
    assert "shared_core.errors" in done.stderr
    assert not canary.sings_in(done.stdout + done.stderr)


def test_the_search_finds_what_is_there(canary: Canary) -> None:
    def fail() -> None:
        held = {"authorization": f"Bearer {canary}"}
        raise ValueError(len(held))

    with pytest.raises(ValueError) as caught:
        fail()
    assert canary.sings_in(told(caught.value))
    assert not canary.sings_in(said_by(caught.value))
