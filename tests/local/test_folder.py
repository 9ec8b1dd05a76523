"""What a model's folder says: each spelling that sentence-transformers reads, and what is not known for certain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core.errors import ConfigError
from shared_core.local.folder import Unknown, prompts, read
from shared_core.local.recipe import Dense, Recipe

BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "vocab_size": 10,
    "type_vocab_size": 2,
}
XLM = BERT | {"model_type": "xlm-roberta", "pad_token_id": 1}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
DENSE = [*MODULES[:2], {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
MEAN = {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
TANH = {"in_features": 8, "out_features": 4, "activation_function": "torch.nn.modules.activation.Tanh"}

Files = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def write(changes: Files | None = None, /) -> Path:
        files: Files = {
            "modules.json": MODULES,
            "config.json": BERT,
            "1_Pooling/config.json": MEAN,
            "tokenizer.json": {},
            "tokenizer_config.json": {"model_max_length": 32},
            "model.safetensors": "",
            **(changes or {}),
        }
        for name, content in files.items():
            if content is None:
                continue
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return tmp_path

    return write


def recipe(folder: Path) -> Recipe:
    found = read(folder)
    assert isinstance(found, Recipe), found
    return found


def test_a_classic_folder_becomes_a_recipe(folder: Callable[..., Path]) -> None:
    found = recipe(folder())
    assert (found.architecture, found.pooling, found.dimensions, found.normalise) == ("bert", "mean", 8, True)
    assert (found.max_tokens, found.revision, found.prompts) == (32, "", {})
    assert found.weights == {"": (found.folder / "model.safetensors",)}


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}, "max"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "last"),
        ({"pooling_mode_mean_tokens": False}, "mean"),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, "cls"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["max"]}, "max"),
    ],
    ids=[
        "flag cls",
        "flag max",
        "flag last",
        "no flag at all",
        "the name wins over flags",
        "name",
        "list of one",
    ],
)
def test_both_spellings_of_pooling_are_read(folder: Callable[..., Path], config: Files, pooling: str) -> None:
    assert recipe(folder({"1_Pooling/config.json": {**MEAN, **config}})).pooling == pooling


NOT_KNOWN: dict[str, tuple[Files, str]] = {
    "two poolings": ({"1_Pooling/config.json": {**MEAN, "pooling_mode_cls_token": True}}, "cls and mean"),
    "two poolings by name": (
        {"1_Pooling/config.json": {**MEAN, "pooling_mode": ["cls", "max"]}},
        "cls and max",
    ),
    "weighted mean": ({"1_Pooling/config.json": {**MEAN, "pooling_mode": "weightedmean"}}, "weightedmean"),
    "the prompt left out of pooling": (
        {"1_Pooling/config.json": {**MEAN, "include_prompt": False}},
        "prompt",
    ),
    "code of its own": ({"config.json": {**BERT, "auto_map": {"AutoModel": "x.Y"}}}, "code of its own"),
    "an unknown architecture": ({"config.json": {**BERT, "model_type": "perceiver"}}, "perceiver"),
    "relative places": ({"config.json": {**BERT, "position_embedding_type": "relative_key"}}, "position"),
    "quantised weights": ({"config.json": {**BERT, "quantization_config": {"bits": 4}}}, "quantization"),
    "no fast tokenizer": ({"tokenizer.json": None}, "tokenizer.json"),
    "words without an encoder": (
        {"modules.json": [{"path": "0", "type": "sentence_transformers.models.WordEmbeddings"}]},
        "WordEmbeddings",
    ),
    "CLIP": (
        {"modules.json": [{"path": "0", "type": "sentence_transformers.models.CLIPModel"}]},
        "CLIPModel",
    ),
    "a router": ({"modules.json": [{"path": "", "type": "sentence_transformers.models.Router"}]}, "Router"),
    "a module of its own": ({"modules.json": [{"path": "", "type": "custom_st.Transformer"}]}, "custom_st"),
    "normalised before a dense layer": (
        {
            "modules.json": [*MODULES, {"path": "3_Dense", "type": "sentence_transformers.models.Dense"}],
            "3_Dense/config.json": TANH,
            "3_Dense/model.safetensors": "",
        },
        "before a dense layer",
    ),
    "a dense layer with a residual": (
        {
            "modules.json": DENSE,
            "2_Dense/config.json": {**TANH, "use_residual": True},
            "2_Dense/model.safetensors": "",
        },
        "residual",
    ),
    "an activation that is not torch's": (
        {
            "modules.json": DENSE,
            "2_Dense/config.json": {**TANH, "activation_function": "evil.module.Run"},
            "2_Dense/model.safetensors": "",
        },
        "evil",
    ),
    "a query of fixed length": ({"sentence_bert_config.json": {"query_length": 32}}, "query_length"),
    "a chat template for texts": (
        {"sentence_bert_config.json": {"modality_config": {"message": {"method": "forward"}}}},
        "modality_config",
    ),
    "vectors cut by the model": ({"config_sentence_transformers.json": {"truncate_dim": 4}}, "cuts"),
    "a cross-encoder": (
        {"config_sentence_transformers.json": {"model_type": "CrossEncoder"}},
        "CrossEncoder",
    ),
    "a plain folder with a chat template": ({"modules.json": None, "chat_template.jinja": "{{ x }}"}, "chat"),
}


@pytest.mark.parametrize(("changes", "word"), NOT_KNOWN.values(), ids=NOT_KNOWN)
def test_what_is_not_known_for_certain_is_left_to_sentence_transformers(
    folder: Callable[..., Path], changes: Files, word: str
) -> None:
    found = read(folder(changes))
    assert isinstance(found, Unknown)
    assert word in found.reason
    assert found.reason.endswith(".")


DAMAGED: dict[str, tuple[Files, str]] = {
    "no config": ({"config.json": None}, r"config\.json is missing"),
    "a config that is no JSON": ({"config.json": "{"}, r"config\.json cannot be read"),
    "a config that is a list": ({"config.json": []}, r"config\.json holds no dict"),
    "modules that are an object": ({"modules.json": {}}, r"modules\.json holds no list"),
    "a module without a type": ({"modules.json": [{"path": ""}]}, "without type or path"),
    "a module outside": ({"modules.json": [{"path": "../x", "type": "sentence_transformers.Y"}]}, "outside"),
    "an absolute module": ({"modules.json": [{"path": "/x", "type": "sentence_transformers.Y"}]}, "outside"),
    "no pooling": ({"1_Pooling/config.json": None}, r"1_Pooling/config\.json is missing"),
    "pooling without a width": ({"1_Pooling/config.json": {}}, "how wide"),
    "no weights": ({"model.safetensors": None}, r"no model\.safetensors"),
    "a pickle alone": (
        {"model.safetensors": None, "pytorch_model.bin": ""},
        r"(?s)pytorch_model\.bin.*Pickles",
    ),
    "a dense layer's pickle alone": (
        {"modules.json": DENSE, "2_Dense/config.json": TANH, "2_Dense/pytorch_model.bin": ""},
        r"(?s)2_Dense.*pytorch_model\.bin.*Pickles",
    ),
    "shards without a list": (
        {"model.safetensors": None, "model.safetensors.index.json": {"metadata": {}}},
        "lists no weights",
    ),
    "shards outside": (
        {"model.safetensors": None, "model.safetensors.index.json": {"weight_map": {"a": "../../x"}}},
        "outside",
    ),
}


@pytest.mark.parametrize(("changes", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_folder_gives_one_clear_error(
    folder: Callable[..., Path], changes: Files, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read(folder(changes))


LIMITS: dict[str, tuple[Files, int]] = {
    "sentence-transformers' own": ({"sentence_bert_config.json": {"max_seq_length": 16}}, 16),
    "it wins over the tokenizer's": ({"sentence_bert_config.json": {"max_seq_length": 48}}, 48),
    "never beyond the table of places": ({"sentence_bert_config.json": {"max_seq_length": 512}}, 64),
    "the tokenizer's": ({}, 32),
    "the table's, when the tokenizer has none": ({"tokenizer_config.json": {"model_max_length": 10**30}}, 64),
    "nobody's but the table's": ({"tokenizer_config.json": None}, 64),
    "null means not said": ({"sentence_bert_config.json": {"max_seq_length": None}}, 32),
    "an old file name": ({"sentence_roberta_config.json": {"max_seq_length": 20}}, 20),
    "two rows of the table stand before the first token": (
        {"config.json": XLM, "tokenizer_config.json": {"model_max_length": 64}},
        62,
    ),
}


@pytest.mark.parametrize(("changes", "limit"), LIMITS.values(), ids=LIMITS)
def test_where_texts_are_cut(folder: Callable[..., Path], changes: Files, limit: int) -> None:
    assert recipe(folder(changes)).max_tokens == limit


def test_dense_layers_keep_their_order_names_and_widths(folder: Callable[..., Path]) -> None:
    identity = {**TANH, "in_features": 4, "out_features": 2}
    found = recipe(
        folder(
            {
                "modules.json": [*DENSE, {"path": "3_Dense", "type": "sentence_transformers.models.Dense"}],
                "2_Dense/config.json": TANH,
                "2_Dense/model.safetensors": "",
                "3_Dense/config.json": identity | {"activation_function": "torch.nn.modules.linear.Identity"},
                "3_Dense/model.safetensors": "",
            }
        )
    )
    assert found.dense == (Dense("2_Dense.linear", "tanh"), Dense("3_Dense.linear", None))
    assert (found.dimensions, found.normalise) == (2, False)
    assert found.weights["3_Dense."] == (found.folder / "3_Dense" / "model.safetensors",)


def test_the_encoder_may_lie_in_a_folder_of_its_own(folder: Callable[..., Path]) -> None:
    moved = {
        "modules.json": [{**MODULES[0], "path": "0_Transformer"}, *MODULES[1:]],
        "model.safetensors": None,
    }
    inside: Files = {f"0_Transformer/{name}": {} for name in ("tokenizer.json", "tokenizer_config.json")}
    found = recipe(
        folder({**moved, **inside, "0_Transformer/config.json": BERT, "0_Transformer/model.safetensors": ""})
    )
    assert found.encoder_folder == "0_Transformer"
    assert found.weights[""] == (found.folder / "0_Transformer" / "model.safetensors",)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [(BERT, "mean"), (BERT | {"architectures": ["XForCausalLM"]}, "last"),
     (BERT | {"architectures": ["XForCausalLM"], "is_causal": False}, "mean")],
    ids=["an encoder", "a language model", "a language model that looks both ways"],
)  # fmt: skip
def test_a_plain_folder_gets_the_pooling_that_sentence_transformers_gives_it(
    folder: Callable[..., Path], config: Files, pooling: str
) -> None:
    found = recipe(folder({"modules.json": None, "1_Pooling/config.json": None, "config.json": config}))
    assert (found.pooling, found.dimensions, found.normalise) == (pooling, 8, False)


def test_shards_are_all_listed(folder: Callable[..., Path]) -> None:
    index = {"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors"}}
    found = recipe(folder({"model.safetensors": None, "model.safetensors.index.json": index}))
    assert [file.name for file in found.weights[""]] == ["m-1.safetensors", "m-2.safetensors"]


def test_prompts_and_lower_casing_are_read(folder: Callable[..., Path]) -> None:
    settings = {"prompts": {"query": "q: ", "document": None}, "default_prompt_name": "query"}
    found = recipe(
        folder(
            {
                "config_sentence_transformers.json": {**settings, "similarity_fn_name": "dot"},
                "sentence_bert_config.json": {"do_lower_case": True},
            }
        )
    )
    assert (found.prompts, found.default_prompt) == ({"query": "q: ", "document": ""}, "query")
    assert found.lower_case


def test_prompts_of_another_kind_of_model_do_not_count(folder: Callable[..., Path]) -> None:
    settings = {"model_type": "CrossEncoder", "prompts": {"query": "q: "}}
    assert prompts(folder({"config_sentence_transformers.json": settings})) == {}


def test_the_commit_is_read_off_the_folder_of_the_hubs_cache(folder: Callable[..., Path]) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = folder().rename(folder().parent / "x").parent / "snapshots" / commit
    snapshot.parent.mkdir()
    (snapshot.parent.parent / "x").rename(snapshot)
    assert recipe(snapshot).revision == commit


@pytest.mark.pinned_set
def test_the_recipe_of_minilm(minilm: Path) -> None:
    found = recipe(minilm)
    assert (found.max_tokens, found.dimensions, found.pooling, found.normalise) == (256, 384, "mean", True)
