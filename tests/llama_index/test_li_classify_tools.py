"""Functions that judge texts and pictures give labels with scores as text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from llama_index.core.base.llms.types import TextBlock
from PIL import Image

from llama_index_hfrouter import HFRouterToolSpec

MODELS = {
    "classify_text": "offline/text-classification:hf-inference",
    "classify_image": "offline/image-classification:hf-inference",
}


@pytest.mark.parametrize("way", ["call", "acall"])
@pytest.mark.parametrize("name", MODELS)
async def test_labels_come_as_lines_the_best_first(name: str, way: str, offline_url: Any) -> None:
    spec = HFRouterToolSpec(
        models=MODELS, base_url=str(offline_url), hub_url=offline_url.root, api_key="hf_x"
    )
    (tool,) = spec.to_tool_list([(name, f"a{name}")])
    picture = spec.store.add(Image.new("RGB", (8, 8), "red"))
    arguments = {"text": "I love it."} if name == "classify_text" else {"image_id": picture.id}
    output = await tool.acall(**arguments) if way == "acall" else tool.call(**arguments)
    (block,) = output.blocks
    assert isinstance(block, TextBlock)
    lines = block.text.splitlines()
    assert all(re.fullmatch(r".+: \d\.\d{3}", line) for line in lines)
    scores = [float(line.rpartition(" ")[2]) for line in lines]
    assert scores == sorted(scores, reverse=True)
