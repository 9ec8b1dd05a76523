"""Texts to tokens: as sentence-transformers cuts them, whatever the text, whoever else asks."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local.folder import read
from shared_core.local.recipe import Recipe
from shared_core.local.tokens import Tokens

pytestmark = pytest.mark.pinned_set


@pytest.fixture(scope="module")
def recipe(minilm: Path) -> Recipe:
    found = read(minilm)
    assert isinstance(found, Recipe)
    return found


@pytest.fixture
def changed(minilm: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """MiniLM's tokenizer with other settings beside it."""

    def with_settings(settings: dict[str, Any], **more: Any) -> Recipe:
        for name in ("tokenizer.json", "config.json"):
            shutil.copy(minilm / name, tmp_path / name)
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        found = read(minilm)
        assert isinstance(found, Recipe)
        return replace(found, folder=tmp_path, **more)

    return with_settings


def ids(tokens: Tokens, text: str) -> list[int]:
    found: list[int] = tokens.of([text]).batch.ids.tolist()
    return found


def test_tokens_are_packed_in_the_order_of_the_texts(recipe: Recipe) -> None:
    found = Tokens(recipe).of(["a cat", "", "a cat and a dog"])
    assert found.batch.ids.dtype == found.batch.lengths.dtype == np.int32
    assert found.batch.lengths.tolist() == [4, 2, 7]
    assert found.batch.ids.tolist()[:6] == [101, 1037, 4937, 102, 101, 102]
    assert found.cut == ()


@pytest.mark.parametrize("limit", [3, 10, 256])
def test_a_long_text_is_cut_with_its_special_tokens_in_place(recipe: Recipe, limit: int) -> None:
    texts = ["a " * (limit - 2), "a " * (limit - 1), "a", "a " * 1000]
    found = Tokens(recipe, limit).of(texts)
    assert found.batch.lengths.tolist() == [limit, limit, 3, limit]
    assert found.cut == (1, 3), "a text that just fits was not cut"
    for end in np.cumsum(found.batch.lengths).tolist():
        assert found.batch.ids[end - 1] == 102


def test_a_limit_beyond_the_models_own_changes_nothing(recipe: Recipe) -> None:
    assert Tokens(recipe, 100_000).limit == 256


def test_a_limit_without_room_for_text_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match=r"max_tokens=2 leaves no room.* 2 special"):
        Tokens(recipe, 2)


ODD = {
    "nothing": "",
    "blanks": " \n\t ",
    "NUL": "a\0b",
    "a megabyte of words": "bread " * 170_000,
    "a megabyte without a blank": "x" * 1_000_000,
    "emoji and marks": "👩‍👩‍👧‍👦 é ‮abc",
    "a special token written out": "[SEP] [MASK]",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_texts_have_tokens_like_others(recipe: Recipe, text: str) -> None:
    found = Tokens(recipe).of(["before", text, "after"])
    assert 2 <= found.batch.lengths[1] <= 256
    assert found.batch.ids[-2] == ids(Tokens(recipe), "after")[1]


def test_threads_share_a_tokenizer_without_disturbing_each_other(recipe: Recipe) -> None:
    tokens = Tokens(recipe)
    texts = [f"text {i} " + "long " * (i * 7 % 400) for i in range(200)]
    alone = [tokens.of([text]).batch.ids.tolist() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: ids(tokens, text), texts))
    assert together == alone


def test_lower_casing_of_sentence_transformers_comes_first(changed: Callable[..., Recipe]) -> None:
    cased = changed({"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    assert ids(Tokens(cased), "BREAD") != ids(Tokens(cased), "bread")
    lowered = replace(cased, lower_case=True)
    assert ids(Tokens(lowered), "BREAD") == ids(Tokens(cased), "bread")


@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": False},
        {"do_lower_case": True, "strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"truncation_side": "left"},
        {},
    ],
    ids=["cased", "accents kept", "Chinese kept together", "cut at the left", "nothing said"],
)
def test_settings_beside_the_tokenizer_count_as_they_do_in_transformers(
    changed: Callable[..., Recipe], settings: dict[str, Any]
) -> None:
    from transformers import AutoTokenizer

    recipe = changed({"tokenizer_class": "BertTokenizer", "model_max_length": 16, **settings})
    theirs = AutoTokenizer.from_pretrained(str(recipe.folder))
    ours = Tokens(recipe, 16)
    for text in ("BREAD in Córdoba", "東京タワー", "one two three " * 20):
        assert ids(ours, text) == theirs(text, truncation=True, max_length=16)["input_ids"]


def test_a_damaged_tokenizer_is_named(changed: Callable[..., Recipe]) -> None:
    recipe = changed({})
    (recipe.folder / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(ConfigError, match=r"tokenizer\.json cannot be read"):
        Tokens(recipe)


def test_without_the_library_the_error_names_the_extras(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[openvino\]"'):
        Tokens(recipe)
