"""Cassettes: how exchanges are stored, where they come from, and that each is played to its end.

Lives here: the readable form, the scrubbing, the redirection to the offline router while recording without
a token, the count. Not here: what must come out (`test_cassettes`).

A cassette says in its first lines where it was recorded. One from the offline router is no recording of
Hugging Face, whatever its requests' addresses say: while it was made, the connections alone went elsewhere.
"""

from __future__ import annotations

import base64
import datetime
import importlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_core import __version__
from shared_core.testing import OfflineRouter

FOLDER = Path(__file__).parent / "recorded"
OFFLINE = f"the offline router, shared_core.testing {__version__}: not Hugging Face, no model answered"
LIVE = "the live router, https://router.huggingface.co/v1"
DUMMY_TOKEN = "hf_dummy"

_KEPT_REQUEST_HEADERS = {"accept", "content-type"}
_KEPT_REPLY_HEADERS = {"content-type", "x-inference-provider", "retry-after", "x-error-code", "location"}
_CREATED = re.compile(rb'("created": ?)\d{10}')
_PLAYED: set[Path] = set()


def recording(config: pytest.Config) -> bool:
    return config.getoption("--record-mode", None) not in (None, "none")


def records_live(config: pytest.Config) -> bool:
    """Whether to spend money: there is a token, and nobody asked to stay offline."""
    return recording(config) and bool(_AT_START["HF_TOKEN"]) and not _AT_START["HFROUTER_OFFLINE"]


# Read here because a fixture of the whole suite clears both before each test.
_AT_START = {name: os.environ.get(name, "") for name in ("HF_TOKEN", "HFROUTER_OFFLINE")}


class Readable:
    """A serializer for vcrpy: JSON bodies as JSON, event streams line by line, and the origin on top."""

    origin = OFFLINE

    @classmethod
    def serialize(cls, cassette: dict[str, Any]) -> str:
        for exchange in cassette["interactions"]:
            exchange["request"]["body"] = _unfold(exchange["request"]["body"])
            exchange["response"]["body"] = _unfold(exchange["response"]["body"]["string"])
        about = {"recorded_from": cls.origin, "recorded_on": datetime.date.today().isoformat()}
        return json.dumps({**about, **cassette}, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def deserialize(text: str) -> dict[str, Any]:
        cassette: dict[str, Any] = json.loads(text)
        for exchange in cassette["interactions"]:
            exchange["request"]["body"] = _fold(exchange["request"]["body"])
            exchange["response"]["body"] = {"string": _fold(exchange["response"]["body"])}
        return cassette


# Compact is how our client writes JSON, the other how Python does by default.
_NOTATIONS = {"compact_json": (",", ":"), "json": (", ", ": ")}


def _unfold(body: str | bytes) -> Any:
    """The readable form, from which `_fold` makes the same bytes again."""
    if isinstance(body, bytes):  # no text: a picture, a sound
        return {"base64": base64.b64encode(body).decode()}
    if "\n\n" in body and body.startswith(("data:", ":", "event:")):
        return {"events": body.split("\n\n")}
    for name, separators in _NOTATIONS.items():
        try:
            value = json.loads(body)
        except ValueError:
            break
        if json.dumps(value, ensure_ascii=False, separators=separators) == body:
            return {name: value}
    return {"text": body}


def _fold(body: dict[str, Any]) -> str | bytes:
    ((kind, value),) = body.items()
    if kind == "base64":
        return base64.b64decode(value)
    if kind in _NOTATIONS:
        return json.dumps(value, ensure_ascii=False, separators=_NOTATIONS[kind])
    return "\n\n".join(value) if kind == "events" else str(value)


def scrub_request(request: Any) -> Any:
    """No token, no cookie, no sign of the machine."""
    request.headers = {k: v for k, v in request.headers.items() if k.lower() in _KEPT_REQUEST_HEADERS}
    return request


def scrub_response(response: dict[str, Any]) -> dict[str, Any]:
    """Only headers that mean something, and no date."""
    headers = {name.lower(): values for name, values in response["headers"].items()}
    kept = {name: values for name, values in headers.items() if name in _KEPT_REPLY_HEADERS}
    if "x-request-id" in headers:
        kept["x-request-id"] = ["scrubbed"]
    body = _CREATED.sub(rb"\g<1>1767225600", response["body"]["string"])
    return {**response, "headers": kept, "body": {"string": body}}


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return str(FOLDER)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "serializer": "json",
        "match_on": ["method", "uri", "body"],
        "before_record_request": scrub_request,
        "before_record_response": scrub_response,
        "allow_playback_repeats": False,
    }


def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    vcr.register_serializer("json", Readable)


@pytest.fixture
def default_cassette_name(case: str, layer: str) -> str:
    """Threads and event loops play the same cassette: what they send must not differ."""
    return f"{case}.{layer}"


@pytest.fixture
def cassette_path(default_cassette_name: str) -> Path:
    return FOLDER / f"{default_cassette_name}.json"


@pytest.fixture
def live(request: pytest.FixtureRequest, cassette_path: Path, faults: list[Any]) -> bool:
    """Whether the exchange is, or is to be, one with Hugging Face. Scripted faults never are."""
    if recording(request.config):
        return records_live(request.config) and not faults
    return bool(json.loads(cassette_path.read_text(encoding="utf-8"))["recorded_from"] == LIVE)


@pytest.fixture
def api_key(request: pytest.FixtureRequest, live: bool) -> str:
    """The developer's token when recording live; else a word that only looks like one."""
    return _AT_START["HF_TOKEN"] if live and recording(request.config) else DUMMY_TOKEN


@pytest.fixture
def connections_go_offline(
    request: pytest.FixtureRequest, live: bool, faults: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While recording offline: the router's address stays in the request, its connection goes to loopback.

    Done below the place where vcrpy listens, in the room that opens sockets.
    """
    monkeypatch.setattr(Readable, "origin", LIVE if live else OFFLINE)
    if live or not recording(request.config):
        return
    offline: OfflineRouter = request.getfixturevalue("offline_url")
    offline.queue(*faults)
    blocking = importlib.import_module("shared_core.transport.backend")
    in_loop = importlib.import_module("shared_core.transport.async_backend")
    connect, connect_in_loop = blocking.TimedBackend.connect_tcp, in_loop.AsyncTimedBackend.connect_tcp

    def connect_offline(self: Any, host: str, port: int, *args: Any, **options: Any) -> Any:
        return connect(self, offline.host, offline.port, *args, **options)

    async def connect_offline_in_loop(self: Any, host: str, port: int, *args: Any, **options: Any) -> Any:
        return await connect_in_loop(self, offline.host, offline.port, *args, **options)

    async def no_tls_in_loop(self: Any, *args: Any, **options: Any) -> Any:
        return self

    monkeypatch.setattr(blocking.TimedBackend, "connect_tcp", connect_offline)
    monkeypatch.setattr(in_loop.AsyncTimedBackend, "connect_tcp", connect_offline_in_loop)
    monkeypatch.setattr(blocking._TimedStream, "start_tls", lambda self, *args, **options: self)
    monkeypatch.setattr(in_loop._Stream, "start_tls", no_tls_in_loop)


@pytest.fixture
def every_exchange_is_played(request: pytest.FixtureRequest, vcr: Any, cassette_path: Path) -> Iterator[None]:
    """A cassette that a test did not play to its end proves less than it seems to."""
    yield
    if recording(request.config):
        assert len(vcr), "nothing was recorded"
        return
    assert len(vcr), f"{cassette_path.name} is empty"
    assert vcr.all_played, f"{cassette_path.name}: {vcr.play_count} of {len(vcr)} exchanges were played"
    _PLAYED.add(cassette_path)


def pytest_what_was_played() -> str:
    there = sorted(FOLDER.glob("*.json"))
    origins = [json.loads(path.read_text(encoding="utf-8"))["recorded_from"] for path in there]
    live = origins.count(LIVE)
    return (
        f"cassettes played: {len(_PLAYED)} of {len(there)} "
        f"({live} recorded live, {len(there) - live} from the offline router)"
    )
