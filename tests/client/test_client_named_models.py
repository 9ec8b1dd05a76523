"""Models by names of one's own, wherever a model is: what a name brings, and what counts beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, RouterSettings, errors
from shared_core.testing import Status, offline_router

HELLO = [{"role": "user", "content": "Hello!"}]
SYSTEM = {"role": "system", "content": "Be brief."}

FILE = """
[models.coder]
model = "offline/echo"
temperature = 0.1
max_tokens = 50
system = "Be brief."
extra_body = {seed_of = "file"}

[models.vectors]
model = "offline/embed-16"

[models.painter]
model = "offline/painter:fal-ai"

[models.elsewhere]
model = "offline/echo"
base_url = "OTHER"
api_key_env = "HFROUTER_KEY_OTHER"
"""


@pytest.fixture
def other() -> Any:
    with offline_router() as url:
        yield url


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    """A file with names in the current folder."""
    (tmp_path / "hfrouter.toml").write_text(FILE.replace("OTHER", str(other), 1))
    monkeypatch.setenv("HFROUTER_KEY_OTHER", "key-of-the-other")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def here(offline_url: Any) -> dict[str, Any]:
    return {"base_url": str(offline_url), "api_key": "key-of-here", "max_retries": 0, "timeout": 10}


def test_a_client_takes_everything_that_stands_under_the_name(offline_url: Any, here: Any) -> None:
    router = HFRouter("coder", **here)
    router.chat(HELLO)
    sent = offline_url.requests[-1].json
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("offline/echo", 0.1, 50)
    assert (sent["messages"], sent["seed_of"]) == ([SYSTEM, *HELLO], "file")
    assert router.model == "offline/echo"


async def test_asynchronous_clients_and_streams_do_too(offline_url: Any, here: Any) -> None:
    router = AsyncHFRouter(**here)
    async with router.stream(HELLO, model="coder") as stream:
        assert [delta async for delta in stream]
    assert offline_url.requests[-1].json["messages"][0] == SYSTEM
    await router.close()


def test_what_is_given_beside_the_name_wins(offline_url: Any, here: Any) -> None:
    own = {"role": "system", "content": "Be long."}
    HFRouter("coder", **here, extra_body={"seed_of": "code"}).chat(
        [own, *HELLO], temperature=1.0, max_tokens=None
    )
    sent = offline_url.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"], sent["seed_of"]) == (1.0, 50, "code")
    assert sent["messages"] == [own, *HELLO]


def test_one_call_may_name_it(offline_url: Any, here: Any) -> None:
    router = HFRouter("offline/tools", **here)
    router.chat(HELLO, model="coder")
    router.chat(HELLO)
    named, plain = (seen.json for seen in offline_url.requests)
    assert (named["model"], named["temperature"], named["messages"][0]) == ("offline/echo", 0.1, SYSTEM)
    assert (plain["model"], plain["messages"]) == ("offline/tools", HELLO)
    assert "temperature" not in plain


def test_a_call_that_names_another_model_gets_nothing_of_the_clients_name(
    offline_url: Any, here: Any
) -> None:
    HFRouter("coder", **here).chat(HELLO, model="offline/tools")
    sent = offline_url.requests[-1].json
    assert (sent["model"], sent["messages"]) == ("offline/tools", HELLO)
    assert "temperature" not in sent


def test_a_call_that_names_the_clients_own_name_is_like_one_that_names_none(
    here: Any, offline_url: Any
) -> None:
    HFRouter("elsewhere", **here).chat(HELLO, model="elsewhere")
    assert offline_url.requests[-1].headers["authorization"] == "Bearer key-of-here"


def test_its_host_gets_its_own_key_and_nothing_of_the_clients(
    here: Any, other: Any, offline_url: Any
) -> None:
    router = HFRouter("offline/echo", **here, bill_to="org", default_headers={"x-mine": "1"})
    assert router.chat(HELLO, model="elsewhere").meta.url == str(other)
    headers = other.requests[-1].headers
    assert headers["authorization"] == "Bearer key-of-the-other"
    assert not {"x-hf-bill-to", "x-mine"} & headers.keys()
    assert not offline_url.requests


def test_a_client_by_that_name_is_at_its_host(other: Any) -> None:
    router = HFRouter("elsewhere", max_retries=0)
    router.chat(HELLO)
    assert router.base_url == str(other)
    assert other.requests[-1].headers["authorization"] == "Bearer key-of-the-other"


def test_a_key_that_is_not_set_is_missed_where_it_is_needed(monkeypatch: Any, here: Any) -> None:
    monkeypatch.delenv("HFROUTER_KEY_OTHER")
    router = HFRouter("coder", **here)
    router.chat(HELLO)
    with pytest.raises(ConfigError, match="HFROUTER_KEY_OTHER"):
        router.chat(HELLO, model="elsewhere")


def test_a_fallback_is_its_model_and_host_and_the_parameters_stay_the_calls(
    here: Any, other: Any, offline_url: Any
) -> None:
    offline_url.queue(Status(503))
    router = HFRouter("coder", **here, fallback=["elsewhere"])
    assert router.chat(HELLO, temperature=0.7).meta.url == str(other)
    sent = other.requests[-1]
    assert (sent.json["temperature"], sent.json["messages"][0]) == (0.7, SYSTEM)
    assert sent.headers["authorization"] == "Bearer key-of-the-other"


def test_a_fallback_without_a_host_stays_at_home_where_the_model_is_elsewhere(
    here: Any, other: Any, offline_url: Any
) -> None:
    other.queue(Status(503), times=3)
    router = HFRouter("offline/tools", **here, fallback=["coder"])
    assert router.chat(HELLO, model="elsewhere").meta.url == str(offline_url)
    assert offline_url.requests[-1].headers["authorization"] == "Bearer key-of-here"
    settings = RouterSettings(base_url=str(offline_url), api_key="key-of-home", max_retries=0)
    for fallback in (["coder"], ["offline/echo"]):
        router = HFRouter.from_settings(settings, model="elsewhere", fallback=fallback)
        assert router.chat(HELLO).meta.url == str(offline_url)
        assert offline_url.requests[-1].headers["authorization"] == "Bearer key-of-home"


def test_a_tier_may_be_made_of_names(here: Any, other: Any) -> None:
    router = HFRouter(**here, tiers={"fast": ["elsewhere", "coder"]}, tier="fast")
    assert router.chat(HELLO).meta.url == str(other)


def test_the_tiers_of_the_file_may_be_chosen_by_an_argument(here: Any, other: Any, tmp_path: Path) -> None:
    (tmp_path / "hfrouter.toml").write_text(
        f'[tiers]\nfast = [{{model = "offline/echo", base_url = "{other}"}}]'
    )
    assert HFRouter(**here, tier="fast").chat(HELLO).meta.url == str(other)
    with pytest.raises(ConfigError, match=r"(?s)no tier 'slow'.*There are fast"):
        HFRouter(**here, tier="slow").chat(HELLO)


def test_other_tasks_take_names_too(here: Any, offline_url: Any) -> None:
    router = HFRouter(
        **here, task_models={"text-to-image": "painter"}, hub_url=str(offline_url).removesuffix("/v1")
    )
    router.embedding_api = "router"
    assert router.embed(["one"], model="vectors").vectors.shape == (1, 16)
    assert router.text_to_image("a boat").files[0].kind == "image"
    assert router.text_to_image("a boat", model="painter").meta.model
    assert router.estimate_cost("Hello", model="coder", max_tokens=5)
    assert router.status("coder").model == "offline/echo"


def test_a_name_may_be_given_as_an_argument_and_hides_the_files(here: Any, offline_url: Any) -> None:
    models = {"coder": {"model": "offline/tools"}, "mine": {"model": "offline/echo", "seed": 3}}
    router = HFRouter("mine", **here, models=models)
    router.chat(HELLO)
    router.chat(HELLO, model="coder")
    mine, coder = (seen.json for seen in offline_url.requests)
    assert (mine["seed"], coder["model"], coder["messages"]) == (3, "offline/tools", HELLO)
    assert RouterSettings(models=models).models.keys() == {"coder", "mine", "vectors", "painter", "elsewhere"}


@pytest.mark.parametrize("model", ["unknown", "coder:groq", "org/coder"])
def test_an_id_that_is_no_name_goes_to_the_host_as_it_is(here: Any, offline_url: Any, model: str) -> None:
    with pytest.raises(errors.RouterError):
        HFRouter(model, **here).chat(HELLO)
    assert offline_url.requests[-1].json["model"] == model


def test_limits_hooks_and_tags_of_a_client_are_those_of_its_named_models(here: Any) -> None:
    told: list[Any] = []
    router = HFRouter("offline/echo", **here, hooks=[told.append], usage_tags={"user": "ada"})
    router.chat(HELLO, model="elsewhere")
    assert told
    assert router._at({"model": "elsewhere"})[0]._safeguards is router._safeguards


def test_a_provider_that_is_given_beside_a_name_goes_before_the_files() -> None:
    settings = {"models": {"a": {"model": "org/a", "provider": "groq"}, "b": {"model": "org/b"}}}
    for name, given, expected in [
        ("a", {}, "groq"),
        ("a", {"provider": "x"}, "x"),
        ("b", {"provider": "x"}, "x"),
    ]:
        router = HFRouter(name, **settings, **given)
        router._settle()
        assert (router.model, router.provider) == (f"org/{name}", expected)
    router = HFRouter("org/c", provider="x", **settings)
    assert [router._at({"model": name})[0].provider for name in "ab"] == ["groq", "x"]
