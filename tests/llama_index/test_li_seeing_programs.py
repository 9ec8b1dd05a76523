"""LlamaIndex's programs for pictures take `HFRouterLLM` as it is.

There is no `HFRouterMultiModal`: what took a `MultiModalLLM` takes an `LLM` today, and the callbacks that LlamaIndex
wraps around every `MultiModalLLM` ask for attributes that it does not have (seen in 0.14.25).
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from llama_index.core.base.llms.types import ImageBlock
from llama_index.core.program import MultiModalLLMCompletionProgram
from pydantic import BaseModel

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


class Seen(BaseModel):
    """What was seen."""

    subject: str


def pictures_of(message: dict[str, Any]) -> list[str]:
    content = message["content"]
    parts = content if isinstance(content, list) else []
    return [part["image_url"]["url"][:22] for part in parts if part["type"] == "image_url"]


@pytest.mark.pinned_set
def test_a_program_fills_a_class_from_a_picture(make_llm: Any, server: Any) -> None:
    program = MultiModalLLMCompletionProgram.from_defaults(
        output_cls=Seen,
        prompt_template_str="What is the subject?",
        multi_modal_llm=make_llm("tools"),
        image_documents=[ImageBlock(image=PNG, image_mimetype="image/png")],
    )
    assert isinstance(program(), Seen)
    assert pictures_of(server.requests[-1].json["messages"][-1]) == ["data:image/png;base64,"]
