"""Page 27 in a real notebook's kernel: its blocks, what cells show by themselves, progress, and the stop button."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "cookbook" / "27_notebooks.md"
sys.path.insert(0, str(ROOT / "cookbook"))

# Tornado and jupyter_client, which sit between this test and the kernel, warn of what is theirs.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


class Shown(NamedTuple):
    """What one cell showed."""

    printed: str
    drawn: str
    html: list[str]
    markdown: list[str]
    error: str


class Kernel:
    """A running kernel, as a notebook talks to it."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, *, interrupt_after: float | None = None) -> Shown:
        """Runs a cell to its end; the stop button is pressed so many seconds after it began."""
        if interrupt_after is not None:
            threading.Timer(interrupt_after, self.manager.interrupt_kernel).start()
        texts: dict[str, str] = {"stdout": "", "stderr": ""}
        html: list[str] = []
        markdown: list[str] = []
        error: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                texts[content["name"]] += content["text"]
            elif kind == "error":
                error.append(content["ename"])
            elif kind in ("execute_result", "display_data", "update_display_data"):
                html.append(content["data"].get("text/html", ""))
                markdown.append(content["data"].get("text/markdown", ""))

        self.client.execute_interactive(code, timeout=60, output_hook=hear)
        return Shown(texts["stdout"], texts["stderr"], html, markdown, "".join(error))


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    from demo_models import chats

    with chats():
        manager = KernelManager(kernel_name="python3")
        paths = os.pathsep.join([str(ROOT), str(ROOT / "cookbook")])
        manager.start_kernel(cwd=str(ROOT), env={**os.environ, "PYTHONPATH": paths})
        running = Kernel(manager)
        yield running
        running.client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_the_page_runs_cell_by_cell_and_shows_what_it_says(kernel: Kernel) -> None:
    from run import blocks

    seen = []
    for block in blocks(PAGE):
        cell = kernel.run(block.code.replace("asyncio.run(cell())", "await cell()"))
        assert not cell.error, f"line {block.line}: {cell.error} {cell.drawn}"
        lines = (block.shown or "").strip("\n")
        expected = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", lines))
        assert re.fullmatch(expected, cell.printed.strip("\n")), f"line {block.line}: {cell.printed!r}"
        seen += cell.html
    assert [html[:14] for html in seen] == ['<img src="data', "<table><thead>"]


def test_the_cells_that_a_script_cannot_run_run_here(kernel: Kernel) -> None:
    kernel.run(
        "from shared_core import AsyncHFRouter, HFRouter\nfrom langchain_hfrouter import ChatHFRouter\n"
        "from shared_core.testing import Stall, offline_router\n"
        "served = offline_router(embedder='words')\nhost = served.__enter__()\n"
        "about = {'base_url': host, 'api_key': 'k'}\nhello = [{'role': 'user', 'content': 'Hello!'}]\n"
        "chat = ChatHFRouter(model='offline/tools', base_url=host, api_key='k', max_tokens=5)"
    )
    awaited, growing = re.findall(r"```py\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert kernel.run(f"{awaited}print(reply.text)").printed == "Hello!\n"
    shown = kernel.run(growing)
    assert not shown.error
    assert shown.markdown[0] == ""
    assert len(shown.markdown) > 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown.markdown))


def test_progress_is_drawn_over_one_line(kernel: Kernel) -> None:
    drawn = kernel.run(
        "HFRouter('offline/embed-8', **about).embed([f'Text {n}.' for n in range(300)], progress=True).usage"
    ).drawn
    assert "\r" in drawn
    assert "300/300 texts" in drawn


@pytest.mark.parametrize(
    "call",
    [
        "HFRouter('offline/echo', **about).chat(hello)",
        "chat.invoke('Hello!')",
        "for chunk in chat.stream('Hello!'):\n    print(chunk.text)",
        "HFRouter('offline/embed-8', **about).embed(['a', 'b'] * 2000)",
    ],
    ids=["a chat", "LangChain", "a stream", "many texts"],
)
def test_the_stop_button_ends_a_call_and_the_next_one_works(call: str, kernel: Kernel) -> None:
    kernel.run("host.forget()\nhost.queue(Stall(None), path='*', times=-1)")
    stopped = kernel.run(call, interrupt_after=0.5)
    assert stopped.error == "KeyboardInterrupt"
    kernel.run("host.forget()")
    assert kernel.run("print(HFRouter('offline/echo', **about).chat(hello).text)").printed == "Hello!\n"
    assert kernel.run("print(host.in_flight)").printed == "0\n"
