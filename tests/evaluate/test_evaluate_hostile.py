"""What a stranger wrote into cases, answers and kept runs: refused, or one failure, and nothing else breaks."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, AsyncEvaluator, Cases, Evaluator
from shared_core.evaluate.cases.checks import check_of
from shared_core.testing import Status, offline_router
from shared_core.types import Cost, ToolCall, Usage

MODEL = "offline/echo:groq"
CASE = {"prompt": "Paris", "checks": [{"contains": "Paris"}]}


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with offline_router() as url, HFRouter(base_url=url, api_key="hf_of_the_tester") as router:
        yield Evaluator(router)


def case_with(**more: Any) -> dict[str, Any]:
    return {**CASE, **more}


# -- files of cases ----------------------------------------------------------------------------------------------


def bomb(checks: str) -> str:
    """Ten lines that stand for three thousand million values."""
    lines = ["cases:", "- prompt: hi", "  options:", "    a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [
        f"    {name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdefghij")
    ]
    return "\n".join([*lines, f"  checks: [{checks}]"])


@pytest.mark.parametrize(
    "checks",
    [
        "{contains: a}",
        "{json-schema: {enum: *j}}",
        "{contains: *j}",
        "*j",
        "{tool-call: {name: a, arguments: {b: *j}}}",
    ],
)
def test_a_few_aliases_that_stand_for_more_than_a_memory_holds_are_refused(
    tmp_path: Path, checks: str
) -> None:
    (path := tmp_path / "cases.yaml").write_text(bomb(checks))
    with pytest.raises(ConfigError, match="written out"):
        Cases.of(path)


def test_an_alias_that_holds_itself_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "cases.yaml").write_text(
        "cases:\n- prompt: hi\n  options: &o {x: *o}\n  checks: [{contains: a}]"
    )
    with pytest.raises(ConfigError, match="round in circles"):
        Cases.of(path)


def test_what_many_cases_share_by_an_alias_is_read(tmp_path: Path) -> None:
    shared = "".join(f"- prompt: hi\n  name: n{number}\n  checks: *c\n" for number in range(200))
    (path := tmp_path / "cases.yaml").write_text(
        f"checks: &c [{{contains: a}}, {{max-latency: 9}}]\ncases:\n{shared}"
    )
    assert len(Cases.of(path).cases[199].checks) == 4


REFUSED: dict[str, Any] = {
    "a check with words of two kinds": [{"prompt": "a", "checks": [{"type": "similar", "value": "a", 1: 2, "b": 3}]}],
    "options by numbers": [case_with(options={1: 2})],
    "a pattern that is too large": [{"prompt": "a", "checks": [{"regex": "a{99999999999}"}]}],
    "a schema of a list of schemas": [{"prompt": "a", "checks": [{"json-schema": {"$schema": [1]}}]}],
    "a schema of a mapping of schemas": [{"prompt": "a", "checks": [{"json-schema": {"$schema": {"a": 1}}}]}],
    "a sum of a million digits": [{"prompt": "a", "checks": [{"max-cost": "1e-999999"}]}],
    "a time of a million digits": [{"prompt": "a", "checks": [{"max-latency": "1e999999"}]}],
    "a word that only promptfoo's files are read with": {"cases": [CASE], "notes": ["trust me"]},
    "promptfoo's variables in a list": {
        "prompts": ["a"],
        "tests": [{"vars": [1], "assert": [{"type": "equals", "value": "a"}]}],
    },
    "promptfoo's variables in a file": {
        "prompts": ["a"],
        "defaultTest": {"vars": "file://vars.yaml"},
        "tests": [{"assert": [{"type": "equals", "value": "a"}]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("told", REFUSED.values(), ids=REFUSED.keys())
def test_cases_that_cannot_work_are_refused_in_words(told: Any) -> None:
    with pytest.raises(ConfigError):
        Cases.of(told)


def test_promptfoos_files_are_read_whatever_stands_beside_what_is_read() -> None:
    told = {
        "prompts": ["a"],
        "providers": [{"id": "x", "config": [1]}],
        "evaluateOptions": "repeat",
        "tests": [{"assert": [{"type": "equals", "value": "a", 1: 2, "b": 3}]}],
    }
    assert len(Cases.of(told).notes) == 2


def test_prompts_with_words_of_two_kinds_are_refused(evaluator: Evaluator) -> None:
    with pytest.raises(ConfigError, match="has '1'"):
        evaluator.compare([MODEL], [{"prompt": "a", 1: 2, "b": 3}])


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a file"])
@pytest.mark.parametrize(
    "value", [date(2026, 11, 27), math.nan, "\ud800"], ids=["a date", "nan", "half a character"]
)
def test_what_cannot_be_sent_is_one_failure_with_a_file_and_without(
    evaluator: Evaluator, tmp_path: Path, value: Any, kept: bool
) -> None:
    cases = [case_with(name="good"), case_with(name="bad", options={"stop": value})]
    results = evaluator.run_cases(cases, [MODEL], path=tmp_path / "run.jsonl" if kept else None)
    assert [result.outcome for result in results.results] == ["passed", "error"]


# -- answers -----------------------------------------------------------------------------------------------------


def said(schema: Any, text: str) -> tuple[bool | None, str]:
    verdict = check_of({"json-schema": schema}).judge(Answer(text))
    return verdict.passed, verdict.why


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400])
def test_a_number_beyond_arithmetic_fails_a_schema_and_not_the_run(number: str) -> None:
    assert said({"multipleOf": 0.1}, number) == (
        False,
        "holds a number that is too large to be computed with",
    )


@pytest.mark.parametrize("pointer", ["#/a/x", "#/a/0"])
def test_a_schema_that_leads_to_what_is_none_tells_nothing(pointer: str) -> None:
    passed, why = said({"a": [1], "$ref": pointer}, "{}")
    assert passed is None
    assert why


UNSOUND: dict[str, dict[str, Any]] = {
    "no text": {"text": None},
    "no time": {"seconds": math.nan},
    "endless": {"seconds": math.inf},
    "before it was asked": {"seconds": -1.0},
    "a truth as a time": {"seconds": True},
    "begun at no time": {"first_token_s": math.nan},
    "a cost that is no number": {"cost": Cost(Decimal("NaN"), "reported")},
    "a cost that signals": {"cost": Cost(Decimal("sNaN"), "reported")},
    "an endless cost": {"cost": Cost(Decimal("Infinity"), "reported")},
    "a cost below nothing": {"cost": Cost(Decimal(-1), "reported")},
    "a cost of too many digits": {"cost": Cost(Decimal("1e-9999"), "reported")},
    "a float as a cost": {"cost": Cost(0.1, "reported")},  # type: ignore[arg-type]
    "no cost": {"cost": None},
    "a list as its end": {"finish_reason": ["stop"]},
    "a mapping as provider": {"provider": {"name": "a"}},
    "tokens that nobody counted": {"usage": Usage(1, None, 1)},  # type: ignore[arg-type]
    "more tokens than there are": {"usage": Usage(10**400, 1, 1), "first_token_s": 0.1},
    "a call of no name": {"tool_calls": (ToolCall("1", None, "{}"),)},  # type: ignore[arg-type]
}


@pytest.mark.parametrize("parts", UNSOUND.values(), ids=UNSOUND.keys())
def test_an_answer_that_no_sum_could_hold_is_a_failure_of_who_gave_it(
    evaluator: Evaluator, parts: dict[str, Any]
) -> None:
    def odd(messages: Any) -> Answer:
        return Answer(**{"text": "a", "seconds": 1.0, **parts})

    result = evaluator.compare([odd, MODEL], ["Paris"])
    assert [one.answer.error for one in result.asked] == ["ConfigError", ""]
    assert result._repr_html_()


def test_tokens_that_a_provider_cannot_have_counted_are_not_known() -> None:
    said = {"choices": [{"message": {"content": "a"}}], "usage": {"completion_tokens": 10**400}}
    with offline_router() as url, HFRouter(base_url=url) as router:
        url.queue(Status(200, said), path="/v1/chat/completions")
        (one,) = Evaluator(router).compare(["offline/echo"], ["Paris"]).asked
    assert (one.answer.text, one.answer.usage) == ("a", None)


@pytest.mark.parametrize("on_a_loop", [False, True], ids=["threads", "event loop"])
def test_a_function_whose_own_loop_was_cancelled_has_failed_and_the_others_go_on(
    evaluator: Evaluator, on_a_loop: bool
) -> None:
    def cancelled(messages: Any) -> str:
        raise asyncio.CancelledError

    async def run() -> Any:
        async with AsyncHFRouter(base_url=evaluator.router.base_url) as router:
            return await AsyncEvaluator(router).compare([cancelled, MODEL], ["Paris"])

    result = asyncio.run(run()) if on_a_loop else evaluator.compare([cancelled, MODEL], ["Paris"])
    assert [one.answer.error for one in result.asked] == ["CancelledError", ""]


# -- runs that were kept -----------------------------------------------------------------------------------------


def without_usage(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name != "usage"}


TAMPERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda reply: [1],
    "nothing": lambda reply: None,
    "a part is missing": without_usage,
    "a part too many": lambda reply: {**reply, "x": 1},
    "a time in words": lambda reply: {**reply, "seconds": "x"},
    "no time": lambda reply: {**reply, "seconds": math.nan},
    "a cost in words": lambda reply: {**reply, "cost": {"usd": "x"}},
    "a cost in a list": lambda reply: {**reply, "cost": [1]},
    "tokens": lambda reply: {**reply, "usage": 3},
    "a number as text": lambda reply: {**reply, "text": 3},
    "calls of nothing": lambda reply: {**reply, "tool_calls": [{"a": 1}]},
    "another class": lambda reply: {"@": "ChatReply"},
    "no class of ours": lambda reply: {"@": "os.system"},
    "a failure": lambda reply: {**reply, "error": "BudgetExceeded"},
    "a provider in a list": lambda reply: {**reply, "provider": ["x"]},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_kept_answer_that_is_none_is_asked_again(
    evaluator: Evaluator, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "run.jsonl"
    evaluator.compare([MODEL], ["Paris"], path=path)
    head, line = path.read_text().splitlines()
    kept = json.loads(line)
    path.write_text(f"{head}\n{json.dumps({'key': kept['key'], 'reply': change(kept['reply'])})}\n")
    again, then = (evaluator.compare([MODEL], ["Paris"], path=path).asked[0] for _ in range(2))
    assert (again.kept, again.answer.text, then.kept) == (False, "Paris", True)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
def test_a_file_without_an_end_is_no_file_of_a_run(evaluator: Evaluator) -> None:
    with pytest.raises(ConfigError, match="is no file of a batch"):
        evaluator.compare([MODEL], ["Paris"], path="/dev/zero")
