"""What importing costs: each package leaves out what it does not need, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["numpy", "torch", "transformers", "sentence_transformers", "openai", "litellm", "tiktoken", "PIL"]
HTTP = ["httpx", "httpx2", "httpcore2", "aiohttp", "requests", "anyio"]
FRAMEWORKS = ["langchain_core", "langchain", "llama_index"]
LOCAL = ["torch", "transformers", "sentence_transformers"]
OTHERS = ["sentence_transformers", "openai", "langchain_core", "starlette"]
SERVERS = ["starlette", "uvicorn"]
UNASKED = [
    "opentelemetry",
    "redis",
    "sqlite3",
    "shared_core.observe.ledger",
    "shared_core.policy.share",
    "shared_core.policy.stores",
]


def loaded_after(code: str, *names: str) -> list[str]:
    """Which of these modules a fresh interpreter has loaded after running the code."""
    program = f"{code}\nimport sys\nprint(*[name for name in {list(names)!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


IMPORTS = {
    "the core": (
        "import shared_core",
        [
            *HEAVY,
            *HTTP,
            *FRAMEWORKS,
            *SERVERS,
            "pydantic",
            "pydantic_settings",
            "huggingface_hub",
            "asyncio",
            "ssl",
        ],
    ),
    "the core's errors": (
        "from shared_core import RouterError, RateLimited",
        [*HEAVY, *HTTP, *FRAMEWORKS, "pydantic"],
    ),
    "the client": (
        "from shared_core import HFRouter, AsyncHFRouter",
        [*HEAVY, *HTTP, *FRAMEWORKS, "huggingface_hub"],
    ),
    "a client that was made": (
        "from shared_core import HFRouter, AsyncHFRouter; HFRouter('a/b', api_key='k'); AsyncHFRouter('a/b')",
        [*HEAVY, *HTTP, *FRAMEWORKS, "huggingface_hub", *UNASKED],
    ),
    "the offline router, before it runs": ("import shared_core.testing", [*HEAVY, *SERVERS, *HTTP]),
    "local models, before one is loaded": ("import shared_core.local", HEAVY),
    "the LangChain adapter": (
        "import langchain_hfrouter",
        [*LOCAL, "openai", "llama_index", "starlette"],
    ),
    "the LlamaIndex adapter": (
        "import llama_index_hfrouter",
        ["torch", "sentence_transformers", "openai", "langchain_core", "starlette"],
    ),
}


@pytest.mark.parametrize(("code", "absent"), IMPORTS.values(), ids=IMPORTS.keys())
def test_importing_leaves_out_what_is_not_needed_yet(code: str, absent: list[str]) -> None:
    assert loaded_after(code, *absent) == []


def test_the_check_above_would_notice() -> None:
    assert loaded_after("import json, asyncio", "json", "asyncio", "numpy") == ["json", "asyncio"]


def test_every_public_name_of_the_core_can_be_had_and_is_listed() -> None:
    import shared_core

    for name in shared_core.__all__:
        assert getattr(shared_core, name) is not None
        assert name in dir(shared_core)
    assert sorted(shared_core.__all__) == shared_core.__all__
    listed = [name for names in shared_core._ROOMS.values() for name in names]
    assert sorted([*listed, "__version__"]) == shared_core.__all__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import shared_core

    with pytest.raises(AttributeError, match="Nonsense"):
        _ = shared_core.Nonsense
