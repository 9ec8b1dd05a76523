"""Who serves a model, whom to ask, and where: facts and choices, without a network."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from shared_core.errors import ModelNotServed, NoRoute
from shared_core.providers import (
    EMBED_ROUTES,
    Limits,
    Mappings,
    Served,
    choose,
    parse_mapping,
    route_by_row,
    route_by_url,
)

FE = "feature-extraction"


def entry(provider_id: Any = "pid", status: str = "live", task: str = FE, **more: Any) -> dict[str, Any]:
    return {"status": status, "providerId": provider_id, "task": task, **more}


def reply(mapping: Any, name: Any = "org/model") -> dict[str, Any]:
    return {"_id": "x", "id": name, "inferenceProviderMapping": mapping}


def test_both_forms_of_the_mapping_say_the_same() -> None:
    as_dict = reply({"together": entry("t"), "deepinfra": entry("d", "error")})
    as_list = reply(
        [{"provider": "together", **entry("t")}, {"provider": "deepinfra", **entry("d", "error")}]
    )
    wanted = ("org/model", (Served("together", "t", "live", FE), Served("deepinfra", "d", "error", FE)))
    assert parse_mapping(as_dict) == parse_mapping(as_list) == wanted


NONSENSE: dict[str, Any] = {
    "no object": [1],
    "null": None,
    "no mapping": {"id": "a/b"},
    "a mapping of null": reply(None),
    "a text": reply("live"),
    "entries that are none": reply({"a": None, "b": 5, "c": []}),
    "a list of nothing": reply([None, 5, "x", []]),
    "no provider's id": reply({"a": {"status": "live", "task": FE}}),
    "an id that is no text": reply({"a": entry(7)}),
    "no provider": reply([entry()]),
}


@pytest.mark.parametrize("payload", NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_entry_is_passed_over(payload: Any) -> None:
    assert parse_mapping(payload)[1] == ()


def test_an_adapter_is_known_as_one_and_embeds_nothing() -> None:
    (found,) = parse_mapping(reply({"deepinfra": entry(adapter="lora", adapterWeightsPath="x.safetensors")}))[
        1
    ]
    assert found.adapter_path == "x.safetensors"
    with pytest.raises(ModelNotServed):
        choose("org/m", [found], None)


def test_an_id_that_is_no_text_is_no_id() -> None:
    assert parse_mapping(reply({}, name=5)) == ("", ())


def served(*entries: tuple[str, str] | tuple[str, str, str]) -> list[Served]:
    return [Served(provider, "pid", status, *(task or [FE])) for provider, status, *task in entries]


CHOICES: dict[str, tuple[list[Served], str | None, str]] = {
    "the first live one": (
        served(("together", "error"), ("scaleway", "live"), ("deepinfra", "live")),
        None,
        "scaleway",
    ),
    "not one whose route is unknown": (
        served(("futureco", "live"), ("deepinfra", "live")),
        None,
        "deepinfra",
    ),
    "not one that serves another task": (
        served(("together", "live", "conversational"), ("deepinfra", "live")),
        None,
        "deepinfra",
    ),
    "sentence similarity embeds too": (
        served(("hf-inference", "live", "sentence-similarity")),
        None,
        "hf-inference",
    ),
    "the one that was named": (
        served(("together", "live"), ("deepinfra", "live")),
        "deepinfra",
        "deepinfra",
    ),
    "the one that was named though it is failing": (
        served(("together", "live"), ("deepinfra", "error")),
        "deepinfra",
        "deepinfra",
    ),
}


@pytest.mark.parametrize(("entries", "named", "wanted"), CHOICES.values(), ids=CHOICES.keys())
def test_whom_to_ask(entries: list[Served], named: str | None, wanted: str) -> None:
    assert choose("org/model", entries, named).provider == wanted


REFUSED: dict[str, tuple[list[Served], str | None, type[Exception], str]] = {
    "nobody": ([], None, ModelNotServed, "No provider serves 'org/model'"),
    "nobody live": (served(("together", "staging")), None, ModelNotServed, r"together \(staging"),
    "for chat only": (
        served(("groq", "live", "conversational")),
        None,
        ModelNotServed,
        r"groq \(live, conversational\)",
    ),
    "only strangers": (served(("futureco", "live")), None, NoRoute, "served by futureco"),
    "the named one is a stranger": (
        served(("futureco", "live"), ("together", "live")),
        "futureco",
        NoRoute,
        "served by futureco, whose route is not known",
    ),
    "the named one does not": (
        served(("together", "live"), ("scaleway", "live")),
        "deepinfra",
        ModelNotServed,
        "live are together, scaleway",
    ),
    "the named one does not, nor does anybody": ([], "deepinfra", ModelNotServed, "nobody else does either"),
    "the named one serves it for chat": (
        served(("together", "live", "conversational")),
        "together",
        ModelNotServed,
        "'together' does not serve 'org/model' for embeddings",
    ),
}


@pytest.mark.parametrize(("entries", "named", "kind", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_whom_one_cannot_ask_and_who_could_be(
    entries: list[Served], named: str | None, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        choose("org/model", entries, named)
    assert caught.value.hint  # type: ignore[attr-defined]


def test_a_provider_that_is_not_live_comes_with_a_warning() -> None:
    assert Served("a", "b", "live", FE).warning == ""
    assert "'error'" in Served("a", "b", "error", FE).warning


@pytest.mark.parametrize("provider", EMBED_ROUTES)
def test_each_route_says_whence_it_is_known_and_is_no_older_than_a_year(provider: str) -> None:
    row = EMBED_ROUTES[provider]
    assert row.source
    assert (date.today() - date.fromisoformat(row.date)).days < 400
    assert row.path.startswith(f"/{provider}/")
    assert set(re.findall(r"{(\w+)}", row.path)) <= {"model", "pid"}
    assert 1 <= row.limits.texts <= 2048


def test_the_four_addresses_are_those_of_the_protocol() -> None:
    root = "https://router.huggingface.co"
    found = {name: route_by_row(root, name, "org/model", "their/id") for name in EMBED_ROUTES}
    assert {name: route.url.removeprefix(root) for name, route in found.items()} == {
        "hf-inference": "/hf-inference/models/org/model/pipeline/feature-extraction",
        "deepinfra": "/deepinfra/v1/openai/embeddings",
        "scaleway": "/scaleway/v1/embeddings",
        "together": "/together/v1/embeddings",
    }
    assert {name: route.model for name, route in found.items()} == {
        "hf-inference": "org/model",
        "deepinfra": "their/id",
        "scaleway": "their/id",
        "together": "their/id",
    }


def test_a_model_cannot_lead_the_address_elsewhere() -> None:
    route = route_by_row("https://r", "hf-inference", "org/model?x=1#y %2e\\", "p")
    assert (
        route.url
        == "https://r/hf-inference/models/org/model%3Fx%3D1%23y%20%252e%5C/pipeline/feature-extraction"
    )


@pytest.mark.parametrize(
    ("url", "api", "task", "wanted", "dialect"),
    [
        ("http://h/v1", "auto", "embed", "http://h/v1/embeddings", "openai"),
        ("http://h/openai/v1/x", "auto", "embed", "http://h/openai/v1/x/embeddings", "openai"),
        ("http://h", "auto", "embed", "http://h/embed", FE),
        ("http://v1", "auto", "embed", "http://v1/embed", FE),
        ("http://h/v12", "auto", "embed", "http://h/v12/embed", FE),
        ("http://h", "openai", "embed", "http://h/embeddings", "openai"),
        ("http://h/v1", "tei", "embed", "http://h/v1/embed", FE),
        ("http://h/v1", "auto", "rerank", "http://h/v1/rerank", "openai"),
        ("http://h", "auto", "rerank", "http://h/rerank", FE),
    ],
)
def test_what_an_address_speaks(url: str, api: Any, task: Any, wanted: str, dialect: str) -> None:
    route = route_by_url(url, api, "m", task)
    assert (route.url, route.dialect, route.root, route.provider) == (wanted, dialect, url, None)


def test_the_stricter_limit_on_size_counts() -> None:
    assert Limits(1, size=100, tokens=10).bytes == 30
    assert Limits(1, size=10, tokens=10).bytes == 10


def test_mappings_are_remembered_for_a_while_by_hub_model_and_account() -> None:
    memory = Mappings(ttl=300, most=2)
    found = ("org/model", (Served("a", "b", "live", FE),))
    memory.remember("hub", "m", "me", found, now=1000)
    assert memory.fresh("hub", "m", "me", now=1299) == found
    assert memory.fresh("hub", "m", "me", now=1300) is None
    assert memory.fresh("hub", "m", "me", now=999) is None  # the clock was set back
    for other in (("hub2", "m", "me"), ("hub", "m2", "me"), ("hub", "m", "you")):
        assert memory.fresh(*other, now=1000) is None
    memory.remember("hub", "m2", "me", found, now=1000)
    memory.remember("hub", "m3", "me", found, now=1000)
    assert memory.fresh("hub", "m", "me", now=1000) is None  # the oldest gave way
    memory.clear()
    assert memory.fresh("hub", "m3", "me", now=1000) is None
