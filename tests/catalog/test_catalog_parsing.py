"""Reading `/v1/models` replies: the documented router entry, plain servers, noise and garbage."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest

from shared_core.catalog import Catalog, ModelInfo, ProviderOffer, parse_catalog
from shared_core.catalog.models import read_price

# In the form of the Hub API page's example, with values of our own.
ROUTER_ENTRY = {
    "id": "deepseek-ai/DeepSeek-V4-Pro",
    "object": "model",
    "created": 1777000000,
    "owned_by": "deepseek-ai",
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "providers": [
        {
            "provider": "novita",
            "status": "live",
            "context_length": 1048576,
            "pricing": {"input": 1.69, "output": 3.38},
            "is_free": False,
            "supports_tools": True,
            "supports_structured_output": False,
            "first_token_latency_ms": 762.6,
            "throughput": 39.3,
            "is_model_author": False,
        },
        {"provider": "fireworks-ai", "status": "live", "context_length": 131072, "is_model_author": False},
        {"provider": "featherless-ai", "status": "error", "is_model_author": False},
    ],
}


def parsed(payload: object) -> Catalog:
    return parse_catalog(payload, source="test", fetched_at=1.0)


def only(row: dict) -> ModelInfo:
    (info,) = parsed([row])
    return info


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"object": "list", "data": [ROUTER_ENTRY]}, id="the list"),
        pytest.param(ROUTER_ENTRY, id="a single entry"),
        pytest.param([ROUTER_ENTRY], id="a bare list"),
    ],
)
def test_the_documented_entry_is_read_in_each_wrapping(payload):
    assert list(parsed(payload)) == [
        ModelInfo(
            id="deepseek-ai/DeepSeek-V4-Pro",
            owned_by="deepseek-ai",
            created=1777000000,
            input_modalities=("text",),
            output_modalities=("text",),
            offers=(
                ProviderOffer(
                    provider="novita",
                    status="live",
                    context_length=1048576,
                    input_price=Decimal("1.69"),
                    output_price=Decimal("3.38"),
                    is_free=False,
                    supports_tools=True,
                    supports_structured_output=False,
                    first_token_latency_ms=762.6,
                    throughput=39.3,
                    is_model_author=False,
                ),
                ProviderOffer("fireworks-ai", "live", context_length=131072, is_model_author=False),
                ProviderOffer("featherless-ai", "error", is_model_author=False),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("raw", "price"),
    [
        pytest.param(0.9299999999999999, "0.93", id="float noise below"),
        pytest.param(0.30000000000000004, "0.3", id="float noise above"),
        pytest.param(3, "3", id="an integer"),
        pytest.param(100.0, "100", id="a round float, without exponent"),
        pytest.param("0.25", "0.25", id="a numeric string"),
        pytest.param(0, "0", id="zero is a price"),
        pytest.param(0.000125, "0.000125", id="a small float"),
    ],
)
def test_a_price_is_the_decimal_that_was_meant(raw, price):
    assert str(read_price(raw)) == price


@pytest.mark.parametrize(
    "raw",
    [
        None,
        True,
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        "",
        "free",
        "nan",
        "1e999999999",
        "1e-999999",
        10**5000,
        [1],
        {"usd": 1},
    ],
    ids=lambda raw: f"{type(raw).__name__} {str(raw)[:12] if raw != 10**5000 else 'huge'}",
)
def test_what_is_no_price_is_unknown(raw):
    assert read_price(raw) is None


@pytest.mark.parametrize(
    ("row", "context"),
    [
        pytest.param({"id": "m", "max_model_len": 32768, "root": "m", "parent": None}, 32768, id="vLLM"),
        pytest.param({"id": "m", "meta": {"n_ctx_train": 131072, "n_vocab": 1}}, 131072, id="llama.cpp"),
        pytest.param(
            {"id": "m", "meta": {"n_ctx_train": 131072, "n_ctx": 4096}}, 4096, id="llama.cpp with n_ctx"
        ),
        pytest.param({"id": "m", "context_length": 8192}, 8192, id="Together"),
        pytest.param(
            {"id": "m", "context_window": 131072, "max_completion_tokens": 65536}, 131072, id="Groq"
        ),
        pytest.param({"id": "m", "object": "model", "created": 0, "owned_by": "m"}, None, id="TGI"),
        pytest.param({"id": "m", "created": 1.5, "owned_by": ""}, None, id="transformers serve"),
        pytest.param({"id": "m", "meta": None, "max_model_len": 0}, None, id="zero and null"),
    ],
)
def test_a_plain_server_tells_its_context_where_it_tells_it(row, context):
    assert only(row).context_length == context


def test_groqs_longest_answer_is_read():
    assert only({"id": "m", "max_completion_tokens": 65536}).max_output_tokens == 65536


@pytest.mark.parametrize(
    ("field", "junk"),
    [
        ("owned_by", 3),
        ("owned_by", ""),
        ("created", "yesterday"),
        ("created", True),
        ("created", 10**400),
        ("architecture", "text"),
        ("architecture", {"input_modalities": "text", "output_modalities": [1, None]}),
        ("providers", {"provider": "groq"}),
        ("providers", [None, 3, {}, {"provider": 5}, {"provider": ""}]),
        ("context_length", "4096"),
        ("context_length", True),
        ("context_length", -1),
        ("context_length", float("nan")),
    ],
)
def test_a_field_of_the_wrong_type_is_unknown_and_costs_nothing_else(field, junk):
    assert only({"id": "m", field: junk}) == ModelInfo(id="m")


@pytest.mark.parametrize(
    ("field", "junk"),
    [
        ("status", 1),
        ("context_length", 0),
        ("pricing", "cheap"),
        ("pricing", {"input": "?", "output": None}),
        ("is_free", "yes"),
        ("supports_tools", 1),
        ("supports_structured_output", "true"),
        ("first_token_latency_ms", "fast"),
        ("first_token_latency_ms", True),
        ("throughput", float("inf")),
        ("throughput", -1),
        ("throughput", 10**400),
    ],
)
def test_a_wrong_field_of_an_offer_is_unknown(field, junk):
    assert only({"id": "m", "providers": [{"provider": "p", field: junk}]}).offers == (ProviderOffer("p"),)


def test_rows_without_an_id_are_left_out_and_the_first_of_twins_counts():
    catalog = parsed(
        {"data": [{"object": "model"}, {"id": 7}, None, {"id": "a", "created": 1}, {"id": "a", "created": 2}]}
    )
    assert [(info.id, info.created) for info in catalog] == [("a", 1)]


def test_an_empty_list_is_an_empty_catalogue():
    assert len(parsed({"object": "list", "data": []})) == 0


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        pytest.param(
            {"error": "hf_secret"}, r"neither a list \"data\" nor an \"id\".*error", id="an error body"
        ),
        pytest.param({}, "its keys: none", id="an empty object"),
        pytest.param({"data": "x"}, "neither", id="data of the wrong type"),
        pytest.param("<html>", "got str", id="a page"),
        pytest.param(None, "got NoneType", id="null"),
        pytest.param(7, "got int", id="a number"),
        pytest.param([1, "a"], "no item is an object", id="a list of no objects"),
    ],
)
def test_what_is_no_catalogue_says_so_without_its_content(payload, words):
    with pytest.raises(ValueError, match=rf"test is not a model catalogue: .*{words}") as caught:
        parsed(payload)
    assert "hf_secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("org/Name", "org/Name"),
        ("org/Name:groq", "org/Name"),
        ("org/Name:fastest:twice", "org/Name"),
        ("ORG/name", "org/Name"),
        ("ORG/name:groq", "org/Name"),
        ("llama3.2:3b", "llama3.2:3b"),
        ("Llama3.2:3B", "llama3.2:3b"),
        ("org/other", None),
        ("", None),
    ],
)
def test_a_model_is_found_by_its_id_without_suffix_and_without_regard_to_case(asked, found):
    catalog = parsed([{"id": "org/Name"}, {"id": "llama3.2:3b"}])
    info = catalog.get(asked)
    assert (info.id if info else None) == found
    assert (asked in catalog) == (found is not None)


def test_of_two_spellings_the_exact_one_wins():
    assert parsed([{"id": "a/B"}, {"id": "a/b"}]).get("a/b").id == "a/b"


def test_an_offer_is_found_by_provider_with_live_ones_first():
    down, up = ProviderOffer("p", "error"), ProviderOffer("p", "live")
    info = ModelInfo("m", offers=(down, up))
    assert info.offer("p") is up
    assert ModelInfo("m", offers=(down,)).offer("p") is down
    assert info.offer("q") is None


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["deepcopy", "pickle"]
)
def test_a_catalogue_survives_copying(copied):
    catalog = parsed([ROUTER_ENTRY])
    twin = copied(catalog)
    assert twin == catalog
    assert twin.get("DEEPSEEK-AI/deepseek-v4-pro") == catalog.get("deepseek-ai/DeepSeek-V4-Pro")
