"""What every test may rely on: no account, no network but loopback, no leak that goes unseen, no silent skip.

Lives here: the isolation of the environment, the offline router, other interpreters, the list of allowed skips. Not
here: anything that one room alone needs; that stands in the room's own conftest.
"""

from __future__ import annotations

import fnmatch
import gc
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared_core.policy.state import forget
from shared_core.testing import OfflineRouter, offline_router

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NO_HOME = Path(tempfile.gettempdir()) / "hfrouter-tests-have-no-home"
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

# What only the pinned set installs, and the files that need it: `make test-floor` goes without them. MTEB is in
# neither set: `make test-mteb`.
PINNED_ONLY = {
    "fakeredis": ["cache/test_cache_redis.py", "cache/test_redis_store.py", "policy/test_shared_health.py"],
    "langgraph": ["langchain/test_lc_media_agent.py"],
    "langchain_tests": ["langchain/test_lc_byte_store*.py", "langchain/test_lc_llm_cache*.py"],
    "pyarrow": ["corpus/test_*_parquet.py"],
    "openai": ["testing/test_stranger_*.py"],
    "mypy": ["typing/test_*.py"],
    "mteb": ["evaluate/test_mteb_run.py"],
    "torch": [
        "cookbook/test_*.py",
        "llama_index/test_li_embeddings.py",
        "local/test_*.py",
        "strangers/test_*.py",
    ],
}
collect_ignore_glob = [
    pattern
    for package, patterns in PINNED_ONLY.items()
    if importlib.util.find_spec(package) is None
    for pattern in patterns
]

# huggingface_hub reads these two when it is imported, which no fixture precedes.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_TOKEN_PATH"] = str(Path(tempfile.gettempdir()) / "hfrouter-tests-have-no-login" / "token")


@pytest.fixture(autouse=True)
def nobody_is_logged_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, no proxy and no setting of this package, whatever the machine has."""
    recording = request.config.getoption("--record-mode", None) not in (None, "none")
    for name in list(os.environ):
        is_token = name in TOKEN_VARIABLES and not recording  # recording live needs the developer's token
        if is_token or name.lower() in PROXY_VARIABLES or name.startswith("HFROUTER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(NO_HOME))  # where the developer's own hfrouter.toml would be


@pytest.fixture(autouse=True)
def nobody_is_in_trouble() -> Iterator[None]:
    """What the process has learnt of its hosts, their prices too, is forgotten: the tests share some."""
    forget()
    yield
    forget()
    if chats := sys.modules.get("shared_core.cache.chats"):
        chats.OF_PROCESS.clear()
    if catalog := sys.modules.get("shared_core.catalog"):
        catalog.SHARED.clear()


@pytest.fixture(scope="session")
def offline_server() -> Iterator[OfflineRouter]:
    """One offline router for the whole run; tests take `offline_url`."""
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture
def offline_url(offline_server: OfflineRouter) -> Iterator[OfflineRouter]:
    """The offline router, with nothing recorded and nothing scripted; a string that is its base URL."""
    offline_server.forget()
    yield offline_server
    offline_server.forget()


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Starts another interpreter on some code; its arguments are `sys.argv[1:]`."""

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture(scope="module", autouse=True)
def leaks_are_seen() -> Iterator[None]:
    """Collects garbage while its warnings still fail a test of the module that left it."""
    yield
    gc.collect()


def pytest_collection_finish() -> None:
    """Leaves out of all later collections what is there before the first test, and no test's leak: the tests
    themselves, and the libraries. With the whole suite collected, each of the collections above took a second else."""
    gc.collect()
    gc.freeze()


class SkipKeeper:
    """Fails a run that skips a test for a reason nobody has agreed to."""

    def __init__(self) -> None:
        lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
        self.allowed = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self.surprises: list[str] = []

    def look_at(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        # A skip's long form is (file, line, reason).
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not any(fnmatch.fnmatchcase(reason, pattern) for pattern in self.allowed):
            self.surprises.append(f"{report.nodeid}: {reason}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.look_at(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.look_at(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.surprises and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.surprises:
            terminalreporter.section("skips that tests/allowed_skips.txt does not allow", red=True)
            for line in self.surprises:
                terminalreporter.line(line)


class LastLine:
    """Says at the very end what was run, played and skipped."""

    def pytest_what_was_played(self) -> str:
        """One folder's own count, in words. A hook: any conftest below may answer."""
        return ""

    @staticmethod
    def of(config: pytest.Config) -> str:
        stats = config.pluginmanager.get_plugin("terminalreporter").stats
        counts = [
            f"{len(stats[kind])} {kind}"
            for kind in ("passed", "failed", "error", "xfailed")
            if stats.get(kind)
        ]
        skipped = Counter(
            report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "?"
            for report in stats.get("skipped", ())
        )
        reasons = ", ".join(f"{count} x {reason}" for reason, count in skipped.items())
        played = [line for line in config.hook.pytest_what_was_played() if line]
        return "; ".join(
            [f"tests: {', '.join(counts) or 'none'}", *sorted(played), f"skipped: {reasons or 'none'}"]
        )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(LastLine)


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not config.option.collectonly:
        print(LastLine.of(config))


def pytest_configure(config: pytest.Config) -> None:
    # LangChain's suite brings two benchmarks: here they prove that the calls work, not how fast.
    if hasattr(config.option, "benchmark_disable"):
        config.option.benchmark_disable = True
    config.pluginmanager.register(SkipKeeper(), "skip-keeper")
