"""Aliases: a program written for a real model runs against the offline router as it stands."""

from __future__ import annotations

import httpx2
import pytest

from shared_core.testing import offline_router
from shared_core.testing.__main__ import main

ALIASES = {"openai/gpt-oss-120b": "offline/echo"}


@pytest.fixture(scope="module")
def aliased():
    with offline_router(embedder="words", aliases=ALIASES) as url:
        yield url


def ask(url: str, model: str) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return httpx2.post(f"{url}/chat/completions", json=body)


@pytest.mark.parametrize("suffix", ["", ":cheapest", ":groq"])
def test_an_alias_is_answered_by_its_model_which_the_reply_names(aliased, suffix):
    reply = ask(aliased, f"openai/gpt-oss-120b{suffix}").json()
    assert reply["choices"][0]["message"]["content"] == "hello"
    assert reply["model"].partition(":")[0] == "offline/echo"


def test_the_models_own_ids_still_work_beside_an_alias(aliased):
    assert ask(aliased, "offline/echo").status_code == 200


def test_an_id_that_is_no_alias_is_refused(aliased):
    assert ask(aliased, "openai/gpt-oss-20b").status_code == 400


def test_the_catalogue_lists_an_alias(aliased):
    listed = {entry["id"] for entry in httpx2.get(f"{aliased}/models").json()["data"]}
    assert {"openai/gpt-oss-120b", "offline/echo"} <= listed
    assert httpx2.get(f"{aliased}/models/openai/gpt-oss-120b").json()["id"] == "openai/gpt-oss-120b"


def test_an_alias_for_a_model_that_is_not_there_is_an_error_at_once():
    with (
        pytest.raises(ValueError, match="no 'offline/nobody' here"),
        offline_router(aliases={"a/b": "offline/nobody"}),
    ):
        pass


def test_the_command_says_so_too(capsys):
    assert main(["--port", "0", "--alias", "a/b=offline/nobody"]) == 1
    assert "offline/nobody" in capsys.readouterr().err
