"""Each extra alone in an empty environment does what it is for; without it, the error names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_core import __version__
from tests.release.conftest import ROOT, Environment, Environments
from tests.services.conftest import RedisProcess

Offline = dict[str, str]


@pytest.fixture(scope="module")
def base(environments: Environments) -> Iterator[Environment]:
    with environments.holding() as environment:
        yield environment


def test_the_package_alone_chats_and_loads_nothing_heavy_before(base: Environment, offline: Offline) -> None:
    base.pip("check")
    said = base.smoke("chat", **offline)
    assert said["text"] == "from the wheel"
    assert said["versions"] == [__version__, __version__]
    assert said["heavy"] == []
    assert Path(said["file"]).is_relative_to(base.folder)


@pytest.fixture(scope="module")
def complaints(base: Environment, minilm: str) -> dict[str, str]:
    found: dict[str, str] = base.smoke("without_extras", minilm)
    return found


@pytest.mark.parametrize(
    "extra",
    [
        *(
            "aiohttp",
            "cli",
            "evaluate",
            "langchain",
            "llama-index",
            "local",
            "media",
            "mteb",
            "offline",
            "onnx",
        ),
        *("openvino", "otel", "parquet", "redis"),
    ],
)
def test_what_is_absent_is_named_with_its_extra(extra: str, complaints: dict[str, str]) -> None:
    assert f"hfrouter[{extra}]" in complaints[extra]
    assert complaints[extra].startswith(("ImportError: ", "ConfigError: ", "exit 2: "))


ECHOES = {"text": "from the wheel", "stream": "in pieces", "numbers": 8}


@pytest.mark.parametrize(
    ("extra", "program", "expected"),
    [
        ("langchain", "langchain", ECHOES),
        ("llama-index", "llama_index", ECHOES),
        ("otel", "otel", {"text": "from the wheel"}),
        ("media", "media", {"size": [64, 48]}),
        ("evaluate", "evaluate", {"fits": True, "does not": False}),
        ("aiohttp", "aiohttp_transport", {"texts": 50, "aiohttp": True}),
    ],
)
def test_an_extra_alone_does_what_it_is_for(
    extra: str, program: str, expected: Any, environments: Environments, offline: Offline
) -> None:
    with environments.holding(extra) as environment:
        environment.pip("check")
        assert environment.smoke(program, **offline) == expected


def test_parquet_alone_goes_from_parquet_to_parquet(environments: Environments, offline: Offline) -> None:
    with environments.holding("parquet") as environment:
        environment.pip("check")
        assert environment.smoke("parquet", **offline)["ids"] == ["a", "b"]


def test_redis_alone_shares_vectors(
    environments: Environments, offline: Offline, redis_server: RedisProcess
) -> None:
    with environments.holding("redis") as environment:
        environment.pip("check")
        assert environment.smoke("redis_cache", redis_server.url, **offline) == {"attempts": [1, 0]}


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisProcess]:
    server = RedisProcess(tmp_path)
    yield server
    server.kill()


def test_the_offline_router_alone_answers_its_own_package(
    environments: Environments, base: Environment, offline: Offline
) -> None:
    """It runs in an environment of its own, with its extra and nothing else."""
    assert base.smoke("chat", **offline)["text"] == "from the wheel"
    assert "offline" in [name for name, _, _ in environments.made]


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_an_engine_alone_embeds_without_torch(engine: str, environments: Environments, minilm: str) -> None:
    with environments.holding(engine) as environment:
        environment.pip("check")
        as_it_should(environment.smoke("local", minilm), engine)


def test_torch_alone_embeds(environments: Environments, minilm: str) -> None:
    with environments.holding("local") as environment:
        environment.pip("check")
        said = environment.smoke("local", minilm)
        assert said.pop("torch")
        as_it_should({**said, "torch": False}, "torch")


def as_it_should(said: dict[str, Any], engine: str) -> None:
    assert said["engine"] == engine
    assert said["near"] > 0.7 > 0.3 > said["far"]
    assert not said["torch"]


def test_the_command_alone_answers_and_says_what_it_lacks(
    environments: Environments, offline: Offline, minilm: str
) -> None:
    host = {"HFROUTER_BASE_URL": offline["OFFLINE"], "HF_ENDPOINT": offline["OFFLINE_HUB"]}
    with environments.holding("cli") as environment:
        environment.pip("check")
        assert environment.command("--version") == f"hfrouter {__version__}\n"
        assert environment.command("chat", "-m", "offline/echo", "Hello!", **host) == "Hello!\n"
        findings = json.loads(environment.command("doctor", "--json", must_work=False, **host))
        # There is no token in this environment, and that is all that is wrong with it.
        assert [each["about"] for each in findings if each["state"] != "ok"] == ["token"]
        assert "hfrouter[offline]" in environment.command("offline", must_work=False, **host)
        (environment.folder / "passages.csv").write_text("text\nA cat.\n")
        embed = ("embed", "-m", f"local:{minilm}", "passages.csv")
        assert "hfrouter[openvino]" in environment.command(*embed, must_work=False, **host)


def test_all_of_it_together_imports_every_module_and_has_every_public_name(
    environments: Environments, offline: Offline, minilm: str
) -> None:
    with environments.holding("all,onnx") as environment:
        environment.pip("check")
        said = environment.smoke("every_module")
        assert said["failed"] == []
        assert said["modules"] > 300
        assert said["names"] > 600
        assert (
            environment.smoke("langchain", **offline) == environment.smoke("llama_index", **offline) == ECHOES
        )
        engines = {name: environment.smoke("local", minilm, name) for name in ("torch", "onnx", "openvino")}
        for name, vectors in engines.items():
            assert vectors["engine"] == name
            assert vectors["first"] == pytest.approx(engines["torch"]["first"], abs=0.002)


def test_langchain_huggingface_and_ours_work_in_one_environment(
    environments: Environments, offline: Offline, tmp_path: Path
) -> None:
    """It keeps huggingface_hub below 2, so that this one environment is resolved afresh."""
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pin for pin in pins if not pin.startswith("huggingface_hub")))
    with environments.beside(["langchain-huggingface>=1.2"], constraints) as environment:
        environment.pip("check")
        said = environment.smoke("beside", **offline, HF_HUB_OFFLINE="0")  # theirs would not go to loopback
        assert said["hub"].startswith("1.")
        assert said["ours"] == said["theirs"] == "from the wheel"
