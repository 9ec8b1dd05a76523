"""`doctor`: each finding with its fix."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core.cli.machine import Finding, packages, places, redis
from shared_core.client.router_settings import RouterSettings
from shared_core.testing import OfflineRouter, Status

Run = Callable[..., Any]


def findings(done: Any) -> dict[str, Any]:
    return {each["about"]: each for each in json.loads(done.out)}


def test_what_is_well_is_said_to_be(hfrouter: Run) -> None:
    found = findings(hfrouter("doctor", "--json"))
    assert found["Python"]["state"] == "ok"
    assert "huggingface_hub" in found["packages"]["said"]
    assert found["router"]["state"] == found["clock"]["state"] == found["cache"]["state"] == "ok"


def test_a_token_that_is_missing_is_trouble_with_its_fix(hfrouter: Run) -> None:
    done = hfrouter("doctor")
    assert done.code == 1
    assert "trouble token" in done.out
    assert "Set HFROUTER_API_KEY to this server's key" in " ".join(done.out.split())


def test_a_router_that_is_away_is_trouble(hfrouter: Run, host: OfflineRouter) -> None:
    host.queue(Status(503), path="/v1/models", times=-1)
    assert findings(hfrouter("doctor", "--json"))["router"]["state"] == "trouble"


def test_a_redis_that_is_away_is_trouble(hfrouter: Run) -> None:
    done = hfrouter("doctor", "--redis", "redis://:secret@127.0.0.1:1/0")
    assert "trouble Redis: 127.0.0.1:1 does not answer" in done.out
    assert "secret" not in done.out + done.err


def test_a_token_that_may_not_call_is_trouble_and_credits_are_pointed_at(
    hfrouter: Run, host: OfflineRouter, environment: dict[str, str]
) -> None:
    environment["HF_TOKEN"] = "hf_secret"
    body = {"name": "ada", "auth": {"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": []}}}}
    host.queue(Status(200, body=json.dumps(body)), path="/api/whoami-v2")
    done = hfrouter("doctor", "--json")
    found = findings(done)
    assert found["permissions"]["state"] == "trouble"
    assert "https://hf.co/settings/tokens" in found["permissions"]["fix"]
    assert "https://hf.co/settings/billing" in found["credits"]["said"]
    assert (done.code, "hf_secret" in done.out + done.err) == (1, False)


def test_a_clock_that_is_wrong_is_trouble(hfrouter: Run, host: OfflineRouter) -> None:
    head = {"date": "Mon, 02 Nov 2020 10:00:00 GMT"}
    host.queue(Status(200, body='{"data": []}', headers=head), path="/v1/models")
    found = findings(hfrouter("doctor", "--json"))["clock"]
    assert (found["state"], "ahead" in found["said"]) == ("trouble", True)


def test_a_proxy_is_told_of_without_its_password(hfrouter: Run, environment: dict[str, str]) -> None:
    environment |= {"HTTPS_PROXY": "http://me:secret@proxy.example:3128", "NO_PROXY": "127.0.0.1"}
    done = hfrouter("doctor")
    assert "https goes through proxy.example:3128" in done.out
    assert "secret" not in done.out + done.err


def test_settings_that_are_broken_are_trouble_and_the_rest_is_still_looked_at(
    hfrouter: Run, environment: dict[str, str]
) -> None:
    environment["HFROUTER_TIMEOUT"] = "soon"
    found = findings(hfrouter("doctor", "--json"))
    assert found["settings"]["state"] == "trouble"
    assert "HFROUTER_TIMEOUT" in found["settings"]["said"]
    assert found["Python"]["state"] == "ok"


def test_what_the_settings_name_is_tried(tmp_path: Path) -> None:
    written = RouterSettings(
        chat_cache={"store": "redis://:secret@127.0.0.1:1/0"}, ledger=str(tmp_path / "usage.sqlite")
    )
    assert [each.about for each in redis(written, None)] == ["Redis of chat_cache"]
    assert next(redis(written, None)).state == "trouble"
    assert "secret" not in str(list(redis(written, None)))
    assert {each.about: each.state for each in places(written)}["ledger"] == "ok"


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions here")
def test_a_file_that_others_may_read_is_told_of_with_the_command_that_mends_it(tmp_path: Path) -> None:
    (tmp_path / "usage.sqlite").touch(mode=0o644)
    found = [
        each
        for each in places(RouterSettings(ledger=str(tmp_path / "usage.sqlite")))
        if each.about == "ledger"
    ]
    assert found == [Finding("ledger", "note", *found[0][2:])]
    assert found[0].fix == f"chmod 600 {tmp_path / 'usage.sqlite'}"


def test_a_package_that_wants_another_version_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, wants in (
        ("clashing", "huggingface_hub<0.1"),
        ("content", "huggingface_hub>=0.1"),
        ("odd", "=?!"),
    ):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {wants}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {each.about: each for each in packages()}
    assert "1.0 wants huggingface-hub<0.1" in found["clashing"].said
    assert "Upgrade clashing" in found["clashing"].fix
    assert not found.keys() & {"content", "odd"}
