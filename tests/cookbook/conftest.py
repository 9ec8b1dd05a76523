"""The cookbook's own modules, importable as they are for its pages; and an event loop that is closed again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # read when transformers is imported
sys.path.insert(0, str(ROOT / "cookbook"))


@pytest.fixture(autouse=True)
def a_loop_for_llama_index() -> Iterator[None]:
    """LlamaIndex's query engines call `asyncio.get_event_loop()`, and leave open what it makes for them."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
