"""Many mixed calls at once: in order, side by side, under all policies, kept in a file, taken up again."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, errors
from shared_core.client.batch import BatchReplies
from shared_core.client.batch_requests import TASKS
from shared_core.client.progress import Bar
from shared_core.client.stored_replies import to_json
from shared_core.testing import SlowHead, Stall, Status
from shared_core.testing.studio.made import Order, make

CHAT = "/v1/chat/completions"


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def settings(offline_url: Any) -> dict[str, Any]:
    return {
        "base_url": str(offline_url),
        "api_key": "k",
        "hub_url": str(offline_url).removesuffix("/v1"),
        "embedding_api": "router",
        "max_retries": 0,
        "timeout": 20,
    }


Run = Callable[..., BatchReplies]


@pytest.fixture(params=["sync", "async", "async, aiohttp"])
def run(request: Any, settings: dict[str, Any]) -> Run:
    """Runs a batch with either client."""

    def go(requests: Any, *, model: str = "offline/echo", client: Any = None, **options: Any) -> BatchReplies:
        own = {**settings, **(client or {})}
        if request.param == "sync":
            return HFRouter(model, **own).batch(requests, **options)

        async def alone() -> BatchReplies:
            transport = "aiohttp" if "aiohttp" in request.param else "httpx2"
            async with AsyncHFRouter(model, transport=transport, **own) as router:
                return await router.batch(requests, **options)

        return asyncio.run(alone())

    return go


PICTURE = make(Order("text-to-image", "a green frog", 64, 64, form="PNG")).data
SOUND = make(Order("text-to-speech", "Hello you")).data
TABLE = {"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}


@pytest.fixture
def mixed() -> list[dict[str, Any]]:
    """Chats, vectors and a picture."""
    return [
        say("one"),
        {"task": "chat", **say("two"), "model": "offline/echo", "max_tokens": 5},
        {"task": "embed", "texts": ["a", "b"], "model": "offline/embed-16"},
        {"task": "text-to-image", "prompt": "a boat", "model": "offline/painter:fal-ai"},
    ]


EVERY = {
    "text_to_image": {"prompt": "a boat", "model": "offline/painter:fal-ai"},
    "image_to_image": {"image": PICTURE, "prompt": "bluer", "model": "offline/editor:fal-ai"},
    "text_to_speech": {"text": "Hello", "model": "offline/speaker:fal-ai"},
    "text_to_audio": {"prompt": "a flute", "model": "offline/musician:fal-ai"},
    "text_to_video": {"prompt": "a boat", "model": "offline/animator:fal-ai"},
    "transcribe": {"audio": SOUND, "model": "offline/listener:fal-ai"},
    "text_generation": {"prompt": "Paris is", "model": "offline/writer:featherless-ai"},
    "ask_image": {"image": PICTURE, "question": "What is it?", "model": "offline/echo"},
    "text_classification": {"text": "I love it"},
    "zero_shot_classification": {"text": "a late parcel", "candidate_labels": ["refund", "faq"]},
    "token_classification": {"text": "Ada in Paris"},
    "question_answering": {"question": "Who wrote it?", "context": "Ada wrote it."},
    "table_question_answering": {"query": "How many stars?", "table": TABLE},
    "summarization": {"text": "A long text. It goes on."},
    "fill_mask": {"text": "Paris is the [MASK] of France."},
    "sentence_similarity": {"sentence": "a", "other_sentences": ["a", "b"]},
    "image_classification": {"image": PICTURE},
    "object_detection": {"image": PICTURE},
    "image_segmentation": {"image": PICTURE, "model": "offline/segmenter:fal-ai"},
    "image_to_text": {"image": PICTURE},
    "visual_question_answering": {"image": PICTURE, "question": "What is it?"},
    "tabular_regression": {"table": TABLE},
    "audio_to_audio": {"audio": SOUND},
}
"""A request for tasks of each kind of reply."""


@pytest.mark.parametrize("task", EVERY)
def test_the_reply_of_every_task_comes_back_from_the_file_as_it_was(
    settings: dict[str, Any], tmp_path: Path, task: str
) -> None:
    request = {"task": task, "model": f"offline/{task.replace('_', '-')}", **EVERY[task]}
    router = HFRouter(**settings)
    (fresh,) = router.batch([request])
    assert not isinstance(fresh, errors.RouterError), fresh
    router.batch([request], path=tmp_path / "a")
    again = router.batch([request], path=tmp_path / "a")
    assert again.sent == 0
    kept = to_json(again[0], lambda name, data: None)
    fresh = to_json(fresh, lambda name, data: None)
    for form in (kept, fresh):
        form.pop("meta")
        for name in ("raw", "id", "created", "job"):  # of this one request
            form.pop(name, None)
    assert kept == fresh


def test_mixed_requests_are_answered_in_their_order(run: Run, mixed: Any) -> None:
    chat, other, vectors, picture = run(mixed)
    assert (chat.text, other.text) == ("one", "two")
    assert vectors.vectors.shape == (2, 16)
    assert picture.files[0].kind == "image"


def test_a_failure_stands_in_its_place_and_the_others_are_answered(run: Run, offline_url: Any) -> None:
    offline_url.queue(Status(500), match="offline/tools")
    bad = [
        say("no", model="offline/tools"),
        say("one"),
        {"task": "chart", "messages": []},
        "no request",
        {"task": "embed", "text": ["a"]},
        {"task": "embed", "texts": ["a"], "modle": "x"},
        say("two", temprature=1),
        {},
        say("three"),
    ]
    replies = run(bad)
    assert [replies[place].text for place in (1, 8)] == ["one", "three"]
    assert replies.failed == [0, 2, 3, 4, 5, 6, 7]
    assert isinstance(replies[0], errors.ProviderFailed)
    assert all(isinstance(replies[place], ConfigError) for place in replies.failed[1:])
    assert "Did you mean 'chat'" in str(replies[2])
    assert "missing a required argument: 'texts'" in str(replies[4])
    assert repr(replies) == "BatchReplies(9 replies, 7 failed, 6 sent)"


@pytest.mark.parametrize("bad", [say("no", model="offline/none"), {"task": "none"}], ids=["sent", "unsent"])
def test_the_first_failure_ends_it_where_that_is_wished(run: Run, bad: Any) -> None:
    with pytest.raises(errors.RouterError) as caught:
        run([say("one"), bad, *(say(str(n)) for n in range(50))], stop_on_error=True, max_concurrency=1)
    assert "request 1 of the batch" in caught.value.__notes__[-1]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_are_under_way_than_was_asked_for(run: Run, offline_url: Any, most: int) -> None:
    offline_url.queue(SlowHead(0.02), path=CHAT, times=-1)
    assert len(run([say(str(n)) for n in range(9)], max_concurrency=most)) == 9
    assert offline_url.in_flight_max == most


def test_requests_are_taken_as_their_turn_comes(run: Run, offline_url: Any) -> None:
    ahead: list[int] = []

    def made() -> Iterator[dict[str, Any]]:
        for n in range(20):
            ahead.append(n - len(offline_url.requests))
            yield say(str(n))

    replies = run(made(), max_concurrency=2)
    assert [reply.text for reply in replies] == [str(n) for n in range(20)]
    assert max(ahead) <= 2


def test_what_the_requests_are_made_by_may_fail(run: Run) -> None:
    def made() -> Iterator[dict[str, Any]]:
        yield say("one")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        run(made())


def test_an_empty_batch_asks_nobody(run: Run, offline_url: Any, tmp_path: Path) -> None:
    assert list(run([])) == []
    assert list(run(iter(()), path=tmp_path / "a.jsonl")) == []
    assert not offline_url.requests


def test_retries_tags_and_hooks_of_the_client_count_for_each(run: Run, offline_url: Any) -> None:
    told: list[Any] = []
    offline_url.queue(Status(503), path=CHAT, times=2)
    client = {"max_retries": 2, "hooks": [told.append], "usage_tags": {"user": "ada"}}
    assert not run([say(str(n)) for n in range(4)], client=client).failed
    assert len(offline_url.requests) == 6
    assert len({event.call_id for event in told if hasattr(event, "call_id")} or told) >= 4


def test_progress_is_told_after_each(run: Run) -> None:
    told: list[Any] = []
    run([say("1"), {"task": "none"}, say("2")], progress=lambda *seen: told.append(seen))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    run(iter([say("1")]), progress=lambda *seen: told.append(seen))
    assert told == [(1, None), (1, 1)]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_total_the_bar_is_a_count() -> None:
    screen = Screen()
    bar = Bar(screen, clock=iter([0.0, 2.0, 3.0]).__next__, of="requests")
    bar(50, None)
    bar(60, 60)
    assert "50 requests, 25/s" in screen.getvalue()
    assert screen.getvalue().endswith("60/60 requests, 20/s\n")


WRONG: list[dict[str, Any]] = [
    {"requests": say("one")},
    {"requests": "one"},
    {"requests": 3},
    {"requests": [], "max_concurrency": 0},
    {"requests": [], "path": 3},
    {"requests": [], "progress": "yes"},
]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_an_argument_that_cannot_work_is_told_at_once(run: Run, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        run(**arguments)


def test_every_task_of_the_client_can_stand_in_a_batch() -> None:
    assert {"chat", "embed", "rerank", "text_to_video", "transcribe", "translation", "ask_image"} <= TASKS
    assert all(hasattr(HFRouter, name) and hasattr(AsyncHFRouter, name) for name in TASKS)
    assert not TASKS & {"stream", "batch", "submit", "resume", "cancel", "models", "base_url"}


# -- kept in a file -------------------------------------------------------------------------------------------------


def equal(kept: Any, fresh: Any) -> bool:
    """Whether a reply is the same but for the time it took and its request's id."""
    if hasattr(fresh, "vectors"):
        return np.array_equal(kept.vectors, fresh.vectors) and kept.usage == fresh.usage
    if hasattr(fresh, "files"):
        return [file.data for file in kept.files] == [file.data for file in fresh.files]
    return bool(
        kept.choices == fresh.choices and kept.usage == fresh.usage and kept.meta.cost == fresh.meta.cost
    )


def test_what_was_answered_is_not_asked_again(run: Run, offline_url: Any, tmp_path: Path, mixed: Any) -> None:
    file = tmp_path / "new folder" / "a.jsonl"
    fresh, kept = run(mixed), run(mixed, path=file)
    sent = len(offline_url.requests)
    again = run(mixed, path=file)
    assert (kept.sent, again.sent, len(offline_url.requests)) == (4, 0, sent)
    for replies in (kept, again, pickle.loads(pickle.dumps(again))):
        assert all(map(equal, replies, fresh))
    assert kept[0] == again[0]
    assert type(again[0]) is type(fresh[0])
    assert again[0].raw == kept[0].raw
    assert file.stat().st_mode & 0o077 == 0


def test_what_failed_is_asked_again(run: Run, offline_url: Any, tmp_path: Path) -> None:
    offline_url.queue(Status(500), path=CHAT)
    wanted = [say("one"), say("two")]
    assert run(wanted, path=tmp_path / "a", max_concurrency=1).failed == [0]
    again = run(wanted, path=tmp_path / "a")
    assert ([reply.text for reply in again], again.sent) == (["one", "two"], 1)


def test_an_answer_is_known_wherever_it_stands_and_equal_requests_have_one_each(
    run: Run, tmp_path: Path, offline_url: Any
) -> None:
    run([say("one"), say("two"), say("two")], path=tmp_path / "a")
    assert len(offline_url.requests) == 3
    again = run([say("two"), say("new"), say("two"), say("one"), say("two")], path=tmp_path / "a")
    assert [reply.text for reply in again] == ["two", "new", "two", "one", "two"]
    assert again.sent == 2


OTHERS: dict[str, dict[str, Any]] = {
    "another model of the client": {"model": "offline/tools"},
    "another body": {"client": {"extra_body": {"a": 1}}},
    "another address": {"client": {"base_url": "http://127.0.0.1:9/v1"}},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_an_answer_of_another_is_not_taken(run: Run, tmp_path: Path, other: dict[str, Any]) -> None:
    run([say("one")], path=tmp_path / "a")
    assert run([say("one")], path=tmp_path / "a", **other).sent == 1
    assert run([say("one", timeout=5, usage_tags={"a": "b"})], path=tmp_path / "a").sent == 0


TORN = {
    "half a line": lambda data: data + b'{"key":"12',
    "a line without its end": lambda data: data[:-1],
    "nothing but half a head": lambda data: data[:10],
    "nothing": lambda data: b"",
    "a line that is no JSON": lambda data: data + b"\x00\x00\x00\n",
    "a line that is no answer": lambda data: data + b'{"a": 1}\n[]\n',
}


@pytest.mark.parametrize("tear", TORN.values(), ids=TORN.keys())
def test_a_file_that_a_crash_left_behind_is_taken_up(run: Run, tmp_path: Path, tear: Any) -> None:
    file = tmp_path / "a"
    run([say("one"), say("two")], path=file)
    file.write_bytes(tear(file.read_bytes()))
    wanted = [say("one"), say("two"), say("three")]
    assert [reply.text for reply in run(wanted, path=file)] == ["one", "two", "three"]
    again = run(wanted, path=file)
    assert (again.sent, [reply.text for reply in again]) == (0, ["one", "two", "three"])


def test_a_file_that_is_something_else_is_left_alone(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("my notes\nare precious\n")
    with pytest.raises(ConfigError, match="no file of a batch"):
        run([say("one")], path=file)
    assert file.read_text() == "my notes\nare precious\n"
    with pytest.raises(ConfigError, match="cannot be used"):
        run([say("one")], path=tmp_path)


def test_two_runs_do_not_share_a_file(run: Run, tmp_path: Path) -> None:
    def second() -> Iterator[dict[str, Any]]:
        with pytest.raises(ConfigError, match="Another batch"):
            HFRouter("offline/echo").batch([say("one")], path=tmp_path / "a")
        yield say("one")

    assert not run(second(), path=tmp_path / "a").failed
    assert run([say("one")], path=tmp_path / "a").sent == 0


def test_a_request_that_cannot_be_known_again_is_told(run: Run, tmp_path: Path) -> None:
    replies = run([{"task": "embed", "texts": iter(["a"]), "model": "offline/embed-16"}], path=tmp_path / "a")
    assert "could not recognise" in str(replies[0])


def test_pictures_that_are_gone_are_made_again(run: Run, tmp_path: Path, mixed: Any) -> None:
    picture = [mixed[3]]
    kept = run(picture, path=tmp_path / "a")[0]
    (made,) = (tmp_path / "a.media").iterdir()
    assert kept.path == made
    made.unlink()
    again = run(picture, path=tmp_path / "a")
    assert again.sent == 1
    assert again[0].width == kept.width


def test_equal_pictures_that_come_at_once_and_go_to_a_folder_are_kept(
    run: Run, tmp_path: Path, mixed: Any, offline_url: Any
) -> None:
    wanted = [{**mixed[3], "seed": 1, "to": tmp_path / f"made{n}"} for n in range(6)]
    assert not run(wanted, path=tmp_path / "a").failed
    again = run(wanted, path=tmp_path / "a")
    assert (again.sent, len({reply.data for reply in again})) == (0, 1)
    assert len(list((tmp_path / "a.media").iterdir())) == 1


def test_a_file_leads_nowhere_else(run: Run, tmp_path: Path, mixed: Any) -> None:
    (tmp_path / "secret").write_text("s")
    run([mixed[3]], path=tmp_path / "a")
    head, line = (tmp_path / "a").read_bytes().splitlines(keepends=True)
    held = json.loads(line)
    held["reply"]["files"]["of"][0]["of"] = "../secret"
    (tmp_path / "a").write_bytes(head + json.dumps(held).encode() + b"\n")
    assert run([mixed[3]], path=tmp_path / "a").sent == 1


def test_a_full_disk_ends_the_run_and_harms_nothing(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    import os

    file = tmp_path / "a"
    run([say("one")], path=file)
    before = file.read_bytes()
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if bytes(data).startswith(b'{"key"') and len(data) > 20:
            write(descriptor, data[:20])
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("shared_core.client.batch_file.os.write", full)
    with pytest.raises(ConfigError, match="No space left"):
        run([say("one"), say("two")], path=file)
    assert file.read_bytes() == before
    monkeypatch.undo()
    assert run([say("one"), say("two")], path=file).sent == 1


async def test_a_batch_that_is_cancelled_keeps_what_was_answered_and_lets_go_of_the_file(
    settings: dict[str, Any], offline_url: Any, tmp_path: Path
) -> None:
    offline_url.queue(Stall(None), match="offline/tools")
    wanted = [say("one"), say("two"), say("never", model="offline/tools")]
    async with AsyncHFRouter("offline/echo", **settings) as router:
        told = asyncio.Event()
        running = asyncio.create_task(
            router.batch(wanted, path=tmp_path / "a", progress=lambda done, _: done == 2 and told.set())
        )
        await told.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await asyncio.to_thread(offline_url.wait_idle)
        again = await router.batch(wanted, path=tmp_path / "a")
    assert (again.sent, again.failed) == (1, [])


def test_the_replies_say_what_they_cost_together(run: Run, tmp_path: Path) -> None:
    prices = {"offline/echo": {"input": "1", "output": "2"}}
    replies = run([say("one two")] * 3, client={"prices": prices}, path=tmp_path / "a")
    assert replies.cost.usd == 3 * replies[0].meta.cost.usd
