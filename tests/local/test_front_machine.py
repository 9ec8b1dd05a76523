"""What is found out about the machine, from files that stand in for its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shared_core.local import machine

EPYC = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512_bf16 avx512_vnni\n\nprocessor\t: 1\n"


def test_vendor_and_abilities_come_from_the_first_processor(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(EPYC)
    assert machine._processor(info) == ("AMD", frozenset({"fpu", "avx512_bf16", "avx512_vnni"}))


def test_a_machine_that_does_not_tell_has_no_known_abilities(tmp_path: Path) -> None:
    assert machine._processor(tmp_path / "absent") == ("", frozenset())


@pytest.mark.parametrize(
    ("share", "expected"),
    [("150000 100000\n", 2), ("50000 100000", 1), ("max 100000", 64), ("nonsense", 64), (None, 64)],
    ids=["one and a half cores", "half a core", "no limit", "unreadable", "no such file"],
)
def test_a_containers_share_bounds_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str | None, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    if share is not None:
        (tmp_path / "cpu.max").write_text(share)
    assert machine._cores(tmp_path / "cpu.max") == expected


def test_a_library_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.installed("numpy")
    assert not machine.installed("no_such_library_anywhere")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert not machine.installed("openvino")


def test_a_machine_reads_as_a_clause() -> None:
    two = machine.Machine(2, "x86_64", "AMD", frozenset({"avx512_vnni", "avx512_bf16"}))
    assert str(two) == "2 cores, AMD x86_64 with avx512_bf16, avx512_vnni"
    assert str(machine.Machine(1, "riscv64")) == "1 core, riscv64"
