"""What is in the wheel and in the source distribution, and what they say of themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest
from trove_classifiers import classifiers as known_classifiers

from shared_core import __version__
from tests.release.conftest import EPOCH, ROOT, Built

PACKAGES = ("shared_core", "langchain_hfrouter", "llama_index_hfrouter")
DATA = (
    *(f"{package}/py.typed" for package in PACKAGES),
    "shared_core/catalog/data/prompts.json",
    "shared_core/catalog/data/snapshot.json",
    "shared_core/catalog/data/tasks.json",
)
EXTRAS = {
    *(
        "aiohttp",
        "cli",
        "evaluate",
        "langchain",
        "llama-index",
        "local",
        "media",
        "mteb",
        "offline",
        "onnx",
        "openvino",
        "otel",
        "parquet",
    ),
    *("redis", "all", "demo", "dev", "docs", "floor", "release"),
}


def contents(file: Path) -> dict[str, bytes]:
    """Every file of a wheel or source distribution by its path; of the latter, without the folder on top."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(file) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        found = {member.name.partition("/")[2]: archive.extractfile(member) for member in members}
        return {name: data.read() for name, data in found.items() if data}


def tracked() -> set[str]:
    """The packages' files that git knows."""
    done = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {*done.stdout.split("\n")} - {""}


@pytest.fixture(scope="module")
def wheel(built: Built) -> dict[str, bytes]:
    return contents(built.wheel)


@pytest.fixture(scope="module")
def sdist(built: Built) -> dict[str, bytes]:
    return contents(built.sdist)


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    return message_from_bytes(wheel[f"hfrouter-{__version__}.dist-info/METADATA"])


def test_the_wheel_holds_the_three_packages_whole_and_nothing_else(wheel: dict[str, bytes]) -> None:
    info = f"hfrouter-{__version__}.dist-info"
    about = {
        f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert wheel.keys() == {*tracked(), *about}


@pytest.mark.parametrize("path", DATA)
def test_a_file_that_is_read_at_run_time_is_in_both(
    path: str, wheel: dict[str, bytes], sdist: dict[str, bytes]
) -> None:
    assert wheel[path] == sdist[path] == (ROOT / path).read_bytes()


def test_the_source_distribution_holds_what_a_build_needs_and_what_a_reader_looks_for(
    sdist: dict[str, bytes],
) -> None:
    about = {
        "PKG-INFO",
        "pyproject.toml",
        ".gitignore",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "SECURITY.md",
    }
    assert sdist.keys() == {*tracked(), *about}


UNWANTED = {
    "a token of Hugging Face": rb"\bhf_[A-Za-z0-9]{30,}",
    "another key": rb"\bsk-[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY",
    "a path of the machine that built it": "|".join(map(re.escape, (str(ROOT), sys.prefix))).encode(),
}


@pytest.mark.parametrize("pattern", UNWANTED.values(), ids=UNWANTED)
def test_no_file_holds(pattern: bytes, wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    everything = {**wheel, **sdist}
    assert not {name: found[0] for name, data in everything.items() if (found := re.search(pattern, data))}


def test_no_file_is_a_cache_or_an_archive(wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    known = {".py", ".md", ".json", ".typed", ".toml", ".txt", ".gitignore", ""}
    assert {PurePosixPath(name).suffix for name in {*wheel, *sdist}} <= known


def test_the_license_is_the_whole_text_of_apache_2(wheel: dict[str, bytes], metadata: Message) -> None:
    text = wheel[f"hfrouter-{__version__}.dist-info/licenses/LICENSE"]
    assert text == (ROOT / "LICENSE").read_bytes()
    assert b"Apache License" in text
    assert b"END OF TERMS AND CONDITIONS" in text
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")


def test_the_metadata_says_what_the_project_says(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Name"] == "hfrouter"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == project["requires-python"] == ">=3.11"
    assert {*metadata.get_all("Provides-Extra", [])} == EXTRAS == {*project["optional-dependencies"]}
    assert metadata["Description-Content-Type"] == "text/markdown"
    description = metadata.get_payload(decode=True)
    assert isinstance(description, bytes)
    assert description.decode() == (ROOT / "README.md").read_text()


def test_each_classifier_is_known_and_none_names_a_python_that_is_not_tested(metadata: Message) -> None:
    said = metadata.get_all("Classifier", [])
    assert {*said} <= {*known_classifiers}
    tested = {"3.11", "3.12", "3.13"}  # test_release_pythons.py
    assert {each.rpartition(" ")[2] for each in said if re.fullmatch(r".*Python :: 3\.\d+", each)} == tested


def test_the_one_command_is_the_one_that_the_package_has(wheel: dict[str, bytes]) -> None:
    said = wheel[f"hfrouter-{__version__}.dist-info/entry_points.txt"].decode().split()
    assert said == ["[console_scripts]", "hfrouter", "=", "shared_core.cli:main"]


def test_the_version_is_written_in_one_place() -> None:
    quoted = re.compile(rf"['\"=]{re.escape(__version__)}['\"\s]")
    files = [ROOT / "pyproject.toml", *(ROOT / name for name in tracked() if name.endswith(".py"))]
    assert [file.name for file in files if quoted.search(file.read_text())] == ["_version.py"]


def test_the_description_renders_on_a_package_index(built: Built) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(built.wheel), str(built.sdist)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_tree_gives_the_same_bytes_elsewhere_and_later(built: Built, tmp_path: Path) -> None:
    """Built once more, the wheel without the way over the source distribution: from an unpacked copy of it."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    for file in tree.rglob("*"):
        os.utime(file)
    again = tmp_path / "again"
    for kind in ("--sdist", "--wheel"):
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(again), str(tree)],
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            capture_output=True,
            check=True,
        )
    assert (again / built.wheel.name).read_bytes() == built.wheel.read_bytes()
    assert (again / built.sdist.name).read_bytes() == built.sdist.read_bytes()
