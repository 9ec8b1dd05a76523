"""The contenders' environments: made from committed locks, never resolved afresh while measuring.

Lives here: what each is made of; `ensure(name)` builds `.envs/<name>` from `locks/<name>.txt` when it is
missing or the lock changed; `python benchmarks/envs.py relock [name ...]` resolves locks again.
Not here: anything about measuring.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "hfrouter"

# The requirements that each lock file was resolved from. The frameworks' cores are held to one version
# everywhere, so that a difference is the adapter's and not the framework's.
_LANGCHAIN_CORE = ("langchain-core==1.7.2", "langsmith==0.14.17", "pydantic==2.14.3")
_LLAMA_CORE = (
    "llama-index-core==0.14.25",
    "llama-index-workflows==2.26.1",
    "llama-index-instrumentation==0.6.0",
    "pydantic==2.14.3",
)
_EMBEDDING = (
    *_LANGCHAIN_CORE,
    *_LLAMA_CORE,
    "httpx2==2.16.2",
    "huggingface_hub==2.4.0",
    "pydantic-settings==2.16.3",
    "numpy==2.4.6",
    "tokenizers==0.23.3",
    "safetensors==0.8.0",
)
_SENTENCE_TRANSFORMERS = ("torch==2.13.0", "transformers==5.23.0", "sentence-transformers==6.2.0")
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "hfrouter": (
        *_LANGCHAIN_CORE,
        *_LLAMA_CORE,
        "httpx2==2.16.2",
        "huggingface_hub==2.4.0",
        "pydantic-settings==2.16.3",
        "aiohttp==3.14.5",
    ),
    "openai2": (
        "openai==2.54.0",
        "langchain-openai==1.7.3",
        "llama-index-llms-openai-like==0.8.1",
        *_LANGCHAIN_CORE,
        *_LLAMA_CORE,
    ),
    "openai3": ("openai>=3,<4", "langchain-openai", *_LANGCHAIN_CORE),
    "huggingface1": ("langchain-huggingface==1.2.3", "huggingface_hub>=1.31,<2", *_LANGCHAIN_CORE),
    "huggingface_api": ("llama-index-llms-huggingface-api==0.8.0", *_LLAMA_CORE),
    "litellm": ("langchain-litellm", *_LANGCHAIN_CORE),
    # Embeddings: ours three times, each with the one engine of its extra, and the peers.
    "hfrouter_torch": (*_EMBEDDING, *_SENTENCE_TRANSFORMERS),
    "hfrouter_onnx": (*_EMBEDDING, "onnxruntime==1.31.1"),
    "hfrouter_openvino": (*_EMBEDDING, "openvino==2026.4.1"),
    "sentence_transformers": (
        *_SENTENCE_TRANSFORMERS,
        *_LANGCHAIN_CORE,
        *_LLAMA_CORE,
        "langchain-huggingface==1.2.3",
        "langchain-openai==1.7.3",
        "langchain-classic==1.0.8",
        "llama-index-embeddings-huggingface==0.8.0",
    ),
    # A whole turn with LlamaIndex's packages: those for OpenAI's servers need openai 2, LangChain's above take 3.
    "rag_llama_index": (
        *_SENTENCE_TRANSFORMERS,
        *_LLAMA_CORE,
        "openai==2.54.0",
        "llama-index-embeddings-huggingface==0.8.0",
        "llama-index-llms-openai-like==0.8.1",
        "llama-index-llms-huggingface-api==0.8.0",
    ),
    "sentence_transformers_openvino": ("sentence-transformers[openvino]==6.2.0", "torch==2.13.0", "onnx"),
    "fastembed": ("fastembed==0.9.1",),
    "light_embed": ("light-embed==1.0.9",),
}
LEFT_OUT = frozenset({"torchvision"})
"""Resolved, but not locked: its build does not fit torch's CPU build, and no text model needs it."""


def python_of(name: str) -> Path:
    """The interpreter of an environment, whether it exists or not."""
    return HERE / ".envs" / name / "bin" / "python"


def lock_of(name: str) -> Path:
    return HERE / "locks" / f"{name}.txt"


def ensure(name: str) -> None:
    """Build the environment unless it stands as its lock says."""
    stamp = python_of(name).parent.parent / ".lock-sha256"
    lock = lock_of(name)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"building benchmarks/.envs/{name} from locks/{name}.txt", flush=True)
    _fresh(name)
    _pip(name, "install", "--no-deps", "-r", str(lock))
    if name.startswith(OURS):
        _pip(name, "install", "--no-deps", "-e", str(HERE.parent))
    stamp.write_text(digest)


def relock(name: str) -> None:
    """Resolve the requirements in a fresh environment and write down the versions that came out."""
    _fresh(name)
    _pip(name, "install", *ENVIRONMENTS[name])
    frozen = _pip(name, "freeze", "--exclude", OURS)
    pins = [
        line.partition("+")[0]  # without a build tag: pip takes the CPU build of torch where one is offered
        for line in frozen.splitlines()
        if "==" in line and "@" not in line and line.partition("==")[0] not in LEFT_OUT
    ]
    lock_of(name).write_text("\n".join(pins) + "\n")
    shutil.rmtree(python_of(name).parent.parent)
    ensure(name)


def _fresh(name: str) -> None:
    folder = python_of(name).parent.parent
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)


def _pip(name: str, *arguments: str) -> str:
    command = [str(python_of(name)), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_NO_INPUT": "1"})
    if done.returncode:
        raise SystemExit(f"pip could not prepare the environment {name}:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    if sys.argv[1:2] != ["relock"]:
        raise SystemExit("usage: envs.py relock [name ...]")
    for wanted in sys.argv[2:] or ENVIRONMENTS:
        relock(wanted)
        print(f"locked {wanted}: {len(lock_of(wanted).read_text().splitlines())} packages")
