"""The cache before a local model: a hit loads nothing, and nothing crosses over."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError, InputTooLong
from shared_core.local import LocalEmbedder

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]


class Memory:
    """A cache in a dictionary, which counts."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.asked = self.put = 0

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self.asked += len(keys)
        return [self.values.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        self.put += len(items)
        self.values.update(items)

    def close(self) -> None:
        self.values.clear()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, no model may be loaded or asked."""

    def start(*_: object) -> None:
        raise AssertionError("the model was asked")

    return lambda: monkeypatch.setattr("shared_core.local.embedder.start", start)


def make(folder: Path, cache: Any, **more: Any) -> LocalEmbedder:
    return LocalEmbedder(str(folder), "cpu", cache=cache, **more)


def test_a_hit_never_loads_the_model(tiny_model: TinyModel, memory: Memory, no_model: Any) -> None:
    texts = ["a", "bread", "a"]
    first = make(tiny_model("e5"), memory).embed(texts)
    no_model()
    fresh = make(tiny_model("e5"), memory)
    again = fresh.embed(texts)
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert again.vectors.flags.c_contiguous
    assert again.usage is not None
    assert again.usage.prompt_tokens == 0
    np.testing.assert_array_equal(asyncio.run(fresh.aembed(texts)).vectors, first.vectors)
    assert fresh.dimensions == 64


def test_only_what_is_missing_is_computed_and_all_comes_in_order(
    tiny_model: TinyModel, memory: Memory
) -> None:
    embedder, plain = make(tiny_model("e5"), memory), make(tiny_model("e5"), None)
    embedder.embed(["b", "d"])
    reply = embedder.embed(["a", "b", "c", "d", "e"])
    np.testing.assert_allclose(reply.vectors, plain.embed(["a", "b", "c", "d", "e"]).vectors, atol=2e-5)
    assert (memory.put, len(memory.values)) == (5, 5)
    assert reply.usage == plain.embed(["a", "c", "e"]).usage


def test_positions_are_those_of_the_callers_list(tiny_model: TinyModel, memory: Memory) -> None:
    embedder = make(tiny_model("e5"), memory)
    embedder.embed(["a", "b"])
    long = "bread " * 400
    assert embedder.embed(["a", "b", long]).truncated == (2,)
    with pytest.raises(ConfigError, match="Text 2 is no valid Unicode"):
        embedder.embed(["a", "b", "\ud800"])
    with pytest.raises(InputTooLong, match="Text 3 is longer"):
        embedder.embed(["a", "b", "c", long], truncate=False)


def test_a_vector_of_a_cut_text_is_no_answer_where_the_whole_was_wanted(
    tiny_model: TinyModel, memory: Memory
) -> None:
    embedder = make(tiny_model("e5"), memory)
    embedder.embed(["bread " * 400])
    with pytest.raises(InputTooLong):
        embedder.embed(["bread " * 400], truncate=False)


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "documents": ({}, {}),
    "queries": ({}, {"kind": "query"}),
    "another prompt": ({"document_prompt": "x: "}, {}),
    "fewer dimensions": ({}, {"dimensions": 16}),
    "fewer dimensions for all": ({"dimensions": 32}, {}),
    "without length 1": ({}, {"normalize": False}),
    "a lower limit": ({"max_tokens": 8}, {}),
}


def test_no_vector_serves_another_purpose(tiny_model: TinyModel, memory: Memory) -> None:
    text = ["bread and butter and a cup of tea for the price of bread in Paris"]
    for model in ("e5", "bge"):
        for with_arguments, with_options in WAYS.values():
            before = len(memory.values)
            cached = make(tiny_model(model), memory, **with_arguments).embed(text, **with_options)
            assert len(memory.values) == before + 1
            plain = make(tiny_model(model), None, **with_arguments).embed(text, **with_options)
            np.testing.assert_allclose(cached.vectors, plain.vectors, atol=1e-4)


def test_a_model_that_was_trained_on_in_its_folder_is_another_model(
    tiny_model: TinyModel, memory: Memory, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model("e5"), tmp_path / "model")
    make(folder, memory).embed(["a"])
    (folder / "model.safetensors").touch()
    make(folder, memory).embed(["a"])
    assert len(memory.values) == 2


def test_a_path_remembers_from_one_process_to_the_next(
    tiny_model: TinyModel, tmp_path: Path, no_model: Any
) -> None:
    file = tmp_path / "vectors.sqlite"
    first = make(tiny_model("e5"), file).embed(["a", "b"]).vectors
    no_model()
    np.testing.assert_array_equal(make(tiny_model("e5"), str(file)).embed(["b", "a"]).vectors, first[::-1])


async def test_many_calls_at_once_still_share_batches_and_the_cache(
    tiny_model: TinyModel, memory: Memory
) -> None:
    embedder = make(tiny_model("e5"), memory)
    replies = await asyncio.gather(*(embedder.aembed([f"text {i % 5}"]) for i in range(30)))
    expected = make(tiny_model("e5"), None).embed([f"text {i}" for i in range(5)]).vectors
    for i, reply in enumerate(replies):
        np.testing.assert_allclose(reply.vectors[0], expected[i % 5], atol=2e-5)
    assert len(memory.values) == 5
