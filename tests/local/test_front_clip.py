"""Pictures and texts in one space: a tiny CLIP model with random weights, run by sentence-transformers."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder

pytestmark = pytest.mark.pinned_set


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import models
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    folder = tmp_path_factory.mktemp("clip")
    tokenizer = models._tokenizer(models.ROBERTA_WORDS)
    ids = models._ids(tokenizer, models.ROBERTA_WORDS)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**small, **ids, "max_position_embeddings": 40, "eos_token_id": tokenizer.sep_token_id}
    vision = {**small, "image_size": 16, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(
        folder / "bare"
    )
    images = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    CLIPProcessor(images, tokenizer).save_pretrained(folder / "bare")
    model = SentenceTransformer(modules=[Transformer(str(folder / "bare"), max_seq_length=40)], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def picture(shade: int) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 255 - shade)).save(file, "PNG")
    return file.getvalue()


def test_pictures_have_vectors_in_the_space_of_the_texts(clip: Path, tmp_path: Path) -> None:
    from PIL import Image
    from sentence_transformers import SentenceTransformer

    embedder = LocalEmbedder(str(clip), device="cpu")
    (tmp_path / "a.png").write_bytes(picture(200))
    reply = embedder.embed_images([picture(0), BytesIO(picture(100)), tmp_path / "a.png"])
    theirs = SentenceTransformer(str(clip), device="cpu")
    opened = [Image.open(BytesIO(picture(shade))) for shade in (0, 100, 200)]
    np.testing.assert_allclose(reply.vectors, theirs.encode(opened), atol=1e-4)
    texts = ["a cat", "the price of bread in Paris"]
    np.testing.assert_allclose(embedder.embed(texts).vectors, theirs.encode(texts), atol=1e-4)
    assert reply.vectors.shape[1] == embedder.dimensions == 24
    assert np.linalg.norm(reply.vectors[0] - reply.vectors[2]) > 1e-3


def test_length_one_and_dimensions_hold_for_pictures_too(clip: Path) -> None:
    embedder = LocalEmbedder(str(clip), device="cpu", normalize=True, dimensions=8)
    vectors = embedder.embed_images([picture(0)]).vectors
    assert vectors.shape == (1, 8)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed_images([]).vectors.shape == (0, 8)


def test_a_text_that_looks_like_a_picture_is_a_text(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a text was opened")

    path = tmp_path / "cat.png"
    path.write_bytes(picture(0))
    embedder = LocalEmbedder(str(clip), device="cpu")
    embedder.embed(["warm"])
    monkeypatch.setattr(Image, "open", opened)
    texts = [str(path), "http://127.0.0.1:9/cat.png", "a cat"]
    vectors = embedder.embed(texts).vectors
    assert len(np.unique(vectors.round(4), axis=0)) == 3


@pytest.mark.parametrize("image", ["http://127.0.0.1:9/cat.png", "/etc/passwd"])
def test_a_string_is_never_opened_as_a_picture(clip: Path, image: str) -> None:
    with pytest.raises(ConfigError, match="Picture 0 is a str"):
        LocalEmbedder(str(clip), device="cpu").embed_images([image])  # type: ignore[list-item]
