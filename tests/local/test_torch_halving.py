"""Memory that runs out: batches go on in halves, and what fits is remembered. The runner here only pretends."""

from __future__ import annotations

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local.engines import TokenBatch
from shared_core.local.engines.torch_halving import Halving

pytestmark = pytest.mark.pinned_set


class Full(Exception):
    """There was no room."""


class Device:
    """Room for some tokens at a time; what is in its cache goes when it is told to."""

    def __init__(self, room: int, cached: int = 0) -> None:
        self.room = room
        self.cached = cached
        self.released = 0
        self.tried: list[int] = []

    def run(self, batch: TokenBatch) -> np.ndarray:
        self.tried.append(len(batch.ids))
        if len(batch.ids) + self.cached > self.room:
            raise Full
        return batch.lengths

    def release(self) -> None:
        self.released += 1
        self.cached = 0


def batch_of(*lengths: int) -> TokenBatch:
    return TokenBatch(np.arange(sum(lengths), dtype=np.int32), np.array(lengths, np.int32))


def halving(device: Device, limit: int = 1000) -> Halving[np.ndarray]:
    return Halving(device.run, Full, device.release, limit)


def test_what_fits_runs_whole() -> None:
    device = Device(room=100)
    assert [found.tolist() for found in halving(device).pieces(batch_of(5, 4, 3))] == [[5, 4, 3]]
    assert device.released == 0


def test_what_does_not_fit_runs_in_halves_in_the_same_order() -> None:
    device = Device(room=12)
    ours = halving(device)
    found = np.concatenate(list(ours.pieces(batch_of(8, 7, 6, 5, 4, 3, 2, 1))))
    assert found.tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert ours.limit <= 18


def test_what_was_learnt_is_kept_for_the_next_batch() -> None:
    device = Device(room=12)
    ours = halving(device)
    list(ours.pieces(batch_of(*[2] * 20)))
    assert ours.limit == 10
    device.tried.clear()
    list(ours.pieces(batch_of(*[2] * 20)))
    assert device.tried == [10, 10, 10, 10]


def test_a_full_cache_is_emptied_before_anything_is_halved() -> None:
    device = Device(room=12, cached=10)
    ours = halving(device)
    assert [found.tolist() for found in ours.pieces(batch_of(6, 6))] == [[6, 6]]
    assert (device.released, ours.limit) == (1, 1000)


def test_a_single_text_without_room_is_an_error_that_says_how_long_it_is() -> None:
    with pytest.raises(ConfigError, match="text of 13 tokens does not fit") as caught:
        list(halving(Device(room=12)).pieces(batch_of(13, 2)))
    assert "max_tokens" in caught.value.hint


def test_other_errors_pass() -> None:
    def broken(batch: TokenBatch) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(Halving(broken, Full, lambda: None, 10).pieces(batch_of(1)))
