"""The examples in docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "figures",
    "shown",
    "comparing.standing",
    "comparing.verdict",
    "comparing.report.axes",
    "comparing.report.labels",
    "comparing.report.text",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    done = doctest.testmod(importlib.import_module(f"shared_core.evaluate.{name}"))
    assert done.failed == 0
