"""Vectors into a cache and out of it: the same numbers, in the order of the texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared_core import ConfigError
from shared_core.cache import EmbeddingCache, SqliteCache, keep, open_cache, through


class Dictionary:
    """A cache that a user might write."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.held.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        self.held.update(items)

    def close(self) -> None:
        self.held.clear()


def vectors_of(numbers: Sequence[int], dimensions: int = 3) -> np.ndarray:
    rows = [[number + column / 7 for column in range(dimensions)] for number in numbers]
    return np.array(rows, dtype=np.float32).reshape(len(numbers), dimensions)


def keys_of(numbers: Sequence[int]) -> list[bytes]:
    return [b"%032d" % number for number in numbers]


@given(known=some.sets(some.integers(0, 9)), asked=some.lists(some.integers(0, 9)))
def test_hits_and_fresh_vectors_come_back_in_the_order_of_the_texts(
    known: set[int], asked: list[int]
) -> None:
    cache = Dictionary()
    keep(cache, keys_of(sorted(known)), vectors_of(sorted(known)))

    found = through(cache, keys_of(asked))

    assert found.missing == tuple(i for i, number in enumerate(asked) if number not in known)
    everything = found.with_missing(vectors_of([asked[i] for i in found.missing]))
    if asked:
        np.testing.assert_array_equal(everything, vectors_of(asked))
    assert everything.dtype == np.float32
    assert everything.flags.c_contiguous


def test_bits_come_back_as_they_went_in(cache: SqliteCache) -> None:
    odd = np.array([[0.1, -0.0, 1e-45, np.inf, np.nan, 3.4e38]], dtype=np.float32)
    keep(cache, keys_of([1]), odd)
    assert through(cache, keys_of([1])).vectors.tobytes() == odd.tobytes()


def test_what_comes_out_is_the_callers_own_to_change(cache: SqliteCache) -> None:
    keep(cache, keys_of([1]), vectors_of([1]))
    through(cache, keys_of([1])).vectors[:] = 0
    np.testing.assert_array_equal(through(cache, keys_of([1])).vectors, vectors_of([1]))


def test_float64_and_strided_vectors_are_kept_as_float32(cache: SqliteCache) -> None:
    wide = np.arange(12, dtype=np.float64).reshape(2, 6)[:, ::2]
    keep(cache, keys_of([1, 2]), wide)
    np.testing.assert_array_equal(through(cache, keys_of([2, 1])).vectors, wide[::-1].astype(np.float32))


@pytest.mark.parametrize("spoilt", [b"", b"12345", b"1234" * 7], ids=["empty", "cut", "of another length"])
def test_a_spoilt_value_counts_as_missing(spoilt: bytes) -> None:
    cache = Dictionary()
    keep(cache, keys_of([1, 2, 3]), vectors_of([1, 2, 3]))
    cache.held[keys_of([2])[0]] = spoilt
    assert through(cache, keys_of([1, 2, 3])).missing == (1,)
    assert through(cache, keys_of([1, 2, 3]), dimensions=3).missing == (1,)


def test_with_the_dimension_known_all_else_is_missing() -> None:
    cache = Dictionary()
    keep(cache, keys_of([1, 2]), vectors_of([1, 2], dimensions=5))
    found = through(cache, keys_of([1, 2]), dimensions=3)
    assert found.missing == (0, 1)
    assert found.vectors.shape == (0, 0)


def test_a_model_that_changed_under_its_name_is_named_and_not_mixed() -> None:
    cache = Dictionary()
    keep(cache, keys_of([1]), vectors_of([1], dimensions=5))
    with pytest.raises(ConfigError, match="5 dimensions came from the cache, of 3"):
        through(cache, keys_of([1, 2])).with_missing(vectors_of([2]))


@pytest.mark.parametrize("answer", [[], [None] * 3], ids=["too few", "too many"])
def test_a_cache_that_does_not_answer_for_each_key_is_named(
    answer: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Dictionary()
    monkeypatch.setattr(cache, "get_many", lambda keys: answer)
    with pytest.raises(ConfigError, match=f"Dictionary gave {len(answer)} values for 2 keys"):
        through(cache, keys_of([1, 2]))


def test_too_few_vectors_are_refused() -> None:
    cache = Dictionary()
    with pytest.raises(ConfigError, match="1 vectors for 2 texts"):
        through(cache, keys_of([1, 2])).with_missing(vectors_of([1]))
    with pytest.raises(ConfigError, match="2 keys for 1 vectors"):
        keep(cache, keys_of([1, 2]), vectors_of([1]))


def test_an_argument_becomes_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    own = Dictionary()
    assert isinstance(own, EmbeddingCache)
    assert open_cache(own) is own
    assert open_cache(None) is open_cache(False) is None
    for argument, path in {
        True: tmp_path / "home/hfrouter/embeddings.sqlite",
        str(tmp_path / "folder"): tmp_path / "folder/embeddings.sqlite",
        tmp_path / "file.db": tmp_path / "file.db",
    }.items():
        cache = open_cache(argument)
        assert isinstance(cache, SqliteCache)
        assert cache.path == path
        cache.close()
    with pytest.raises(ConfigError, match="of type int"):
        open_cache(7)  # type: ignore[arg-type]
