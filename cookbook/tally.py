"""What every call took, learned through each framework's own hooks.

Lives here: a callback handler for LangChain and an event handler for LlamaIndex, writing into one list. Both
frameworks are told by `hfrouter` who answered, how many tokens it took, and when the first one came.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from pydantic import Field


@dataclass(frozen=True, slots=True)
class Receipt:
    """One call: who answered, tokens read and written, seconds to the first token."""

    model: str
    provider: str
    read: int
    written: int
    first_token_s: float | None

    def __str__(self) -> str:
        first = "" if self.first_token_s is None else f", first token after {seconds(self.first_token_s)}"
        return f"[{self.model} via {self.provider}, {self.read} + {self.written} tokens{first}]"


def seconds(value: float) -> str:
    """A duration for readers."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


class LangChainTally(BaseCallbackHandler):
    """Listens to LangChain: pass it as one of `callbacks`."""

    def __init__(self, receipts: list[Receipt]) -> None:
        self._receipts = receipts

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        message: Any = response.generations[0][0].message
        about, usage = message.response_metadata, message.usage_metadata or {}
        self._receipts.append(
            Receipt(
                about.get("model_name", "?"),
                about.get("provider", "?"),
                usage.get("input_tokens", 0),
                usage.get("output_tokens", 0),
                about.get("first_token_s"),
            )
        )


class LlamaIndexTally(BaseEventHandler):
    """Listens to LlamaIndex, from `listen()` on."""

    receipts: list[Receipt] = Field(default_factory=list)

    def listen(self) -> LlamaIndexTally:
        get_dispatcher().add_event_handler(self)
        return self

    def handle(self, event: BaseEvent, **_: Any) -> None:
        if isinstance(event, LLMChatEndEvent) and event.response is not None:
            about = event.response.additional_kwargs
            self.receipts.append(
                Receipt(
                    about.get("model", "?"),
                    about.get("provider", "?"),
                    about.get("prompt_tokens", 0),
                    about.get("completion_tokens", 0),
                    about.get("first_token_s"),
                )
            )


def summary(name: str, receipts: list[Receipt]) -> tuple[str, ...]:
    """A row of the last table: name, model, provider, calls, tokens, median time to the first token."""
    firsts = [receipt.first_token_s for receipt in receipts if receipt.first_token_s is not None]
    return (
        name,
        ", ".join(sorted({receipt.model for receipt in receipts})),
        ", ".join(sorted({receipt.provider for receipt in receipts})),
        str(len(receipts)),
        f"{sum(r.read for r in receipts):,} + {sum(r.written for r in receipts):,}",
        seconds(median(firsts)) if firsts else "?",
    )
