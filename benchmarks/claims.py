"""What must hold: the promises about speed, as a table.

Lives here: which figure of ours is held against which of a peer, the limit and the aim.
Not here: how a verdict is reached (`report`).
"""

from __future__ import annotations

from dataclasses import dataclass

OURS, AIOHTTP, OURS_LLAMA = "ChatHFRouter", "ChatHFRouter, aiohttp", "HFRouterLLM"
OPENAI, HUGGING, LIKE = "ChatOpenAI, openai 2", "ChatHuggingFace", "OpenAILike"


@dataclass(frozen=True)
class Claim:
    """One row of what must hold: `ours` against `peer`, a ratio, or against nothing, a value."""

    label: str
    measure: str
    ours: str
    peer: str | tuple[str, str] | None  # a contender, or (measure, contender)
    must: float
    aim: float | None = None
    unit: str = ""  # "s" or "ms" or "connections" for values
    over: str | None = None  # a contender whose figure is subtracted from both (bare Python)
    value: str | None = None  # the number compared, where it is not the measure's own


CLAIMS: tuple[Claim, ...] = (
    Claim("LangChain invoke / ChatOpenAI", "call", OURS, OPENAI, 0.38, 0.25),
    Claim("LangChain ainvoke / ChatOpenAI", "acall", OURS, OPENAI, 0.40, 0.20),
    Claim("LangChain invoke / ChatHuggingFace", "call", OURS, HUGGING, 0.80),
    Claim("LangChain ainvoke / ChatHuggingFace", "acall", OURS, HUGGING, 0.80),
    Claim("LangChain stream, a chunk", "stream", OURS, OPENAI, 0.20, 0.12),
    Claim("LangChain astream, a chunk", "astream", OURS, OPENAI, 0.15, 0.09),
    Claim("LangChain tool-call stream, a chunk", "tools", OURS, OPENAI, 0.50, 0.30),
    Claim("LlamaIndex chat / OpenAILike", "call", OURS_LLAMA, LIKE, 0.40, 0.25),
    Claim("LlamaIndex achat / OpenAILike", "acall", OURS_LLAMA, LIKE, 0.40, 0.25),
    Claim("LlamaIndex stream_chat, a chunk", "stream", OURS_LLAMA, LIKE, 0.20, 0.15),
    Claim("LlamaIndex astream_chat, a chunk", "astream", OURS_LLAMA, LIKE, 0.20, 0.15),
    Claim("first chunk, open connection, LangChain", "first", OURS, OPENAI, 0.75, 0.50),
    Claim("  the same, async", "afirst", OURS, OPENAI, 0.75, 0.50),
    Claim("first chunk, open connection, LlamaIndex", "first", OURS_LLAMA, LIKE, 0.75, 0.50),
    Claim("  the same, async", "afirst", OURS_LLAMA, LIKE, 0.75, 0.50),
    Claim("300 streams in a row, LangChain", "sequence", OURS, None, 1, unit="connections"),
    Claim("  the same, async", "asequence", OURS, None, 1, unit="connections"),
    Claim("300 streams in a row, LlamaIndex", "sequence", OURS_LLAMA, None, 1, unit="connections"),
    Claim("  the same, async", "asequence", OURS_LLAMA, None, 1, unit="connections"),
    Claim("1,000 ainvoke at once, 50 ms, default", "crowd50", OURS, OPENAI, 0.50, 0.35),
    Claim("1,000 ainvoke at once, 50 ms, aiohttp", "crowd50", AIOHTTP, OPENAI, 0.20, 0.12),
    Claim("1,000 ainvoke at once, 2 s, default", "crowd2000", OURS, None, 3.5, unit="s"),
    Claim("1,000 ainvoke at once, 2 s, aiohttp", "crowd2000", AIOHTTP, None, 2.8, unit="s"),
    Claim(
        "import langchain_hfrouter / base class",
        "import",
        OURS,
        "LangChain base class",
        1.05,
        over="bare Python",
    ),
    Claim(
        "import llama_index_hfrouter / base class",
        "import",
        OURS_LLAMA,
        "LlamaIndex base class",
        1.05,
        over="bare Python",
    ),
    Claim(
        "import shared_core over bare Python",
        "import",
        "import shared_core",
        None,
        0.050,
        unit="ms",
        over="bare Python",
        value="wall",
    ),
    Claim("constructor, LangChain / bare subclass", "construct", OURS, ("construct_bare", OURS), 3),
    Claim("  for a new base_url", "construct_new_url", OURS, ("construct_bare", OURS), 3),
    Claim(
        "constructor, LlamaIndex / bare subclass", "construct", OURS_LLAMA, ("construct_bare", OURS_LLAMA), 3
    ),
    Claim("  for a new base_url", "construct_new_url", OURS_LLAMA, ("construct_bare", OURS_LLAMA), 3),
)
