"""What this machine offers: cores this process may use, what its processor can do, installed libraries.

Lives here: looking. Not here: what follows from it (`choose`). Nothing heavy is imported to find out.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["Machine", "installed", "look"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer, as far as embedding models care.

    Args:
        cores: How many this process may use at a time: affinity and a container's share included.
        architecture: "x86_64", "arm64", ...
        vendor: Of the processor: "AMD", "Intel", "Apple", or "" when unknown.
        abilities: Of "avx512_bf16", "amx_bf16", "amx_int8", "avx512_vnni", "avx_vnni", those it has.
        gpu: Whether a driver of NVIDIA's or AMD's is there; whether torch can use it is another question.
    """

    cores: int
    architecture: str
    vendor: str = ""
    abilities: frozenset[str] = frozenset()
    gpu: bool = False

    def __str__(self) -> str:
        known = ", ".join(sorted(self.abilities))
        named = f"{self.vendor} {self.architecture}".strip()
        return f"{self.cores} {'core' if self.cores == 1 else 'cores'}, {named}" + (
            f" with {known}" if known else ""
        )


_ABILITIES = frozenset({"avx512_bf16", "amx_bf16", "amx_int8", "avx512_vnni", "avx_vnni"})
_VENDORS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA, Windows' Linux, AMD


@lru_cache(maxsize=1)
def look() -> Machine:
    """This machine; looked at once a process."""
    vendor, flags = _processor(Path("/proc/cpuinfo"))
    architecture = {"AMD64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if sys.platform == "darwin" and architecture == "arm64":
        vendor = "Apple"
    return Machine(
        cores=_cores(Path("/sys/fs/cgroup/cpu.max")),
        architecture=architecture,
        vendor=vendor,
        abilities=_ABILITIES & flags,
        gpu=any(Path(driver).exists() for driver in _DRIVERS) or _windows_has_gpu(),
    )


def installed(library: str) -> bool:
    """Whether a library can be imported, without importing it.

    Args:
        library: Its import name, such as "openvino".
    """
    try:
        return find_spec(library) is not None
    except (ImportError, ValueError):  # blocked in sys.modules, or a module without a spec
        return False


def _cores(share: Path) -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # neither macOS nor Windows has it
        cores = os.cpu_count() or 1
    try:  # a container's share of time, in microseconds: "200000 100000" is two cores (cgroup v2)
        quota, period = share.read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores
    return cores


def _processor(info: Path) -> tuple[str, frozenset[str]]:
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return "", frozenset()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", fields.get("Features", ""))
    return _VENDORS.get(fields.get("vendor_id", ""), ""), frozenset(flags.split())


def _windows_has_gpu() -> bool:
    return sys.platform == "win32" and (Path(r"C:\Windows\System32") / "nvcuda.dll").exists()
