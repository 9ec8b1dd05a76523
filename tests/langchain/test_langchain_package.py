"""The package as it is imported and registered."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import langchain_hfrouter
from langchain_hfrouter import ChatHFRouter, HFRouterEmbeddings, register
from langchain_hfrouter.arguments import Arguments
from shared_core.errors import ConfigError

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there_and_documented() -> None:
    assert langchain_hfrouter.__all__ == sorted(langchain_hfrouter.__all__)
    for name in langchain_hfrouter.__all__:
        value = getattr(langchain_hfrouter, name)
        assert name == "__version__" or value.__doc__
    assert set(langchain_hfrouter.__all__) <= set(dir(langchain_hfrouter))
    with pytest.raises(AttributeError, match="no_such_name"):
        langchain_hfrouter.no_such_name  # noqa: B018


def test_type_checkers_see_every_argument() -> None:
    spellings = {"model_name", "stop_sequences", "model_kwargs", "endpoint"}
    assert get_type_hints(Arguments).keys() == ChatHFRouter.model_fields.keys() | spellings


USER_CODE = """
from pydantic import BaseModel
from langchain_core.documents import Document
from langchain_hfrouter import ChatHFRouter, HFLocalEmbeddings, HFReranker, HFRouterEmbeddings
from langchain_hfrouter import HFRouterToolkit, HFTextToImage
from shared_core import EmbedReply, HFRouter, Timeouts
from shared_core.media import ArtifactStore

class Joke(BaseModel):
    setup: str

def add(a: int, b: int) -> int:
    return a + b

llm = ChatHFRouter(model="a/b:groq", temperature=0, api_key="hf_x", timeout=30, stop=["x"], max_tokens=5)
other = ChatHFRouter(model_name="a/b", timeout=Timeouts(total=3), base_url="http://localhost:1/v1")
text: str = llm.invoke("hi").text
for chunk in llm.bind_tools([add], tool_choice="any").stream("hi"):
    print(chunk.content)
joke = llm.with_structured_output(Joke, method="json_schema", include_raw=True).invoke("hi")
vectors: list[list[float]] = HFLocalEmbeddings("a/b").embed_documents(["x"])
remote = HFRouterEmbeddings("a/b", api_key="hf_x", batch_size=64, cache=True, show_progress=print, timeout=3)
vector: list[float] = remote.embed_query("x")
reply: EmbedReply = remote.embed(["x"], "query")
best = HFReranker(base_url="http://localhost:1", api_key="", top_n=3).compress_documents([Document("x")], "q")
paint = HFTextToImage("a/b", api_key="hf_x", store=ArtifactStore("media", most_usd=1), timeout=60, client=None)
tools = HFRouterToolkit(include=["ask_image"], models={"ask_image": "a/b"}, client=HFRouter()).get_tools()
name: str = tools[0].name
HFTextToImage("a/b", folder="media")  # type: ignore[call-arg]
HFRouterToolkit(model_names={})  # type: ignore[call-arg]
HFRouterEmbeddings("a/b", normalise=True)  # type: ignore[call-arg]
HFRouterEmbeddings("a/b", batch_size="all")  # type: ignore[arg-type]
HFLocalEmbeddings("a/b", precision="int4")  # type: ignore[arg-type]
HFLocalEmbeddings("a/b", encode_kwargs={})  # type: ignore[arg-type]
HFReranker("a/b", top_k=3)  # type: ignore[call-arg]
llm.with_structured_output(Joke, method="telepathy")  # type: ignore[arg-type]
ChatHFRouter(model="a/b", temprature=0)  # type: ignore[call-arg]
ChatHFRouter(model="a/b", temperature="hot")  # type: ignore[arg-type]
"""


@pytest.mark.pinned_set
def test_user_code_passes_a_strict_type_check(tmp_path: Path) -> None:
    file = tmp_path / "user_code.py"
    file.write_text(USER_CODE)
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = (
        "('torch', 'transformers', 'sentence_transformers', 'openai', 'tiktoken', 'huggingface_hub', 'numpy')"
    )
    code = f"""
import sys
import langchain_core.language_models.chat_models
before = set(sys.modules)
from langchain_hfrouter import ChatHFRouter, HFLocalEmbeddings, HFReranker, HFRouterEmbeddings, register
from langchain_hfrouter import HFRouterToolkit; HFRouterToolkit().get_tools()
ChatHFRouter(model='a/b'); HFLocalEmbeddings('x/y'); HFRouterEmbeddings('x/y'); HFReranker('x/y')
print(sorted(set({heavy}) & (set(sys.modules) - before)))
"""
    assert run(code) == "[]"


def test_without_langchain_the_error_names_what_to_install() -> None:
    code = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == 'langchain_core' else real(name, package)
try:
    import langchain_hfrouter
except ImportError as error:
    print(error)
"""
    assert 'pip install "hfrouter[langchain]"' in run(code)


@pytest.mark.pinned_set
def test_init_chat_model_knows_the_package_after_register() -> None:
    from langchain import chat_models

    register()
    register()
    model = chat_models.init_chat_model("hfrouter:openai/gpt-oss-120b:groq", temperature=0.5)
    assert isinstance(model, ChatHFRouter)
    assert (model.model, model.temperature) == ("openai/gpt-oss-120b:groq", 0.5)
    other = chat_models.init_chat_model("openai/gpt-oss-120b", model_provider="hfrouter")
    assert other.model == "openai/gpt-oss-120b"


@pytest.mark.pinned_set
def test_init_embeddings_knows_the_package_after_register() -> None:
    from langchain.embeddings import init_embeddings

    register()
    made = init_embeddings("hfrouter:BAAI/bge-m3:deepinfra", batch_size=16, api_key="hf_x")
    assert isinstance(made, HFRouterEmbeddings)
    assert (made.model, made.batch_size) == ("BAAI/bge-m3:deepinfra", 16)
    other = init_embeddings("BAAI/bge-m3", provider="hfrouter")
    assert isinstance(other, HFRouterEmbeddings)
    assert other.model == "BAAI/bge-m3"


@pytest.mark.pinned_set
@pytest.mark.parametrize("kind", ["chat_models", "embeddings"])
@pytest.mark.parametrize("table", [None, {}, {"openai": "langchain_openai"}, ["openai"]], ids=str)
def test_register_says_so_when_langchain_has_changed(
    kind: str, table: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"langchain.{kind}.base._BUILTIN_PROVIDERS", table)
    with pytest.raises(ConfigError, match="Make the model directly"):
        register("not-written-by-halves")
    from langchain.chat_models import base

    assert "not-written-by-halves" not in (base._BUILTIN_PROVIDERS or {})


def test_register_says_so_when_langchain_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models.base", None)
    with pytest.raises(ImportError, match="pip install langchain"):
        register()


@pytest.mark.parametrize(
    "name",
    ["ChatHFRouter", "HFReranker", "HFRouterEmbeddings", "HFRouterLLM", "HFRouterToolkit", "HFTextToImage"],
)
def test_help_shows_the_arguments_before_a_class_was_ever_used(name: str) -> None:
    own = {"__module__": __name__, "__annotations__": {"extra": int}, "extra": 1}
    fresh = type("Fresh", (getattr(langchain_hfrouter, name),), own)
    assert {"extra", "usage_tags", "api_key"} <= set(inspect.signature(fresh).parameters)
