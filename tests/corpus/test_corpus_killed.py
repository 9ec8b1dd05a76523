"""A run that is killed at any moment, with SIGKILL, and called again: each row once, nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def test_an_array_is_exact_whenever_its_run_was_killed(kill_and_resume: Callable[[str], int]) -> None:
    assert kill_and_resume("vectors.npy") > 30


def test_json_lines_are_exact_whenever_their_run_was_killed(kill_and_resume: Callable[[str], int]) -> None:
    assert kill_and_resume("vectors.jsonl") > 20


def test_a_function_misses_no_batch_and_is_given_the_same_vectors_again_at_most(
    kill_and_resume: Callable[[str], int],
) -> None:
    assert kill_and_resume("function") > 20
