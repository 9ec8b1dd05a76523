"""Pages that are committed as a browser reads them out: compared with what it reads now.

`CAPTURE=1 pytest tests/services` writes them anew; look at the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

from shared_core._version import __version__

__all__ = ["check_page"]

CAPTURES = Path(__file__).parent / "captures"


def check_page(name: str, text: str) -> None:
    """Whether a page reads as it was captured, line by line, whatever stands between its words."""
    lines = [" ".join(line.split()) for line in text.replace(__version__, "VERSION").splitlines()]
    shown = "\n".join(line for line in lines if line) + "\n"
    file = CAPTURES / f"{name}.txt"
    if os.environ.get("CAPTURE"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
