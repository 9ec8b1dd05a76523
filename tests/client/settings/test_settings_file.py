"""The file `hfrouter.toml`: where it is found, and what is said of one that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, HFRouter, RouterSettings
from tests.client.settings.conftest import HELLO, SECRET, toml


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
