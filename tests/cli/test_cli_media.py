"""`image`, `video`, `speak`, `transcribe` and `embed`: results in files, and names on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.testing import OfflineRouter

Run = Callable[..., Any]


@pytest.fixture
def at(host: OfflineRouter) -> tuple[str, ...]:
    """The options that name a stand-in of the router with its providers' paths."""
    return ("--base-url", str(host), "--hub-url", host.root)


def test_a_picture_lands_where_it_should_and_can_be_edited(hfrouter: Run, at: Any, tmp_path: Path) -> None:
    first = tmp_path / "bicycle.jpg"
    done = hfrouter("image", "a red bicycle", "-m", "offline/painter", "-o", str(first), *at)
    assert (done.code, done.out) == (0, f"{first}\n"), done.err
    assert first.read_bytes().startswith(b"\xff\xd8")
    again = hfrouter("image", "a red bicycle", "-m", "offline/painter", "-o", str(first), *at)
    assert again.code == 2
    assert "Traceback" not in again.err


def test_an_edit_has_the_size_that_was_asked_for(
    hfrouter: Run, host: OfflineRouter, at: Any, tmp_path: Path
) -> None:
    first, second = tmp_path / "day.jpg", tmp_path / "night"
    hfrouter("image", "a red bicycle", "-m", "offline/painter", "-o", str(first), *at)
    edit = ("image", "at night", "-m", "offline/editor", "-i", str(first), "-o", str(second), *at)
    done = hfrouter(*edit, "--width", "64", "--height", "48", "--json")
    assert done.code == 0, done.err
    (file,) = json.loads(done.out)["files"]
    assert (file["width"], file["height"]) == (64, 48)


def test_a_film_is_made_and_how_far_it_is_is_told(hfrouter: Run, at: Any, tmp_path: Path) -> None:
    film = tmp_path / "cat.mp4"
    done = hfrouter("video", "a cat on a skateboard", "-m", "offline/animator", "-o", str(film), *at)
    assert (done.code, done.out) == (0, f"{film}\n"), done.err
    assert film.read_bytes()[4:8] == b"ftyp"
    assert "Traceback" not in done.err


def test_json_tells_of_the_file(hfrouter: Run, at: Any, tmp_path: Path) -> None:
    done = hfrouter(
        "speak", "Good morning.", "-m", "offline/speaker", "-o", str(tmp_path / "a.wav"), "--json", *at
    )
    told = json.loads(done.out)
    assert told["files"][0]["mime_type"] == "audio/wav"
    assert told["files"][0]["bytes"] == (tmp_path / "a.wav").stat().st_size


def test_speech_is_written_down(hfrouter: Run, at: Any, tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    hfrouter("speak", "Good morning.", "-m", "offline/speaker", "-o", str(sound), *at)
    done = hfrouter("transcribe", str(sound), "-m", "offline/listener", *at)
    assert done.code == 0, done.err
    assert done.out.strip()


def test_lines_become_json_lines_of_vectors(hfrouter: Run, at: Any) -> None:
    done = hfrouter("embed", "-m", "offline/embed-4", *at[:2], stdin="one\ntwo\n")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["id"] for row in rows] == [0, 1]
    assert [len(row["vector"]) for row in rows] == [4, 4]


@pytest.mark.parametrize(
    ("given", "sent", "told"),
    [
        ((), "Instruct: Given a web search query", True),
        (("--text-prompt", ""), "one", False),
        (("--text-prompt", "ask: "), "ask: one", False),
        (("--kind", "document"), "one", False),
    ],
    ids=["as the model wants", "turned off", "the user's own", "documents, which have none"],
)
def test_what_stands_before_texts_is_said_and_can_be_chosen(
    hfrouter: Run, host: OfflineRouter, at: Any, given: tuple[str, ...], sent: str, told: bool
) -> None:
    model = "Qwen/Qwen3-Embedding-0.6B"
    done = hfrouter("embed", "-m", model, "--kind", "query", *given, *at[:2], stdin="one\n")
    assert done.code == 0, done.err
    (text,) = host.requests[-1].json["input"]
    assert text.startswith(sent)
    assert text.endswith("one")
    assert ("Before each text stands 'Instruct" in done.err) == told
    assert len(json.loads(done.out)["vector"]) == 1024


def test_a_file_becomes_a_file_and_is_not_done_twice(
    hfrouter: Run, host: OfflineRouter, at: Any, tmp_path: Path
) -> None:
    source, sink = tmp_path / "in.jsonl", tmp_path / "out.npy"
    source.write_text('{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n', encoding="utf-8")
    command = ("embed", str(source), "-m", "offline/embed-4", "-o", str(sink), *at[:2])
    done = hfrouter(*command)
    assert done.code == 0, done.err
    assert np.load(sink).shape == (2, 4)
    asked = len(host.requests)
    assert hfrouter(*command).code == 0
    assert len(host.requests) == asked


@pytest.mark.parametrize(
    "name",
    ["out.jsonl", "out.npy", pytest.param("out.parquet", marks=pytest.mark.pinned_set)],  # which has pyarrow
)
def test_what_is_piped_in_becomes_a_file_once(
    hfrouter: Run, host: OfflineRouter, at: Any, tmp_path: Path, name: str
) -> None:
    command = ("embed", "-m", "offline/embed-4", "-o", str(tmp_path / name), "--json", *at[:2])
    done = hfrouter(*command, stdin="one\ntwo\nthree\n")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["rows"], told["failed"], told["resumed_at"]) == (3, 0, 0)
    asked = len(host.requests)
    assert json.loads(hfrouter(*command, stdin="one\ntwo\nthree\n").out)["resumed_at"] == 3
    assert len(host.requests) == asked
    done = hfrouter(*command, stdin="one\nother\nthree\n")
    assert (done.code, done.out) == (2, "")


def test_a_file_of_json_lines_holds_what_standard_output_shows(
    hfrouter: Run, at: Any, tmp_path: Path
) -> None:
    command = ("embed", "-m", "offline/embed-4", *at[:2])
    shown = hfrouter(*command, stdin="one\ntwo\n").out
    hfrouter(*command, "-o", str(tmp_path / "out.jsonl"), stdin="one\ntwo\n")
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("embed",), "No model was given"),
        (("embed", "-m", "a/b", "-o", "x.docx"), "is not known from its name"),
        (("embed", "-m", "a/b", "--kind", "poem"), "neither document nor query"),
        (("embed", "x.txt", "-m", "a/b"), "Name it .jsonl, .csv, .tsv or .parquet"),
        (("transcribe", "no.wav"), "There is no file no.wav. Nothing was sent. Next: Give its whole path."),
        (("video", "it rolls", "-i", "no.png"), "There is no file no.png"),
        (("image", "at night", "-i", "no.png"), "There is no file no.png"),
        (("image", "at night", "-i", "x.png", "--seed", "3"), "--seed is for new images"),
        (("image", "at night", "-i", "x.png", "--width", "64"), "both sides or none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_work_is_said_at_once(hfrouter: Run, arguments: Any, said: str) -> None:
    done = hfrouter(*arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())


def test_a_file_of_lines_is_told_to_go_to_standard_input(told: Run) -> None:
    done = told("embed", "-m", "offline/embed-4", "lines.txt")
    assert (done.code, done.out) == (2, "")
    assert "hfrouter embed -m offline/embed-4 < lines.txt" in " ".join(done.err.split())
