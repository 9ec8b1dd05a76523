"""The examples in docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "_text",
    "types.cost",
    "evaluate.figures",
    "evaluate.intervals",
    "evaluate.shown",
    "evaluate.embeddings.resampling",
    "evaluate.comparing.standing",
    "evaluate.comparing.verdict",
    "evaluate.comparing.report.axes",
    "evaluate.comparing.report.labels",
    "evaluate.comparing.report.text",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    done = doctest.testmod(importlib.import_module(f"shared_core.{name}"))
    assert done.failed == 0
