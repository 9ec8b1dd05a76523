"""A run: everybody is asked everything, several times, and a run that was broken off goes on where it was."""

from __future__ import annotations

import json
import threading

import pytest

from shared_core import Budget, Cost, ToolCall, Usage
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer
from shared_core.evaluate.prompts import prompts_of
from shared_core.evaluate.running import Run
from shared_core.evaluate.subjects import subjects_of

WHOLE = Answer(
    text="4",
    reasoning="2 and 2",
    tool_calls=(ToolCall("c1", "add", '{"a": 2}'),),
    finish_reason="stop",
    usage=Usage(5, 2, 7, raw={"x": 1}),
    cost=Cost(note="nobody says"),
    seconds=1.5,
    first_token_s=0.5,
    provider="groq",
    model="m",
)


def test_everybody_is_asked_everything_several_times_and_the_answers_stand_in_order(drive):
    def run(client):
        who = subjects_of(["offline/echo", lambda messages: "always this"], client, {})
        return Run(who, prompts_of(["Hello!", "Bye!"]), repeats=2, at_once=3).answers()

    asked = drive(run)
    assert [(one.subject, one.prompt, one.repeat, one.answer.text) for one in asked] == [
        ("offline/echo", "1", 0, "Hello!"),
        ("offline/echo", "1", 1, "Hello!"),
        ("<lambda>", "1", 0, "always this"),
        ("<lambda>", "1", 1, "always this"),
        ("offline/echo", "2", 0, "Bye!"),
        ("offline/echo", "2", 1, "Bye!"),
        ("<lambda>", "2", 0, "always this"),
        ("<lambda>", "2", 1, "always this"),
    ]
    ours = asked[0].answer
    assert ours.ok
    assert ours.usage.completion_tokens == 2
    assert 0 < ours.first_token_s <= ours.seconds


def test_a_failure_is_an_answer_too_and_the_others_go_on(drive):
    def fails(messages):
        raise LookupError("it is\nnot there")

    def run(client):
        who = subjects_of(["offline/none", fails, "offline/echo"], client, {})
        return Run(who, prompts_of(["Hello!"]), repeats=1, at_once=2).answers()

    gone, raised, fine = (one.answer for one in drive(run, max_retries=0))
    assert (gone.ok, gone.error) == (False, "ModelNotServed")
    assert "\n" not in gone.why
    assert (raised.error, raised.why) == ("LookupError", "it is not there")
    assert fine.ok


def test_a_run_that_is_made_again_asks_only_for_what_is_missing(drive, tmp_path):
    path, calls = tmp_path / "run.jsonl", []

    def fickle(messages):
        calls.append(messages[-1]["content"])
        if len(calls) == 2:
            raise OSError("for once")
        return f"answer {len(calls)}"

    def run(client):
        return Run(subjects_of([fickle], client, {}), prompts_of(["a", "b", "c"]), 1, 1, path).answers()

    first = drive(run)
    assert [one.answer.ok for one in first] == [True, False, True]
    second = drive(run)
    assert calls == ["a", "b", "c", "b"]
    assert [one.answer.text for one in second] == ["answer 1", "answer 4", "answer 3"]
    assert [one.kept for one in second] == [True, False, True]


def test_repeats_are_kept_apart_and_more_of_them_ask_only_the_rest(drive, tmp_path):
    calls = []

    def count(messages):
        calls.append(1)
        return str(len(calls))

    def run(repeats):
        return lambda client: Run(
            subjects_of([count], client, {}), prompts_of(["a"]), repeats, 1, tmp_path / "r.jsonl"
        ).answers()

    assert [one.answer.text for one in drive(run(2))] == ["1", "2"]
    assert [one.answer.text for one in drive(run(3))] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "other",
    [{"temperature": 0.5}, {"max_tokens": 9}],
    ids=["another temperature", "another length"],
)
def test_what_is_asked_in_another_way_is_asked_anew(drive, tmp_path, other):
    def run(options):
        return lambda client: Run(
            subjects_of(["offline/echo"], client, options), prompts_of(["a"]), 1, 1, tmp_path / "r.jsonl"
        ).answers()

    assert [one.kept for one in drive(run({}))] == [False]
    assert [one.kept for one in drive(run(other))] == [False]
    assert [one.kept for one in drive(run({}))] == [True]


def test_options_in_another_order_are_the_same_options(drive, tmp_path):
    def run(options, own):
        prompts = [{"prompt": "a", "options": own}]
        return lambda client: Run(
            subjects_of(["offline/echo"], client, options), prompts_of(prompts), 1, 1, tmp_path / "r.jsonl"
        ).answers()

    one, other = {"seed": 1, "top_p": 0.5}, {"top_p": 0.5, "seed": 1}
    assert [one.kept for one in drive(run(one, other))] == [False]
    assert [one.kept for one in drive(run(other, one))] == [True]


def test_what_the_budget_does_not_cover_is_not_asked_and_comes_with_the_next_budget(drive, tmp_path):
    def run(requests, name):
        def make(client):
            bound = client.within(Budget(requests=requests, per="total", name=name))
            who = subjects_of(["offline/echo"], bound, {})
            return Run(who, prompts_of(["a", "b", "c"]), 1, 1, tmp_path / "r.jsonl").answers()

        return make

    first = drive(run(2, str(tmp_path / "1")))
    assert [one.answer.asked for one in first] == [True, True, False]
    assert [one.kept for one in drive(run(2, str(tmp_path / "2")))] == [True, True, False]


def test_progress_is_told_after_each_answer(drive):
    told, lock = [], threading.Lock()

    def note(done, total):
        with lock:
            told.append((done, total))

    def run(client):
        who = subjects_of(["offline/echo"], client, {})
        return Run(who, prompts_of(["a", "b"]), 2, 4, progress=note).answers()

    drive(run)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_run_that_is_interrupted_keeps_what_was_answered(drive, tmp_path):
    def stops(messages):
        if messages[-1]["content"] == "b":
            raise KeyboardInterrupt
        return "done"

    def run(client):
        return Run(subjects_of([stops], client, {}), prompts_of(["a", "b"]), 1, 1, tmp_path / "r").answers()

    with pytest.raises(KeyboardInterrupt):
        drive(run)
    assert len((tmp_path / "r").read_text().splitlines()) == 2


def test_an_answer_survives_its_file():
    assert Answer.from_dict(json.loads(json.dumps(WHOLE.to_dict()))) == WHOLE


def test_tokens_a_second_are_those_after_the_first_token():
    assert WHOLE.tokens_per_s == 1.0
    assert Answer(text="no usage", seconds=1.0, first_token_s=0.1).tokens_per_s is None


@pytest.mark.parametrize(
    ("models", "said"),
    {
        "none": ([], "no models"),
        "a text in place of a list": ("org/name", "no models"),
        "one twice": (["a/b", "a/b"], "'a/b' is there twice"),
        "what cannot be asked": ([object()], "A object cannot be asked"),
    }.values(),
    ids=["none", "a text in place of a list", "one twice", "what cannot be asked"],
)
def test_models_that_cannot_be_asked_are_refused_before_anybody_is(models, said, drive):
    with pytest.raises(ConfigError, match=said):
        drive(lambda client: Run(subjects_of(models, client, {}), prompts_of(["a"]), 1, 1).answers())


def test_what_calls_in_flight_held_the_money_for_is_asked_when_they_are_done(drive):
    def run(client):
        # Each sets aside some 250 tokens and takes 5: two fit at once, and all of them one after another.
        bound = client.within(Budget(tokens=600, per="total", name=f"in flight {id(client)}"))
        who = subjects_of(["offline/echo"], bound, {"max_tokens": 100})
        return Run(who, prompts_of(["a", "b", "c", "d"]), 1, 4).answers()

    assert [one.answer.text for one in drive(run)] == ["a", "b", "c", "d"]
