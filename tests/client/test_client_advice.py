"""Hints that depend on whom a call went to: whose key is wanted, and a routing policy that is spelt wrong."""

from __future__ import annotations

import pydoc

import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, ModelNotServed, RouterError, Unauthorized
from shared_core.client.advice import advice
from shared_core.client.arguments import RouterArguments
from shared_core.testing import offline_router

HELLO = [{"role": "user", "content": "Hello!"}]
ROUTER = "https://router.huggingface.co/v1"


def test_a_server_of_ones_own_that_refuses_the_key_is_not_answered_with_a_token_of_hugging_face() -> None:
    with offline_router(token="its-key") as url:
        for key in (None, "another"):
            with pytest.raises(Unauthorized) as caught:
                HFRouter("offline/echo", base_url=url, api_key=key).chat(HELLO)
            assert "this server's own key" in caught.value.hint
            assert "Set HF_TOKEN" not in str(caught.value)


async def test_in_an_event_loop_the_advice_is_the_same() -> None:
    with offline_router(token="its-key") as url:
        async with AsyncHFRouter("offline/echo", base_url=url) as router:
            with pytest.raises(Unauthorized, match="this server's own key"):
                await router.chat(HELLO)


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("org/name:cheepest", ":cheapest"),
        ("org/name:cheap", ":cheapest"),
        ("org/name:fast", ":fastest"),
        ("org/name:prefered", ":preferred"),
        ("org/name:fastest", ""),
        ("org/name:groq", ""),
        ("org/name:", ""),
        ("org/name", ""),
        (None, ""),
        ("org/name:" + "x" * 100_000, ""),
    ],
)
def test_a_routing_policy_that_is_spelt_wrong_is_corrected(model: str | None, meant: str) -> None:
    hint = advice(ModelNotServed("Not supported by provider."), ROUTER, model)
    assert hint.startswith(f"Did you mean `{meant}`?") if meant else hint == ""


@pytest.mark.parametrize(
    "error", [Unauthorized("No."), RouterError("No.")], ids=["no token", "another error"]
)
def test_hosts_of_hugging_face_keep_the_usual_advice(error: RouterError) -> None:
    assert advice(error, ROUTER, "org/name:cheepest") == ""


def test_an_argument_that_a_client_does_not_have_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no argument 'max_retry'") as caught:
        HFRouter("a/b", max_retry=3)  # type: ignore[call-arg]
    assert caught.value.hint == "Did you mean 'max_retries'?"
    with pytest.raises(ConfigError, match="no argument 'zebra'"):
        AsyncHFRouter("a/b", zebra=1)  # type: ignore[call-arg]


def test_the_router_of_hugging_face_asks_for_a_token_of_its_own() -> None:
    assert "Make calls to Inference Providers" in Unauthorized("No.").hint
    assert advice(Unauthorized("No."), "https://my-endpoint.aws.endpoints.huggingface.cloud/v1", "m") == ""


@pytest.mark.parametrize("client", [HFRouter, AsyncHFRouter])
def test_help_of_a_client_explains_every_argument(client: type) -> None:
    explained = pydoc.plain(pydoc.render_doc(client))
    assert [name for name in RouterArguments.__annotations__ if f"     {name}: " not in explained] == []
