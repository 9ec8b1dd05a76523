"""One `RouterSettings`: which of four places counts, what is wrong with a file, and what is never shown."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, RouterError, RouterSettings, Target, Timeouts
from shared_core.client.arguments import RouterArguments

HELLO = [{"role": "user", "content": "Hello!"}]
SECRET = "hf_" + "s3cr3t" * 5


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to start in, and an empty home."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def toml(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "hfrouter.toml"
    file.write_text(text, encoding="utf-8")
    return file


# -- which place counts ---------------------------------------------------------------------------------------------

PLACES = ["argument", "HFROUTER_TIMEOUT", "HFROUTER_TIMEOUT in .env", "hfrouter.toml", "default"]


@pytest.mark.parametrize("nearest", range(len(PLACES)), ids=PLACES)
def test_the_nearest_place_counts(project: Path, monkeypatch: pytest.MonkeyPatch, nearest: int) -> None:
    arguments = {"timeout": 1.0} if nearest == 0 else {}
    if nearest <= 1:
        monkeypatch.setenv("HFROUTER_TIMEOUT", "2")
    if nearest <= 2:
        (project / ".env").write_text("HFROUTER_TIMEOUT=3\nOTHER=1\n")
    if nearest <= 3:
        toml(project, "timeout = 4")
    settings = RouterSettings.load(**arguments)
    assert settings.timeout == (None if nearest == 4 else nearest + 1)
    assert PLACES[nearest] in str(settings.origin("timeout"))
    router = HFRouter("a/b", **arguments)
    router._settle()
    assert router.timeouts.total == (120 if nearest == 4 else nearest + 1)


@pytest.mark.parametrize("kind", [HFRouter, AsyncHFRouter])
def test_a_client_reads_nothing_before_its_first_call_and_everything_with_it(
    project: Path, kind: Any, offline_url: Any
) -> None:
    router = kind("offline/echo")
    toml(project, f'base_url = "{offline_url}"\nmax_retries = 0\nusage_tags = {{user = "ada"}}')
    assert router.max_retries == 2
    assert router.base_url == offline_url
    assert router.max_retries == 0
    assert router._safeguards.usage_tags == {"user": "ada"}


def test_an_argument_counts_even_where_it_says_what_is_usual(project: Path) -> None:
    toml(project, 'max_retries = 5\nwait_for_model = true\nembedding_api = "tei"')
    router = HFRouter("a/b", max_retries=2, wait_for_model=False, embedding_api="auto")
    router._settle()
    assert (router.max_retries, router.wait_for_model, router.embedding_api) == (2, False, "auto")


def test_what_was_set_on_a_client_before_its_first_call_counts_like_an_argument(project: Path) -> None:
    toml(project, 'model = "org/written"\nbill_to = "org"')
    router = HFRouter()
    router.model = "org/set"
    router._settle()
    assert (router.model, router.bill_to) == ("org/set", "org")


def test_settings_that_were_loaded_make_a_client_that_looks_for_no_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RouterSettings(model="org/name", timeout={"total": 9, "connect": 2})
    toml(project, "timeout = 4")
    monkeypatch.setenv("HFROUTER_BILL_TO", "somebody")
    router = HFRouter.from_settings(settings, max_retries=1)
    assert router.base_url.startswith("https://router.huggingface.co")
    assert (router.model, router.bill_to, router.max_retries) == ("org/name", None, 1)
    assert router.timeouts == Timeouts(total=9, connect=2)


def test_lists_and_tables_stand_in_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFROUTER_FALLBACK", '["org/a:groq", {"model": "org/b"}]')
    monkeypatch.setenv("HFROUTER_TIMEOUT", '{"total": 60, "first_token": 5}')
    monkeypatch.setenv("HFROUTER_HEDGE", "0.5")
    monkeypatch.setenv("HFROUTER_WAIT_FOR_MODEL", "true")
    monkeypatch.setenv("HFROUTER_LEDGER", "usage.sqlite")
    monkeypatch.setenv("HFROUTER_STATE", "redis://localhost/0")
    settings = RouterSettings()
    assert settings.fallback == ["org/a:groq", {"model": "org/b"}]
    assert settings.arguments()["timeout"] == Timeouts(total=60, first_token=5)
    assert (settings.hedge, settings.wait_for_model) == (0.5, True)
    assert (settings.ledger, settings.state) == ("usage.sqlite", "redis://localhost/0")


def test_the_hub_is_where_huggingface_hub_looks_for_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    assert HFRouter().hub_url == "https://hub.example"
    monkeypatch.setenv("HFROUTER_HUB_URL", "https://nearer.example")
    assert HFRouter().hub_url == "https://nearer.example"


def test_every_argument_of_a_client_that_can_be_written_down_is_a_setting() -> None:
    arguments = {*RouterArguments.__annotations__, "model"}
    assert arguments - {"hooks"} == RouterSettings.model_fields.keys() - {"config", "origins", "api_key_env"}


def test_a_cache_of_answers_may_be_written_down(project: Path, offline_url: Any) -> None:
    toml(project, f'model = "offline/echo"\nbase_url = "{offline_url}"\nchat_cache = true')
    router = HFRouter(api_key="k")
    replies = [router.chat(HELLO, temperature=0, seed=1) for _ in range(2)]
    assert [reply.meta.cached for reply in replies] == [False, True]


def test_a_cache_that_a_client_opened_stays_its_own_to_close(project: Path) -> None:
    toml(project, "timeout = 9")
    router = HFRouter("a/b", chat_cache=str(project / "chats.sqlite"))
    opened = router._safeguards.opened
    assert opened is not None
    router._settle()
    assert router._safeguards.opened is opened
    assert router.timeouts.total == 9


def test_a_hedge_may_find_its_second_target_in_the_file(project: Path) -> None:
    toml(project, 'fallback = ["org/second"]')
    router = HFRouter("org/first", hedge=True)
    router._settle()
    assert router._ways is not None


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_found_above_up_to_the_root_of_the_project(project: Path, monkeypatch: Any) -> None:
    toml(project.parent, "timeout = 9")
    (project / ".git").mkdir()
    (project / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(project / "a" / "b")
    assert RouterSettings().timeout is None
    file = toml(project, "timeout = 7")
    assert (RouterSettings().timeout, RouterSettings().config) == (7, file)
    toml(project / "a", "timeout = 8")
    assert RouterSettings().timeout == 8


def test_without_a_project_no_folder_above_is_looked_into(project: Path) -> None:
    toml(project.parent, "timeout = 9")
    assert RouterSettings().timeout is None


def test_the_users_own_file_counts_where_a_project_has_none(project: Path, tmp_path: Path) -> None:
    own = toml(tmp_path / "home" / "hfrouter", "timeout = 5")
    assert (RouterSettings().timeout, RouterSettings().config) == (5, own)
    toml(project, "max_retries = 1")
    assert RouterSettings().timeout is None  # one file counts


@pytest.mark.parametrize("named", ["argument", "variable"])
def test_a_file_that_is_named_counts_alone(project: Path, monkeypatch: Any, named: str) -> None:
    toml(project, "timeout = 4")
    other = toml(project / "other", "timeout = 6")
    if named == "variable":
        monkeypatch.setenv("HFROUTER_CONFIG", str(other))
        assert RouterSettings().timeout == 6
    else:
        assert RouterSettings.load(other).timeout == 6


def test_a_dotenv_may_not_name_the_file(project: Path) -> None:
    other = toml(project / "other", "timeout = 6")
    (project / ".env").write_text(f"HFROUTER_CONFIG={other}\n")
    assert RouterSettings().timeout is None


def test_a_file_that_changes_counts_for_clients_that_come_later(project: Path) -> None:
    file = toml(project, "timeout = 1.5")
    first = HFRouter("a/b")
    first._settle()
    file.write_text("timeout = 22.5")
    os.utime(file, ns=(1, 1))
    first._settle()
    second = HFRouter("a/b")
    second._settle()
    assert (first.timeouts.total, second.timeouts.total) == (1.5, 22.5)


WRONG = {
    "no TOML": ("timeout = ", "is no TOML"),
    "a key that does not exist": ("timout = 3", "no setting 'timout'.*Did you mean 'timeout'"),
    "a word for a number": ('timeout = "soon"', r"timeout \(.*hfrouter.toml\)"),
    "a switch for a number": ("max_retries = true", r"max_retries \(.*not a switch"),
    "a number that cannot work": ("timeout = -1", r"timeout \(.*hfrouter.toml\)"),
    "a limit that does not exist": ("timeout = {all = 3}", r"timeout \(.*hfrouter.toml\)"),
    "an address that is none": ('base_url = "localhost"', r"base_url \(.*not an absolute address"),
    "a routing that does not exist": ('routing = "luck"', r"routing \(.*no routing 'luck'"),
    "a target that is none": ("fallback = [{modle = 'x'}]", r"fallback \(.*no 'modle'"),
    "a list for a table": ("models = ['coder']", "models is"),
    "a named model with a slash": ('[models."a/b"]\nmodel = "c/d"', "no slash"),
    "a named model with an unknown key": (
        '[models.coder]\nmodel = "a/b"\ntemprature = 1',
        r"models\.coder has an unknown key 'temprature'.*'temperature'",
    ),
    "a named model without a model": ("[models.coder]\ntemperature = 1", r"models\.coder: No model"),
    "a token": (f'api_key = "{SECRET}"', "api_key holds a token"),
    "a token of a named model": (f'[models.x]\nmodel = "a/b"\napi_key = "{SECRET}"', r"models\.x\.api_key"),
    "a token of a target": (f'fallback = [{{model = "a/b", api_key = "{SECRET}"}}]', "fallback.api_key"),
    "a secret header": (f'default_headers = {{x-api-key = "{SECRET}"}}', "is a secret"),
    "any variable for a key": ('api_key_env = "AWS_SECRET_ACCESS_KEY"', "HFROUTER_KEY_... alone"),
    "any variable for a named model's key": (
        '[models.x]\nbase_url = "https://x.example"\napi_key_env = "AWS_SECRET"',
        "HFROUTER_KEY_... alone",
    ),
    "any variable for a target's key": (
        'fallback = [{base_url = "https://x.example", api_key_env = "AWS_SECRET"}]',
        "HFROUTER_KEY_... alone",
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_in_a_file_is_said_with_its_place(project: Path, text: str, said: str) -> None:
    toml(project, text)
    for load in (RouterSettings, lambda: HFRouter("a/b").chat(HELLO)):
        with pytest.raises(ConfigError, match=f"(?s){said}") as caught:
            load()
        assert SECRET not in f"{caught.value!r}{caught.value}"
        assert "hfrouter.toml" in str(caught.value) or "api_key_env" in str(caught.value)


def test_a_variable_that_is_neither_list_nor_table_is_said_by_its_name(
    project: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HFROUTER_TIERS", "{fast")
    with pytest.raises(ConfigError, match=r"tiers \(HFROUTER_TIERS\) cannot be read"):
        RouterSettings()
    monkeypatch.delenv("HFROUTER_TIERS")
    (project / ".env").write_text("HFROUTER_TIERS={fast\n")
    with pytest.raises(ConfigError, match=r"tiers \(HFROUTER_TIERS in \.env\) cannot be read"):
        RouterSettings()


@pytest.mark.parametrize("name", ["hfrouter.toml", ".env"])
def test_a_file_that_cannot_be_read_is_one_clear_error(project: Path, name: str) -> None:
    file = project / name
    if Path("/proc/self/mem").exists():  # a file that even root cannot read from its beginning
        file.symlink_to("/proc/self/mem")
    else:
        file.write_text("timeout = 1")
        file.chmod(0)
    with pytest.raises(ConfigError, match=f"{name} cannot be read"):
        RouterSettings()


@pytest.mark.parametrize("name", ["hfrouter.toml", ".env"])
def test_a_file_in_another_encoding_is_one_clear_error(project: Path, name: str) -> None:
    (project / name).write_bytes(b'model = "\xff\xfe"')
    with pytest.raises(ConfigError, match=name):
        RouterSettings()


def test_a_file_may_begin_with_a_byte_order_mark(project: Path) -> None:
    (project / "hfrouter.toml").write_bytes(b"\xef\xbb\xbftimeout = 3")
    assert RouterSettings().timeout == 3


def test_a_folder_of_that_name_and_a_folder_that_is_gone_are_no_file(project: Path, monkeypatch: Any) -> None:
    (project / "hfrouter.toml").mkdir()
    assert RouterSettings().timeout is None
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert RouterSettings().timeout is None


def test_a_named_file_that_is_not_there_is_one_clear_error(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*nowhere\.toml"):
        RouterSettings.load("nowhere.toml")


def test_an_argument_that_does_not_exist_is_one_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"(?s)no setting 'time_out'.*Did you mean 'timeout'"):
        RouterSettings(time_out=3)


# -- secrets ----------------------------------------------------------------------------------------------------------


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


# -- whoever wrote the file ---------------------------------------------------------------------------------------


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


def test_an_argument_that_switches_off_counts_as_well(project: Path) -> None:
    toml(project, "hedge = 0.5\nreasoning_tags = true\nfallback = ['a/b']")
    router = HFRouter("a/b", hedge=False, reasoning_tags=False, fallback=[])
    router._settle()
    assert not router._safeguards.arguments.get("hedge")
    assert (router.reasoning_tags, list(router.fallback)) == (False, [])


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


# -- threads, copies ------------------------------------------------------------------------------------------------


def test_threads_that_make_the_first_call_together_all_find_the_same(project: Path, offline_url: Any) -> None:
    toml(project, f'base_url = "{offline_url}"\n[models.me]\nmodel = "offline/echo"\nsystem = "S"')
    for _ in range(5):
        router, gate = HFRouter("me", usage_tags={"a": "b"}), threading.Barrier(4)
        seen: list[Any] = []

        def call(router: HFRouter = router, gate: threading.Barrier = gate, seen: Any = seen) -> None:
            gate.wait(10)
            seen.append((router.chat(HELLO).text, id(router._safeguards)))

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(seen) == 4
        assert len(set(seen)) == 1


def test_a_copy_carries_what_was_found(project: Path, offline_url: Any) -> None:
    file = toml(project, f'base_url = "{offline_url}"\n[models.me]\nmodel = "offline/echo"\nsystem = "S"')
    sent = pickle.dumps(HFRouter("me"))
    file.unlink()
    copy = pickle.loads(sent)
    assert copy.base_url == offline_url
    copy.chat(HELLO)
    assert offline_url.requests[-1].json["messages"][0] == {"role": "system", "content": "S"}
    assert pickle.loads(pickle.dumps(copy)).model == "offline/echo"
