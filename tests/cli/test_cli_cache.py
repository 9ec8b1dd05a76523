"""`cache`: what is remembered where, and emptying it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import HFRouter
from shared_core.testing import OfflineRouter

Run = Callable[..., Any]

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
def kept(tmp_path: Path, host: OfflineRouter, environment: dict[str, str]) -> Path:
    """Caches in which something is remembered, and a ledger, all named in the environment."""
    places = {
        "chat_cache": {"store": str(tmp_path / "answers.sqlite"), "ttl": 3600},
        "embedding_cache": str(tmp_path / "vectors.sqlite"),
        "ledger": str(tmp_path / "usage.sqlite"),
    }
    with HFRouter("offline/echo", base_url=host, api_key="k", **places) as router:  # type: ignore[arg-type]
        for _ in range(4):
            router.chat(HELLO, temperature=0)
        router.embed(["one", "two"], model="offline/embed-4")
    for name, place in places.items():
        environment[f"HFROUTER_{name.upper()}"] = place if isinstance(place, str) else json.dumps(place)
    return tmp_path


def test_a_person_sees_where_how_much_how_old_and_what_it_was_good_for(hfrouter: Run, kept: Path) -> None:
    done = hfrouter("cache")
    assert done.code == 0, done.err
    lines = [line[10:] for line in done.out.splitlines()]
    assert lines[0] == str(kept / "answers.sqlite") or len(str(kept)) > 55
    assert "1 answer, " in done.out
    assert "2 vectors, " in done.out
    assert "written from 20" in done.out
    assert "forgotten after 3,600 s" in done.out
    assert "answered 3 of 4 chat calls of the ledger (75%)" in done.out


def test_a_program_gets_numbers(hfrouter: Run, kept: Path) -> None:
    answers, vectors = json.loads(hfrouter("cache", "--json").out)
    assert (answers["cache"], answers["entries"], answers["calls"], answers["hits"]) == ("answers", 1, 4, 3)
    assert (vectors["entries"], vectors["oldest"]) == (2, None)
    assert answers["oldest"] == answers["newest"]


def test_clearing_is_asked_for_and_done_when_said(terminal: Run, hfrouter: Run, kept: Path) -> None:
    shown = terminal("cache", "clear", "answers", typing=(("[y/N]", "n\n"),))
    assert "Forget 1 answer in" in " ".join(shown.split())
    assert json.loads(hfrouter("cache", "--json").out)[0]["entries"] == 1
    assert "1 answer forgotten in" in " ".join(
        terminal("cache", "clear", "answers", typing=(("[y/N]", "y\n"),)).split()
    )
    told = json.loads(hfrouter("cache", "--json").out)
    assert [each["entries"] for each in told] == [0, 2]


def test_without_a_person_it_takes_a_yes(hfrouter: Run, kept: Path) -> None:
    done = hfrouter("cache", "clear", "all")
    assert (done.code, done.out) == (2, "")
    assert "Say --yes" in done.err
    done = hfrouter("cache", "clear", "all", "--yes", "--json")
    assert [each["forgotten"] for each in json.loads(done.out)] == [1, 2]
    assert [each["entries"] for each in json.loads(hfrouter("cache", "--json").out)] == [0, 0]


def test_without_settings_it_says_what_would_be_kept_and_makes_nothing(hfrouter: Run, tmp_path: Path) -> None:
    done = hfrouter("cache")
    assert done.code == 0, done.err
    assert "No cache of answers is kept" in done.out
    assert "No vectors are remembered" in done.out
    assert not list(tmp_path.iterdir())
    assert [each.get("entries") for each in json.loads(hfrouter("cache", "--json").out)] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("clear", "everything"), 2, "There is no cache of 'everything'"),
        (("clear", "answers", "--yes"), 2, "No cache of answers is kept"),
        (("--answers", "redis://:secret@127.0.0.1:1/0"), 5, "127.0.0.1:1 cannot be asked"),
        (("--answers", __file__), 2, "is no SQLite file"),
        (("clear", "answers", "--yes", "--answers", __file__), 2, "is no SQLite file"),
    ],
    ids=[
        "none of this name",
        "none is kept",
        "a server that is away",
        "another file",
        "another file, to clear",
    ],
)
def test_what_cannot_be_done_is_said(hfrouter: Run, arguments: Any, code: int, said: str) -> None:
    before = Path(__file__).read_bytes()
    done = hfrouter("cache", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.split())
    assert "secret" not in done.err
    assert Path(__file__).read_bytes() == before
