"""Functions and objects of the user's own, as models, checks and embedders: what they raise or give ends no run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import AsyncEvaluator, Evaluator, FunctionSubject
from shared_core.evaluate.cases.checks import check_of
from shared_core.testing import offline_router

MODEL = "offline/echo:groq"

RAISED = {
    "an error": ValueError("no"),
    "the end of an iterator": StopIteration("no"),
    "its own cancelled task": asyncio.CancelledError("no"),
    "its own time limit": TimeoutError("no"),
}

Evaluate = Callable[..., Any]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with offline_router() as url:
        yield url


@pytest.fixture(params=["threads", "event loop"])
def evaluate(request: pytest.FixtureRequest, url: str) -> Evaluate:
    """Calls a method of either kind of evaluator."""

    def call(method: str, *arguments: Any, **options: Any) -> Any:
        if request.param == "threads":
            return getattr(Evaluator(HFRouter(base_url=url)), method)(*arguments, **options)

        async def run() -> Any:
            async with AsyncHFRouter(base_url=url) as router:
                return await getattr(AsyncEvaluator(router), method)(*arguments, **options)

        return asyncio.run(run())

    return call


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: Any, **__: Any) -> Any:
        raise error

    return function


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED.keys())
def test_what_a_check_raises_is_no_verdict_and_the_others_go_on(
    evaluate: Evaluate, error: BaseException
) -> None:
    cases = [{"prompt": "a", "checks": [raising(error)]}, {"prompt": "b", "checks": [{"contains": "b"}]}]
    first, second = evaluate("run_cases", cases, [MODEL]).results
    assert (first.outcome, second.outcome) == ("error", "passed")
    assert first.reasons == [f"python: function: the check raised {type(error).__name__}: no"]


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED.keys())
def test_what_an_embedder_raises_is_no_verdict(evaluate: Evaluate, error: BaseException) -> None:
    cases = [{"prompt": "a", "checks": [{"similar": "b"}]}]
    (result,) = evaluate("run_cases", cases, [MODEL], embedder=raising(error)).results
    assert result.outcome == "error"
    assert f"the embedder failed: {type(error).__name__}: no" in result.reasons[0]


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED.keys())
def test_a_model_that_raises_has_failed_and_the_others_go_on(
    evaluate: Evaluate, error: BaseException
) -> None:
    first, second = evaluate("compare", [raising(error), MODEL], ["a"]).models
    assert [each.kind for each in first.figures.failures] == [type(error).__name__]
    assert second.figures.answered == 1


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED.keys())
def test_an_embedding_model_that_raises_has_failed_and_the_others_go_on(
    evaluate: Evaluate, error: BaseException
) -> None:
    class Broken:
        embed_documents = embed_query = staticmethod(raising(error))

    class Fine:
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, len(text)] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return [1.0, len(text)]

    fine, broken = evaluate("compare_embeddings", [Broken(), Fine()], [("a", "b")]).models
    assert (fine.name, fine.ok) == ("Fine", True)
    assert (broken.name, broken.why) == ("Broken", f"{type(error).__name__}: no")


async def later(*_: Any, **__: Any) -> str:
    return "yes"


def test_an_async_function_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match=r"asyncio\.run\(later\("):
        FunctionSubject(later)
    with pytest.raises(ConfigError, match="async function"):
        check_of(later)
    with pytest.raises(ConfigError, match="async function"):
        check_of({"python": later})


@pytest.mark.parametrize(("said", "passed"), [(np.True_, True), (np.False_, False), (1, None), ("yes", None)])
def test_a_check_may_give_a_bool_of_numpys(evaluate: Evaluate, said: Any, passed: bool | None) -> None:
    cases = [{"prompt": "a", "checks": [lambda _: said]}]
    (result,) = evaluate("run_cases", cases, [MODEL]).results
    assert result.runs[0].verdicts[0].passed is passed


@pytest.mark.parametrize("models", [5, None, {"name": MODEL}, MODEL, []], ids=repr)
def test_models_that_are_no_list_are_refused(evaluate: Evaluate, models: Any) -> None:
    with pytest.raises(ConfigError, match="no models to ask"):
        evaluate("compare", models, ["a"])


def test_options_that_a_function_is_not_given_are_told(evaluate: Evaluate) -> None:
    seen: list[dict[str, Any]] = []

    def mine(messages: Any, **options: Any) -> str:
        seen.append(options)
        return "Yes."

    prompts = [{"prompt": "a", "options": {"seed": 1}}]
    found = evaluate("compare", [mine, MODEL], prompts, options={"temperature": 0})
    assert seen == [{"seed": 1}]
    assert found.notes == (
        "The options were not given to mine: only the router's models have them, and those of a prompt all.",
    )
    assert not evaluate("compare", [MODEL], prompts, options={"temperature": 0}).notes


ENDLESS = "n" * 2_000_000


@pytest.mark.parametrize(
    ("check", "judge"),
    [
        (raising(ValueError(ENDLESS)), None),
        (raising(AssertionError(ENDLESS)), None),
        ({"llm-rubric": "kind"}, lambda messages: json.dumps({"pass": False, "reason": ENDLESS})),
        ({"llm-rubric": "kind"}, raising(ValueError(ENDLESS))),
    ],
    ids=["a check's error", "an assertion", "a judge's reason", "a judge's error"],
)
def test_a_reason_without_end_is_cut_in_reports_and_kept_in_the_json(
    url: str, check: Any, judge: Any
) -> None:
    evaluator = Evaluator(HFRouter(base_url=url))
    results = evaluator.run_cases([{"prompt": "a", "checks": [check]}], [MODEL], judge=judge)
    assert len(results.results[0].reasons[0]) < 1000
    assert max(len(results.to_markdown()), len(results.to_junit())) < 5000
    assert ENDLESS in results.to_json()


@pytest.mark.parametrize("number", [float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("word", ["similar", "not-similar"])
def test_vectors_without_a_cosine_are_no_verdict(url: str, word: str, number: float) -> None:
    cases = [{"prompt": "a", "checks": [{word: "b"}]}]
    results = Evaluator(HFRouter(base_url=url)).run_cases(
        cases, [MODEL], embedder=lambda texts: [[number, 1.0] for _ in texts]
    )
    assert (results.results[0].outcome, results.results[0].count("passed")) == ("error", 0)
