"""What a run would ask and may cost, before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import AsyncEvaluator, Evaluator
from shared_core.local.download import is_here
from shared_core.testing import OfflineRouter, offline_router
from shared_core.types import Cost, CostEstimate

PAIRS = [("Which cat?", "A cat sleeps."), ("What bread?", "The price of bread.")]


@pytest.fixture(scope="module")
def host() -> Iterator[OfflineRouter]:
    with offline_router() as url:
        yield url


@pytest.fixture
def evaluator(host: OfflineRouter) -> Iterator[Evaluator]:
    host.forget()
    with HFRouter(base_url=host, api_key="k", embedding_api="router") as router:
        yield Evaluator(router)


def asked(host: OfflineRouter) -> list[str]:
    return [request.path for request in host.requests if not request.path.endswith("/models")]


def cost(each: Any) -> Decimal:
    assert each.cost.high.usd is not None
    return each.cost.high.usd


def test_repeats_and_several_answers_are_all_counted(evaluator: Evaluator, host: OfflineRouter) -> None:
    def high(**how: Any) -> Decimal:
        options = {"max_tokens": 10, **how.pop("options", {})}
        return cost(evaluator.estimate(["offline/echo:groq"], ["Hello!"], options=options, **how).subjects[0])

    assert high(repeats=3) == high(options={"n": 3}) == 3 * high()
    assert high(options={"max_tokens": 20}) > high()
    assert high(options={"tools": [{"type": "function", "function": {"name": "a" * 100}}]}) > high()
    assert asked(host) == []


def test_functions_are_in_it_and_not_called(evaluator: Evaluator) -> None:
    def never(messages: Any) -> str:
        raise AssertionError("called")

    found = evaluator.estimate([never, "offline/echo:groq"], ["Hello!"], budget="1")
    assert [(each.where, each.calls) for each in found.subjects] == [("your code", 1), ("router", 1)]
    assert "your own code" in found.high.note
    assert any("budget does not hold never" in note for note in found.notes)


@pytest.mark.parametrize("most", [None, 10], ids=["an answer without limit", "one of ten tokens"])
def test_a_judge_reads_what_models_may_write(
    evaluator: Evaluator, host: OfflineRouter, most: int | None
) -> None:
    case = {"prompt": "a", "checks": [{"llm-rubric": "kind"}, {"llm-rubric": "short"}, {"similar": "b"}]}
    how: Any = {"judge": "offline/echo:groq", "embedder": "offline/embed-4", "repeats": 2}
    options = {} if most is None else {"max_tokens": most}
    _, judge, embedder = evaluator.estimate_cases(
        [{**case, "options": options}], ["offline/echo:groq"], **how
    ).subjects
    assert (judge.calls, embedder.calls) == (4, 3)
    least, longest = judge.cost.prompt_tokens
    assert longest - least > 4 * 10 * (most or 1000)
    assert asked(host) == []


def test_code_of_a_file_is_not_loaded_even_where_it_is_allowed(evaluator: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text('[{"prompt": "a", "checks": [{"python": "spy.py:look"}]}]')
    (tmp_path / "spy.py").write_text("raise SystemExit")
    found = evaluator.estimate_cases(tmp_path / "cases.json", ["offline/echo"], allow_python=True)
    assert found.code == ("spy.py:look",)
    with pytest.raises(ConfigError, match="allow"):
        evaluator.run_cases(tmp_path / "cases.json", ["offline/echo"])


def test_vectors_of_all_kinds_of_embedders_are_counted(evaluator: Evaluator, host: OfflineRouter) -> None:
    class Lengths:
        def embed_documents(self, texts: Any) -> Any:
            raise AssertionError("called")

        embed_query = embed_documents

    models = ["offline/embed-4", "local:nobody/has-this", Lengths(), {"model": "local:."}]
    found = evaluator.estimate_embeddings(models, PAIRS)
    assert [(each.where, each.calls, each.download) for each in found.subjects] == [
        ("router", 4, ""),
        ("this machine", 4, "nobody/has-this"),
        ("your code", 4, ""),
        ("this machine", 4, ""),
    ]
    assert asked(host) == []


async def test_event_loops_get_the_same(evaluator: Evaluator, host: OfflineRouter) -> None:
    async with AsyncHFRouter(base_url=host, api_key="k", embedding_api="router") as router:
        other = AsyncEvaluator(router)
        cases = [{"prompt": "a", "checks": [{"contains": "a"}]}]
        told = (
            (await other.estimate(["offline/echo:groq"], ["Hello!"])).as_dict(),
            (await other.estimate_cases(cases, ["offline/echo:groq"])).as_dict(),
            (await other.estimate_embeddings(["offline/embed-4"], PAIRS)).as_dict(),
        )
    assert told == (
        evaluator.estimate(["offline/echo:groq"], ["Hello!"]).as_dict(),
        evaluator.estimate_cases(cases, ["offline/echo:groq"]).as_dict(),
        evaluator.estimate_embeddings(["offline/embed-4"], PAIRS).as_dict(),
    )


def test_without_a_catalogue_what_is_known_here_counts_and_that_is_said() -> None:
    with HFRouter(base_url="http://127.0.0.1:1/v1", api_key="k", max_retries=0) as router:
        found = Evaluator(router).estimate(["offline/echo:groq"], ["Hello!"])
    assert found.high.usd is None
    assert "catalogue was not to be had" in found.notes[0]


def test_estimates_add_up_and_are_open_where_one_is() -> None:
    cent = Cost(Decimal("0.01"), "price list", "2026-11-01")
    one, other = (
        CostEstimate(cent, cent, (1, 2), (0, 3)),
        CostEstimate(cent, Cost(note="no end"), (4, 5), (0, None)),
    )
    assert one.times(3) == one.plus(one).plus(one)
    both = one.plus(other)
    assert (both.prompt_tokens, both.completion_tokens, both.low.usd) == ((5, 7), (0, None), Decimal("0.02"))
    assert both.high.note == "no end"


@pytest.mark.parametrize("model", ["", "no such/folder/here", "\0", "x" * 5000], ids=repr)
def test_what_is_neither_a_folder_nor_an_id_is_an_error(model: str) -> None:
    with pytest.raises(ConfigError):
        is_here(model)
