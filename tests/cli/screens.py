"""Screens that are committed as they look: compared with what the command prints now.

`CAPTURE=1 pytest tests/cli` writes them anew; look at the difference before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["CAPTURES", "check"]

CAPTURES = Path(__file__).parent / "captures"


def check(name: str, printed: str) -> None:
    """Whether a screen looks as it was captured, and fits 80 columns. Dates at the ends of lines are left out."""
    shown = "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
    shown = re.sub(r"(?<= )\d{4}-\d\d-\d\d(?=\.?$)", "DATE", shown, flags=re.MULTILINE)
    file = CAPTURES / f"{name}.txt"
    if os.environ.get("CAPTURE"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
    assert max(map(len, shown.splitlines())) <= 80
