"""A server that nobody here wrote, started once a run: `transformers serve` with a tiny random model."""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS_TO_START = 120


@dataclass(frozen=True)
class Stranger:
    """The running server: its base URL, and the one model it serves."""

    url: str
    model: str


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    folder = tmp_path_factory.mktemp("tiny-model")
    home = tmp_path_factory.mktemp("hub")
    (home / "hub").mkdir()
    settings = {
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("tiny_model.py")), str(folder)],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # A server that never says it is ready is ended, and with it the reading below.
    too_late = threading.Timer(SECONDS_TO_START, process.kill)
    too_late.start()
    said = collections.deque(maxlen=40)
    url = None
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
            url = f"{found.group(1)}/v1"
            break
    too_late.cancel()
    listening = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
    listening.start()  # a full pipe would stop the server
    try:
        assert url, f"transformers serve did not start:\n{''.join(said)}"
        yield Stranger(url, str(folder))
    finally:
        process.terminate()
        process.wait(20)
        listening.join(5)
        process.stderr.close()
