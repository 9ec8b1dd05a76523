"""A comparison from models and prompts to figures, on both drivers."""

from __future__ import annotations

import asyncio
import pickle
from decimal import Decimal

import pytest

from shared_core import AsyncHFRouter, Budget, HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import AsyncEvaluator, Evaluator
from shared_core.evaluate.comparing.compare import compare
from shared_core.testing import SlowHead, Status, offline_router


def compared(drive, models, prompts, **how):
    return drive(lambda client: compare(client, models, prompts, how), max_retries=0)


def test_models_on_prompts_come_to_figures_ranks_and_providers(drive):
    found = compared(
        drive, ["offline/echo:groq", "offline/echo:novita", "offline/none"], ["Hello!", "Bye!"], repeats=2
    )
    groq, novita, none = found.models
    assert [one.figures.answered for one in found.models] == [4, 4, 0]
    assert groq.figures.providers == {"groq": 4}
    assert groq.figures.cost < novita.figures.cost
    assert (groq.ranks["cost"], novita.ranks["cost"], none.ranks["cost"]) == (1, 2, None)
    assert [(each.kind, each.times) for each in none.figures.failures] == [("ModelNotServed", 4)]
    assert none.figures.failures[0].hint
    assert found.cells["offline/echo:groq", "1"].answered == 2
    assert [answer.answer.text for answer in found.asked[:2]] == ["Hello!", "Hello!"]
    assert [(row["model"], row["prompt"]) for row in found.rows()][:2] == [
        ("offline/echo:groq", "1"),
        ("offline/echo:groq", "2"),
    ]


def test_costs_are_the_sum_of_what_answers_cost(drive):
    found = compared(drive, ["offline/echo:groq"], ["Hello!", "Bye!"])
    assert found.total.cost == sum(one.answer.cost.usd for one in found.asked)
    assert found.total.cost > 0


def test_a_budget_is_kept_to_and_what_it_did_not_cover_is_told(drive):
    found = compared(
        drive,
        ["offline/echo:groq"],
        ["a", "b", "c"],
        budget="0.000002",
        options={"max_tokens": 1},
        max_concurrency=1,
    )
    assert found.total.not_asked > 0
    assert found.budget is None or found.budget.spent <= Decimal("0.000002")
    assert "no budget covered" in str(found)


def test_under_a_budget_a_model_without_a_price_is_not_asked_and_the_result_says_why(drive):
    found = compared(drive, ["offline/echo:groq", "offline/echo:featherless-ai"], ["a"], budget="1")
    priced, unpriced = (one.figures for one in found.models)
    assert (priced.answered, unpriced.answered, unpriced.not_asked) == (1, 0, 1)
    assert "No price of offline/echo:featherless-ai is known" in unpriced.refusals[0].example
    assert 'unpriced="allow"' in unpriced.refusals[0].hint


def test_a_budget_may_let_models_without_a_price_pass_and_their_cost_stays_unknown(drive):
    budget = Budget(usd="1", per="total", name=f"unpriced {id(drive)}", unpriced="allow")
    found = compared(drive, ["offline/echo:featherless-ai"], ["a"], budget=budget)
    assert (found.total.answered, found.total.cost, found.total.unknown_costs) == (1, None, 1)


def test_each_run_has_a_budget_of_its_own(drive):
    spent = [compared(drive, ["offline/echo:groq"], ["a"], budget="0.01").budget for _ in range(2)]
    assert spent[0].budget != spent[1].budget
    assert spent[0].spent == spent[1].spent > 0


def test_functions_are_not_held_by_the_budget_which_is_noted(drive):
    def mine(messages, **options):
        return "mine"

    found = compared(drive, [mine, "offline/echo:groq"], ["a"], budget="0.01")
    assert found.notes == ("The budget does not hold mine: only the router's models are counted.",)
    assert found.models[0].figures.cost is None


def test_a_run_that_is_made_again_asks_nobody_and_has_the_same_figures(drive, tmp_path):
    how = {"path": tmp_path / "run.jsonl", "repeats": 2}
    first = compared(drive, ["offline/echo:groq"], ["a", "b"], **how)
    second = compared(drive, ["offline/echo:groq"], ["a", "b"], **how)
    assert (first.total.kept, second.total.kept) == (0, 4)
    assert second.total.latency == first.total.latency
    assert (second.total.cost, second.total.spent) == (first.total.cost, 0)


def test_a_catalogue_that_is_not_to_be_had_is_noted_and_stops_nobody():
    with offline_router(embedder="words") as other:
        other.queue(Status(503), times=-1, path="/v1/models")
        found = Evaluator(HFRouter(base_url=other, max_retries=0)).compare(["offline/echo:groq"], ["a"])
    assert found.notes == (
        "The server's catalogue was not to be had (Overloaded): costs go by what is known here.",
    )
    assert (found.total.answered, found.total.cost) == (1, None)


WRONG = {
    "no such argument": ({"repaets": 2}, TypeError, "repaets"),
    "no repeats": ({"repeats": 0}, ConfigError, "repeats=0"),
    "a budget that is a float": ({"budget": 0.5}, ConfigError, "not a sum of US dollars"),
    "options that are none": ({"options": [1]}, ConfigError, "options= is no mapping"),
    "a path that is none": ({"path": 3}, ConfigError, "path=3 is no path"),
    "progress that is none": ({"progress": "yes"}, ConfigError, "neither a function nor True"),
}


@pytest.mark.parametrize(("how", "kind", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_work_is_told_before_anybody_is_asked(drive, how, kind, said):
    with pytest.raises(kind, match=said):
        compared(drive, ["offline/echo"], ["a"], **how)


def test_prompts_may_stand_in_a_file(drive, tmp_path):
    (tmp_path / "p.txt").write_text("Hello!\nBye!\n")
    found = compared(drive, ["offline/echo"], tmp_path / "p.txt")
    assert [one.answer.text for one in found.asked] == ["Hello!", "Bye!"]


async def test_a_comparison_that_is_cancelled_keeps_what_was_answered(tmp_path):
    with offline_router(embedder="words") as host:
        host.queue(SlowHead(0))
        host.queue(SlowHead(60))
        async with AsyncHFRouter(base_url=host) as router:
            evaluator, path = AsyncEvaluator(router), tmp_path / "run.jsonl"
            running = asyncio.ensure_future(
                evaluator.compare(["offline/echo"], ["a", "b"], path=path, max_concurrency=1)
            )
            while not path.exists() or path.read_bytes().count(b"\n") < 2:
                await asyncio.sleep(0.001)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            found = await evaluator.compare(["offline/echo"], ["a", "b"], path=path)
    assert [(one.answer.text, one.kept) for one in found.asked] == [("a", True), ("b", False)]


def test_a_result_can_be_pickled(drive):
    found = compared(drive, ["offline/echo"], ["a"])
    assert pickle.loads(pickle.dumps(found)) == found


def test_both_evaluators_give_the_same(offline_url):
    ours = Evaluator(HFRouter(base_url=offline_url)).compare(["offline/echo:groq"], ["Hello!"])

    async def on_a_loop():
        async with AsyncHFRouter(base_url=offline_url) as router:
            return await AsyncEvaluator(router).compare(["offline/echo:groq"], ["Hello!"])

    theirs = asyncio.run(on_a_loop())
    assert [one.answer.text for one in ours.asked] == [one.answer.text for one in theirs.asked] == ["Hello!"]
    assert ours.total.cost == theirs.total.cost


def test_a_progress_function_hears_of_each_answer(drive):
    told = []
    compared(
        drive, ["offline/echo"], ["a", "b"], max_concurrency=1, progress=lambda done, total: told.append(done)
    )
    assert told == [1, 2]
