"""A part of the simulated day of `benchmarks/reliability`: its promises hold for several seeds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "reliability"))

from simulate import Simulation, everything, retries


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_bad_providers_is_hardly_noticed(seed: int) -> None:
    day = Simulation(8_000, seed, everything).run()
    assert day.calls == 8_000
    assert day.answered_with_one_up / day.with_one_up >= 0.9995
    assert day.requests / day.answered <= 1.1
    assert (day.closed_asked, day.probes > 20) == (0, True)


def test_without_the_others_the_day_is_as_bad_as_the_provider() -> None:
    day = Simulation(8_000, 1, retries).run()
    assert day.answered / day.calls < 0.98
    assert day.requests / day.calls < 1.1, "retries in an outage run out"
