"""The page of a comparison of embedding models in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared_core import HFRouter
from shared_core.evaluate import Evaluator
from shared_core.testing import offline_router
from tests.services.browser import Browser

PAIRS = [("How far is it?", "It is forty miles."), ("When do we eat?", "We eat at noon <b>sharp</b>.")]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with offline_router(embedder="words") as host:
        router = HFRouter(base_url=host, api_key="offline", embedding_api="openai")
        found = Evaluator(router).compare_embeddings(["offline/embed-8", "offline/embed-16"], PAIRS)
    return found.save(tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("width", [1000, 360], ids=["a window", "a phone"])
def test_it_opens_without_complaint_fetches_nothing_and_fits(
    browser: Browser, report: Path, width: int
) -> None:
    page = browser.open(report, width=width)
    assert page.problems == page.fetched == []
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate(WIDER) <= 0
    for text in ("offline/embed-8", "offline/embed-16", "nDCG"):
        assert text in page.text
