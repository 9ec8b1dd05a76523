"""The command under rough treatment: killed in the middle of its work, on a full disk, beside others that write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from kept import a_ledger

from shared_core import Ledger
from shared_core.testing import offline_router

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "import sys; sys.argv[0] = 'hfrouter'; from shared_core.cli import main; main()"
ROWS = 20_000  # some shards of 4,096


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command, in a folder of its own."""

    def run(*arguments: str, **more: Any) -> subprocess.Popen[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HFROUTER_", "HF_"))
        }
        return subprocess.Popen(
            [sys.executable, "-c", ENTRY, *arguments],
            env={**kept, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    return run


def read(sink: Path) -> tuple[list[Any], np.ndarray]:
    """The ids and the vectors of what was written."""
    if sink.suffix == ".jsonl":
        rows = [json.loads(line) for line in sink.read_text().splitlines()]
        return [row["id"] for row in rows], np.array([row["vector"] for row in rows], dtype=np.float32)
    if sink.suffix == ".npy":
        names = sink.with_name(sink.name + ".ids.jsonl").read_text().splitlines()
        return list(map(json.loads, names)), np.load(sink)
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(sink)
    return table["id"].to_pylist(), np.array(table[table.column_names[-1]].to_pylist(), dtype=np.float32)


@pytest.mark.parametrize("name", ["vectors.jsonl", "vectors.npy", "vectors.parquet"])
@pytest.mark.parametrize("piped", [False, True], ids=["from a file", "piped in"])
def test_embed_that_was_killed_goes_on_where_it_stopped(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, name: str, piped: bool
) -> None:
    texts, rows, sink = tmp_path / "lines.txt", tmp_path / "rows.jsonl", tmp_path / name
    texts.write_text("".join(f"text {number}\n" for number in range(ROWS)))
    rows.write_text("".join(json.dumps({"id": n, "text": f"text {n}"}) + "\n" for n in range(ROWS)))
    with offline_router(embedder="words") as host:
        command = [
            "embed",
            *([] if piped else [str(rows)]),
            "-m",
            "offline/embed-8",
            "-o",
            str(sink),
            "--json",
        ]
        command += ["--base-url", str(host)]

        def go() -> subprocess.Popen[str]:
            with (texts if piped else Path(os.devnull)).open() as given:
                return start(*command, stdin=given)

        killed = go()
        checkpoint = tmp_path / f"{name}.checkpoint.json"
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up and killed.poll() is None:
            if checkpoint.exists() and json.loads(checkpoint.read_text() or "{}").get("rows", 0):
                break
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL, "it was done before it could be killed"
        before = len(host.requests)
        told, said = go().communicate(timeout=300)
        after = len(host.requests) - before
    assert told, said
    report = json.loads(told)
    assert report["rows"] == ROWS
    assert 0 < report["resumed_at"] < ROWS
    assert 0 < after < ROWS
    names, vectors = read(sink)
    assert names == list(range(ROWS)), "each once, in order"
    assert vectors.shape == (ROWS, 8)


def test_a_full_disk_is_one_clear_line(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    (tmp_path / "usage.html").symlink_to("/dev/full")
    ledger = a_ledger(tmp_path / "usage.sqlite")
    process = start("usage", "--ledger", str(ledger), "-o", "usage.html")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "No space left on device" in " ".join(said.split())
    assert "Traceback" not in said


def test_usage_is_told_while_others_write(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    ledger = a_ledger(tmp_path / "usage.sqlite")
    stop = threading.Event()

    def write() -> None:
        from ended_calls import ended

        with Ledger(ledger) as writing:
            number = 0
            while not stop.is_set():
                writing(ended(id=f"beside {number}"))
                number += 1
                time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            process = start("usage", "--ledger", str(ledger), "--json")
            told, said = process.communicate(timeout=60)
            assert (process.returncode, said) == (0, "")
            assert json.loads(told)["totals"]["calls"] >= 120
    finally:
        stop.set()
        thread.join()
