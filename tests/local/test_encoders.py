"""Encoders: each against sentence-transformers on a tiny model of its shape, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import pytest
from numpy_ops import numpy_vectors
from references import cosines, reference

from shared_core.local.encoders import ENCODERS, why_not
from shared_core.local.tokens import Tokens

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
each_shape = pytest.mark.parametrize("name", models.SHAPES)


@each_shape
def test_an_encoder_gives_the_vectors_of_sentence_transformers(name: str, tiny_model: TinyModel) -> None:
    expected = reference(tiny_model(name), models.TEXTS)
    assert expected.batch.lengths.max() == models.ROOM, "no text reaches the limit"
    ours = numpy_vectors(expected.recipe, expected.batch)
    assert cosines(ours, expected.vectors).min() > 0.99999
    np.testing.assert_allclose(ours, expected.vectors, rtol=1e-3, atol=1e-3 * np.abs(expected.vectors).max())


@each_shape
def test_our_tokens_are_those_of_sentence_transformers(name: str, tiny_model: TinyModel) -> None:
    special = models.SHAPES[name].words.special.values()
    texts = (*models.TEXTS, f"the names of {' and '.join(special)} in a text", " \t\n", "a\0b")
    expected = reference(tiny_model(name), texts)
    ours = Tokens(expected.recipe).of(texts)
    np.testing.assert_array_equal(ours.batch.lengths, expected.batch.lengths)
    np.testing.assert_array_equal(ours.batch.ids, expected.batch.ids)
    assert ours.cut == (len(models.TEXTS) - 1,)


@each_shape
def test_the_tiny_models_tell_texts_apart(name: str, tiny_model: TinyModel) -> None:
    vectors = reference(tiny_model(name), models.TEXTS).vectors
    for row in range(len(vectors)):
        others = np.delete(vectors, row, axis=0)
        assert cosines(others, vectors[row]).max() < 0.99


def test_every_architecture_is_checked_here(tiny_model: TinyModel) -> None:
    checked = {reference(tiny_model(name), models.TEXTS).recipe.architecture for name in models.SHAPES}
    assert checked == set(ENCODERS)


def config_of(name: str, tiny_model: TinyModel) -> dict[str, object]:
    config = json.loads((tiny_model(name) / "config.json").read_text(encoding="utf-8"))
    assert isinstance(config, dict)
    return config


@each_shape
def test_a_config_that_is_carried_has_nothing_against_it(name: str, tiny_model: TinyModel) -> None:
    assert why_not(config_of(name, tiny_model)) is None


def test_modernbert_reads_configs_from_before_transformers_5(tiny_model: TinyModel) -> None:
    new = config_of("modernbert", tiny_model)
    old = {key: value for key, value in new.items() if key not in ("layer_types", "rope_parameters")}
    old |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0}
    read = ENCODERS["modernbert"].read
    assert read(old) == read(new)
    assert read(old | {"global_attn_every_n_layers": 2}) != read(new)
    assert read(old | {"global_rope_theta": 10000.0}) != read(new)


def test_qwen3_reads_configs_from_before_transformers_5(tiny_model: TinyModel) -> None:
    new = config_of("qwen3", tiny_model)
    old = {key: value for key, value in new.items() if key not in ("layer_types", "rope_parameters")}
    read = ENCODERS["qwen3"].read
    assert read(old | {"rope_theta": 1000000, "rope_scaling": None}) == read(new)
    assert read(old) != read(new)


REFUSALS = {
    "an architecture without encoder": ("bge", {"model_type": "t5"}, "'t5' has no encoder"),
    "no architecture at all": ("bge", {"model_type": None}, "None has no encoder"),
    "an architecture that is a list": ("bge", {"model_type": ["bert"]}, "has no encoder"),
    "quantised weights": ("bge", {"quantization_config": {"bits": 4}}, "quantization_config"),
    "places relative to each other": ("bge", {"position_embedding_type": "relative_key"}, "relative_key"),
    "a decoder": ("e5", {"is_decoder": True}, "is_decoder=True"),
    "cross attention": ("roberta", {"add_cross_attention": True}, "add_cross_attention"),
    "an activation nobody knows": ("mpnet", {"hidden_act": "xielu"}, "activation 'xielu'"),
    "an activation that is no name": ("distilbert", {"activation": {}}, "activation {}"),
    "a width heads cannot share": ("bge", {"hidden_size": 63}, "63 unevenly among 4"),
    "heads groups cannot share": ("qwen2", {"num_key_value_heads": 3}, "4 unevenly among 3"),
    "no number of layers": ("bge", {"num_hidden_layers": None}, "num_hidden_layers=None"),
    "layers in words": ("bge", {"num_hidden_layers": "six"}, "num_hidden_layers='six'"),
    "an epsilon of zero": ("bge", {"layer_norm_eps": 0}, "layer_norm_eps=0"),
    "an endless epsilon": ("llama", {"rms_norm_eps": float("inf")}, "rms_norm_eps=inf"),
    "other buckets": ("mpnet", {"relative_attention_num_buckets": 64}, "relative_attention_num_buckets=64"),
    "a scaled rotary embedding": ("qwen3", {"rope_scaling": {"type": "yarn", "factor": 4}}, "'yarn'"),
    "the same by its new name": ("llama", {"rope_parameters": {"rope_type": "llama3"}}, "'llama3'"),
    "a rotary embedding of a part": ("llama", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "0.5"),
    "the same beside it": ("llama", {"partial_rotary_factor": 0.5}, "0.5"),
    "a rotary embedding in words": ("llama", {"rope_parameters": "yes"}, "'yes'"),
    "Qwen's sliding windows": ("qwen3", {"use_sliding_window": True}, "use_sliding_window"),
    "some of Qwen's layers sliding": ("qwen3", {"layer_types": ["sliding_attention"] * 3}, "layer_types"),
    "a decoder that looks ahead": ("qwen2", {"is_causal": False}, "is_causal=False"),
    "a scaled kind of layer": (
        "modernbert",
        {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2}}},
        "'linear'",
    ),
    "scaling from before transformers 5": ("modernbert", {"rope_scaling": {"type": "ntk"}}, "rope_scaling"),
    "thetas that are not told apart": ("modernbert", {"rope_parameters": {"rope_theta": 1.0}}, "told apart"),
    "a kind of layer nobody knows": ("modernbert", {"layer_types": ["chunked"] * 4}, "layer_types"),
    "too few kinds of layer": ("modernbert", {"layer_types": ["full_attention"]}, "for 4 layers"),
}


@pytest.mark.parametrize(("name", "changed", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_no_encoder_carries_is_said_and_never_computed(
    name: str, changed: dict[str, object], words: str, tiny_model: TinyModel
) -> None:
    config = config_of(name, tiny_model)
    assert why_not(config) is None
    reason = why_not(config | changed)
    assert reason is not None
    assert words in reason
