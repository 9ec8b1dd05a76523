"""Run a page: every python block of a Markdown file, in order, in one namespace.

    python cookbook/run.py cookbook/01_first_chat.md

With `HF_TOKEN` the models that the page names answer, which costs money; without it, or with
`HFROUTER_OFFLINE=1`, the offline router answers in their place.
"""

from __future__ import annotations

import io
import linecache
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # read when transformers is imported

from demo_models import WeightsMissing, chats

_BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A python block of a page.

    Args:
        code: What it says.
        line: Lines of the page before it.
        shown: The output that the page shows below it; None when it shows none.
    """

    code: str
    line: int
    shown: str | None


def blocks(page: Path) -> list[Block]:
    """The python blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(match[1], text.count("\n", 0, match.start(1)), match[2]) for match in _BLOCK.finditer(text)]


def play(page: Path) -> Iterator[tuple[Block, str]]:
    """Runs one block after another; gives each with what it printed."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    linecache.checkcache(str(page))
    for block in blocks(page):
        # The empty lines make tracebacks point into the page.
        code = compile("\n" * block.line + block.code, str(page), "exec")
        with redirect_stdout(io.StringIO()) as printed:
            exec(code, namespace)
        yield block, printed.getvalue()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__)
        return 2
    page = Path(arguments[0]).resolve()
    os.chdir(Path(__file__).resolve().parent.parent)  # where the pages find their documents
    with chats() as who:
        print(f"{page.name}, answered {'by the live router' if who.live else 'offline'}\n")
        for block, printed in play(page):
            print(
                f"{page.name}, line {block.line}:\n{printed}" if printed else "", end="\n" if printed else ""
            )
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except WeightsMissing as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("\nStopped.") from None
