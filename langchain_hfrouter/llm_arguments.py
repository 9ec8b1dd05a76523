"""What `HFRouterLLM(...)` takes, for type checkers and editors; at run time its fields decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks

from langchain_hfrouter.arguments import HostArguments

__all__ = ["LLMArguments"]


class LLMArguments(HostArguments, total=False):
    """Every argument of `HFRouterLLM`; its docstring describes them."""

    hub_url: str | None
    max_concurrency: int
    max_tokens: int | None
    max_new_tokens: int | None
    stop: list[str] | None
    stop_sequences: list[str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    seed: int | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    do_sample: bool | None

    # LangChain's own
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
