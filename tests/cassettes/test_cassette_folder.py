"""The folder of cassettes itself: honest about its origin, free of secrets, without leftovers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from shared_core import HFRouter

FOLDER = Path(__file__).parent / "recorded"
CASSETTES = sorted(FOLDER.glob("*.json"))


def test_there_is_a_cassette_for_every_case_and_no_other(pytestconfig: pytest.Config) -> None:
    names = ("test_cassettes.py", "test_vector_cassettes.py", "test_media_cassettes.py")
    players = [Path(__file__).with_name(name) for name in names]
    source = "".join(path.read_text(encoding="utf-8") for path in players)
    cases = {path.name.partition(".")[0] for path in CASSETTES}
    assert cases, "run record.py"
    for case in cases:
        assert f'"{case}"' in source, f"no test plays {case}"
        layers = {path.name.split(".")[1] for path in CASSETTES if path.name.startswith(f"{case}.")}
        assert layers in ({"core", "langchain", "llama_index"}, {"every_layer"}, {"media"})


@pytest.mark.parametrize("path", CASSETTES, ids=[path.stem for path in CASSETTES])
def test_a_cassette_says_where_it_came_from_and_it_is_true(path: Path) -> None:
    cassette = json.loads(path.read_text(encoding="utf-8"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", cassette["recorded_on"])
    offline = cassette["recorded_from"].startswith("the offline router, shared_core.testing ")
    assert offline or cassette["recorded_from"] == "the live router, https://router.huggingface.co/v1"
    assert cassette["interactions"]
    for exchange in cassette["interactions"]:
        assert asks_offline(exchange["request"]) == offline
        if exchange["request"]["uri"].endswith("/chat/completions"):
            served = exchange["response"]["headers"].get("x-inference-provider", [""])
            assert (served == ["offline"]) == offline


_JOBS = tuple(
    f"https://router.huggingface.co/{place}"
    for place in (
        "wavespeed/api/v3/predictions/wavespeed-0000",
        "together/v2/videos",
        "zai-org/api/paas/v4/",
        "replicate/v1/predictions",
        "deepinfra/v1/openai/audio/transcriptions",
    )
)
"""Places whose addresses name no model; media were recorded from the offline router alone."""


def asks_offline(request: dict[str, Any]) -> bool:
    """Whether it names a model that the offline router alone has, or a host that nobody can have."""
    model = request["body"].get("compact_json", {}).get("model", "")
    address = urlsplit(request["uri"])
    theirs = address.netloc.endswith(".example") or "offline" in address.path  # a model of theirs, or a job
    return model.startswith("offline/") or theirs or request["uri"].startswith(_JOBS)


@pytest.mark.parametrize("path", CASSETTES, ids=[path.stem for path in CASSETTES])
def test_a_cassette_holds_no_secret_and_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    assert not re.search(r"\bhf_[a-z0-9]|bearer|authorization|cookie|user-agent|127\.0\.0\.1|localhost", text)


def play(cassette: str, **options: Any) -> str:
    """The plain question of the core's cassette, asked without the fixtures of the other file."""
    router = HFRouter("offline/echo", api_key="hf_dummy", max_retries=0)
    with vcr.VCR(record_mode="none", match_on=["method", "uri", "body"]).use_cassette(cassette):
        return router.chat([{"role": "user", "content": "Say hello."}], **options).text


@pytest.fixture
def as_vcr_writes_it(tmp_path: Path) -> str:
    """The core's plain cassette in vcrpy's own form."""
    (exchange,) = json.loads((FOLDER / "plain.core.json").read_text(encoding="utf-8"))["interactions"]
    sent = exchange["request"]["body"]["compact_json"]
    exchange["request"]["body"] = json.dumps(sent, separators=(",", ":"))
    exchange["response"]["body"] = {"string": json.dumps(exchange["response"]["body"]["json"])}
    (tmp_path / "plain.yaml").write_text(json.dumps({"version": 1, "interactions": [exchange]}))
    return str(tmp_path / "plain.yaml")


def test_a_request_that_was_not_recorded_fails(as_vcr_writes_it: str) -> None:
    cassette = json.loads((FOLDER / "plain.core.json").read_text(encoding="utf-8"))
    if not cassette["recorded_from"].startswith("the offline"):
        model = cassette["interactions"][0]["request"]["body"]["compact_json"]["model"]
        assert play(as_vcr_writes_it, max_tokens=300, model=model)
    else:
        assert play(as_vcr_writes_it, max_tokens=300) == "Say hello."
    with pytest.raises(CannotOverwriteExistingCassetteException):
        play(as_vcr_writes_it, max_tokens=301)
