"""What the tests of written settings share: an empty project to start in, and files for it."""

from __future__ import annotations

from pathlib import Path

import pytest

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
