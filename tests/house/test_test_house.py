"""The rules that the test run itself keeps: nothing skipped in silence, no leak, no network, no login."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with this project's conftest and warnings as errors."""
    (pytester.path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (pytester.path / "allowed_skips.txt").write_text("# why\nneeds a * telescope\n", encoding="utf-8")
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def test_a_skip_for_a_reason_on_the_list_passes(run: pytest.Pytester) -> None:
    run.makepyfile("import pytest\ndef test_stars(): pytest.skip('needs a large telescope')")
    assert run.runpytest().ret == pytest.ExitCode.OK


def test_a_skip_for_any_other_reason_fails_the_run_and_names_the_test(run: pytest.Pytester) -> None:
    run.makepyfile("import pytest\ndef test_stars(): pytest.skip('too lazy')")
    result = run.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_stars: too lazy*"])


def test_a_module_that_skips_itself_is_seen_too(run: pytest.Pytester) -> None:
    run.makepyfile("import pytest\npytest.skip('not here', allow_module_level=True)")
    run.makepyfile(test_other="def test_fine(): pass")
    result = run.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not here*"])


def test_a_socket_that_is_dropped_unclosed_fails_its_module(run: pytest.Pytester) -> None:
    run.makepyfile("import socket\nclass A: pass\ndef test_leak():\n a = A(); a.a = a; a.s = socket.socket()")
    result = run.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*ResourceWarning*"])


def test_no_test_can_connect_beyond_this_machine() -> None:
    with (
        socket.socket() as stranger,
        pytest.warns(UserWarning, match=r"192\.0\.2\.1"),
        pytest.raises(RuntimeError, match=r"192\.0\.2\.1"),
    ):
        stranger.connect(("192.0.2.1", 80))


def test_a_test_on_this_machine_has_neither_token_nor_login_nor_proxy() -> None:
    from huggingface_hub import constants, get_token

    assert get_token() is None
    assert constants.HF_HUB_OFFLINE
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
