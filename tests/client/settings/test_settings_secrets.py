"""Secrets in settings: shown nowhere, and sent to no host that a stranger's file names."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, HFRouter, RouterError, RouterSettings, Target
from tests.client.settings.conftest import HELLO, SECRET, toml


def test_secrets_are_neither_printed_nor_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    given: list[dict[str, Any]] = [
        {"api_key": SECRET},
        {"state": f"redis://:{SECRET}@host/0"},
        {"default_headers": {"X-Api-Key": SECRET}},
        {"fallback": [Target(model="a/b", api_key=SECRET), {"model": "a/b", "api_key": SECRET}]},
        {"models": {"x": {"model": "a/b", "api_key": SECRET}}},
        {},
    ]
    for arguments in given:
        settings = RouterSettings(**arguments)
        for shown in (str(settings), repr(settings), f"{settings.model_fields_set}"):
            assert SECRET not in shown
        assert "**********" in str(settings)
        assert SECRET.encode() not in pickle.dumps(RouterSettings(api_key=SECRET))
    assert "HF_TOKEN" in str(RouterSettings())


def test_every_value_is_printed_with_its_origin(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml(project, '[models.coder]\nmodel = "org/coder"\ntemperature = 0.1')
    monkeypatch.setenv("HFROUTER_MAX_RETRIES", "4")
    lines = {line.split()[0]: line.split() for line in str(RouterSettings(bill_to="org")).splitlines()}
    assert lines["bill_to"] == ["bill_to", "'org'", "argument"]
    assert lines["max_retries"] == ["max_retries", "4", "HFROUTER_MAX_RETRIES"]
    assert lines["timeout"] == ["timeout", "120.0", "default"]
    assert "temperature=0.1)" in lines["models.coder"]
    assert lines["models.coder"][-1] == str(file)


def sent_to(**settings: Any) -> list[tuple[str, str | None]]:
    """The host and the authorization header of what leaves with one chat call."""
    import httpx2

    seen: list[tuple[str, str | None]] = []
    answer = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}

    def reply(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.url.host, request.headers.get("authorization")))
        return httpx2.Response(200, json=answer)

    with httpx2.Client(transport=httpx2.MockTransport(reply)) as client:
        HFRouter(settings.pop("model", "a/b"), http_client=client, **settings).chat(HELLO)
    return seen


def in_toml(project: Path, url: str) -> None:
    toml(project, f'base_url = "{url}"')


def in_dotenv(project: Path, url: str) -> None:
    (project / ".env").write_text(f"HFROUTER_BASE_URL={url}\n")


FOUND = pytest.mark.parametrize("write", [in_toml, in_dotenv], ids=["hfrouter.toml", ".env"])


@FOUND
def test_a_strangers_host_is_not_sent_the_ambient_token(
    project: Path, monkeypatch: Any, write: Callable[[Path, str], None]
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    write(project, "https://stranger.example/v1")
    assert sent_to() == [("stranger.example", None)]
    write(project, "https://router.huggingface.co/v1")
    assert sent_to() == [("router.huggingface.co", f"Bearer {SECRET}")]


@FOUND
@pytest.mark.parametrize("secret", [{"api_key": SECRET}, {"default_headers": {"X-Api-Key": SECRET}}])
def test_a_strangers_host_is_not_sent_a_key_that_the_program_gave(
    project: Path, write: Callable[[Path, str], None], secret: dict[str, Any]
) -> None:
    write(project, "https://stranger.example/v1")
    with pytest.raises(ConfigError, match="not given for that host"):
        sent_to(**secret)
    with pytest.raises(ConfigError, match="not given for that host"):
        pickle.dumps(HFRouter("a/b", **secret))


def test_a_key_may_go_where_the_program_itself_or_this_machine_is_named(project: Path) -> None:
    in_toml(project, "http://127.0.0.1:8000/v1")
    assert sent_to(api_key=SECRET) == [("127.0.0.1", f"Bearer {SECRET}")]
    in_toml(project, "https://stranger.example/v1")
    assert sent_to(api_key=SECRET, base_url="https://own.example/v1") == [("own.example", f"Bearer {SECRET}")]


def test_a_key_in_the_environment_does_not_go_to_a_host_that_a_file_names(
    project: Path, monkeypatch: Any
) -> None:
    in_toml(project, "https://stranger.example/v1")
    (project / ".env").write_text(f"HFROUTER_API_KEY={SECRET}\n")
    with pytest.raises(ConfigError, match="not given for that host"):
        RouterSettings()
    in_dotenv(project, "https://own.example/v1")
    monkeypatch.setenv("HFROUTER_API_KEY", SECRET)
    with pytest.raises(ConfigError, match="not given for that host"):
        RouterSettings()
    monkeypatch.setenv("HFROUTER_BASE_URL", "https://own.example/v1")
    assert sent_to() == [("own.example", f"Bearer {SECRET}")]


def test_a_named_model_of_a_strangers_is_sent_no_key_either(project: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    toml(
        project,
        '[models.coder]\nmodel = "x"\nbase_url = "https://stranger.example/v1"\napi_key_env = "HF_TOKEN"',
    )
    assert sent_to(model="coder") == [("stranger.example", None)]
    with pytest.raises(ConfigError, match="not given for that host"):
        sent_to(model="coder", api_key=SECRET)
    assert sent_to(fallback=["coder"], api_key=SECRET) == [("router.huggingface.co", f"Bearer {SECRET}")]


def test_a_named_model_at_a_strangers_host_of_all_calls_is_sent_no_key_either(project: Path) -> None:
    toml(project, 'base_url = "https://stranger.example/v1"\n[models.coder]\nmodel = "x"')
    with pytest.raises(ConfigError, match="not given for that host"):
        sent_to(model="coder", api_key=SECRET)
    assert sent_to(model="coder") == [("stranger.example", None)]


def test_a_file_that_is_named_may_name_any_variable(project: Path, monkeypatch: Any) -> None:
    file = toml(project, 'base_url = "https://own.example/v1"\napi_key_env = "OWN"')
    monkeypatch.setenv("HFROUTER_CONFIG", str(file))
    with pytest.raises(ConfigError, match="OWN, named by api_key_env, is not set"):
        sent_to()
    monkeypatch.setenv("OWN", SECRET)
    assert sent_to() == [("own.example", f"Bearer {SECRET}")]


def test_a_variable_made_for_it_may_be_named_by_any_file(project: Path, monkeypatch: Any) -> None:
    toml(project, 'base_url = "https://own.example/v1"\napi_key_env = "HFROUTER_KEY_OWN"')
    (project / ".env").write_text(f"HFROUTER_KEY_OWN={SECRET}\n")
    assert sent_to() == [("own.example", f"Bearer {SECRET}")]


def test_what_was_written_for_one_host_does_not_go_to_another_that_the_program_names(
    project: Path, monkeypatch: Any
) -> None:
    toml(project, 'base_url = "https://own.example/v1"\napi_key_env = "HFROUTER_KEY_OWN"\nbill_to = "org"')
    monkeypatch.setenv("HFROUTER_KEY_OWN", SECRET)
    assert sent_to(base_url="https://other.example/v1") == [("other.example", None)]
    assert sent_to(base_url="https://own.example/v2") == [("own.example", f"Bearer {SECRET}")]
    monkeypatch.setenv("HFROUTER_API_KEY", "hf_of-the-router")
    (project / "hfrouter.toml").unlink()
    assert sent_to() == [("router.huggingface.co", "Bearer hf_of-the-router")]
    assert sent_to(base_url="https://other.example/v1") == [("other.example", None)]


@pytest.mark.parametrize(
    "line",
    [
        """HFROUTER_FALLBACK='[{"base_url": "https://x.example", "api_key_env": "AWS_SECRET"}]'""",
        """HFROUTER_TIERS='{"a": [{"base_url": "https://x.example", "api_key_env": "AWS_SECRET"}]}'""",
        """HFROUTER_MODELS='{"a": {"base_url": "https://x.example", "api_key_env": "AWS_SECRET"}}'""",
        "HFROUTER_API_KEY_ENV=AWS_SECRET",
    ],
    ids=["a fallback", "a tier", "a model", "all calls"],
)
def test_a_dotenv_may_not_name_any_variable_for_a_key(project: Path, monkeypatch: Any, line: str) -> None:
    monkeypatch.setenv("AWS_SECRET", SECRET)
    (project / ".env").write_text(line)
    with pytest.raises(ConfigError, match=r"HFROUTER_KEY_\.\.\. alone"):
        sent_to()


def test_a_variable_that_the_environment_names_is_not_for_a_strangers_host(
    project: Path, monkeypatch: Any
) -> None:
    in_toml(project, "https://stranger.example/v1")
    monkeypatch.setenv("OWN", SECRET)
    monkeypatch.setenv("HFROUTER_API_KEY_ENV", "OWN")
    with pytest.raises(ConfigError, match="not given for that host"):
        sent_to()


def test_a_strangers_hub_gets_no_token(project: Path, monkeypatch: Any, offline_url: Any) -> None:
    root = str(offline_url).removesuffix("/v1")
    toml(project, f'hub_url = "{root}"')
    monkeypatch.setenv("HF_TOKEN", SECRET)
    for key in ({}, {"api_key": SECRET}):
        with pytest.raises(RouterError):  # the router itself is out of reach
            HFRouter("offline/painter", max_retries=0, timeout=2, **key).text_to_image("a boat")
        assert "authorization" not in offline_url.requests[-1].headers


def test_a_dotenv_does_not_read_the_environment(project: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("CLOUD_KEY", SECRET)
    (project / ".env").write_text("HFROUTER_BASE_URL=https://stranger.example/${CLOUD_KEY}\n")
    assert SECRET not in str(RouterSettings().base_url)


def test_a_dotenv_neither_changes_nor_precedes_the_environment(project: Path, monkeypatch: Any) -> None:
    (project / ".env").write_text(f"HF_TOKEN={SECRET}\nHFROUTER_BILL_TO=org\n")
    assert sent_to() == [("router.huggingface.co", f"Bearer {SECRET}")]
    assert "HF_TOKEN" not in os.environ
    monkeypatch.setenv("HUG_API_KEY", "hf_nearer")
    assert sent_to() == [("router.huggingface.co", "Bearer hf_nearer")]
