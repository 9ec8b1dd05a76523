"""`HFLocalMultiModalEmbedding`: pictures and texts in one space, and which pictures may be opened."""

from __future__ import annotations

import base64
import pickle
from io import BytesIO

import numpy as np
import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from llama_index.core.schema import ImageNode, TextNode

from llama_index_hfrouter import HFLocalMultiModalEmbedding
from shared_core.errors import ConfigError

pytestmark = pytest.mark.pinned_set

CLOSE = {"rtol": 0, "atol": 1e-5}


def picture(shade: int) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 255 - shade)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import tiny_models

    return tiny_models.clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def photos(tmp_path):
    """A folder with two pictures, a file that is none, one outside, and a link to that."""
    inside = tmp_path / "photos"
    inside.mkdir()
    (tmp_path / "outside.png").write_bytes(picture(9))
    (inside / "red.png").write_bytes(picture(255))
    (inside / "blue.png").write_bytes(picture(0))
    (inside / "notes.txt").write_text("no picture")
    (inside / "link.png").symlink_to(tmp_path / "outside.png")
    return inside


@pytest.fixture
def make_embedding(folder):
    def make(**options):
        return HFLocalMultiModalEmbedding(str(folder), device="cpu", **options)

    return make


class TestVectors:
    async def test_every_way_to_a_picture_s_vector_gives_the_same(self, make_embedding, photos):
        embedding = make_embedding(image_folder=photos)
        assert isinstance(embedding, MultiModalEmbedding)
        one = embedding.get_image_embedding(BytesIO(picture(255)))
        assert {type(number) for number in one} == {float}
        for other in (
            await embedding.aget_image_embedding(BytesIO(picture(255))),
            embedding.get_image_embedding("red.png"),
            embedding.get_image_embedding(str(photos / "red.png")),
            embedding.get_image_embedding(photos / "red.png"),
            embedding.get_image_embedding_batch([BytesIO(picture(255))])[0],
            (await embedding.aget_image_embedding_batch([BytesIO(picture(255))]))[0],
        ):
            np.testing.assert_allclose(other, one, **CLOSE)

    def test_texts_and_pictures_are_in_one_space(self, make_embedding):
        embedding = make_embedding(dimensions=8, normalize=True)
        vectors = [embedding.get_image_embedding(BytesIO(picture(0))), embedding.get_query_embedding("red")]
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert np.shape(vectors) == (2, 8)

    @pytest.mark.parametrize("way", ["sync", "async"])
    async def test_many_pictures_keep_their_order(self, make_embedding, way):
        embedding = make_embedding(embed_batch_size=40)
        files = [BytesIO(picture(shade)) for shade in range(0, 250, 5)]
        if way == "sync":
            vectors = embedding.get_image_embedding_batch(files)
        else:
            vectors = await embedding.aget_image_embedding_batch(files)
        expected = [embedding.get_image_embedding(files[place]) for place in (0, 32, 49)]
        np.testing.assert_allclose([vectors[place] for place in (0, 32, 49)], expected, **CLOSE)
        assert embedding.get_image_embedding_batch([]) == []

    def test_pictures_have_their_callbacks(self, make_embedding):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        embedding = make_embedding(callback_manager=CallbackManager([debug]))
        embedding.get_image_embedding(BytesIO(picture(0)))
        assert len(debug.get_event_pairs(CBEventType.EMBEDDING)) == 1

    def test_copies_embed_as_the_first_one(self, make_embedding, photos):
        made = make_embedding(image_folder=photos)
        vector = made.get_image_embedding("red.png")
        for again in (pickle.loads(pickle.dumps(made)), type(made).from_dict(made.to_dict())):
            np.testing.assert_allclose(again.get_image_embedding("red.png"), vector, **CLOSE)


class TestWhatIsOpened:
    @pytest.mark.parametrize(
        "name",
        [
            "red.png",
            "http://127.0.0.1:9/cat.png",
            "https://example.org/a.png",
            "file:///etc/passwd",
            "/etc/passwd",
        ],
    )
    async def test_no_string_is_opened_where_no_folder_was_named(
        self, make_embedding, photos, monkeypatch, name
    ):
        monkeypatch.chdir(photos)
        with pytest.raises(ConfigError, match="image_folder"):
            make_embedding().get_image_embedding(name)
        with pytest.raises(ConfigError, match="image_folder"):
            await make_embedding().aget_image_embedding_batch([name])

    @pytest.mark.parametrize(
        "name",
        [
            "../outside.png",
            "link.png",
            "http://127.0.0.1:9/cat.png",
            "file:red.png",
            "/etc/passwd",
            "",
            ".",
            "nothing.png",
            "a\x00b",
            "x" * 5000,
            "\ud800",
        ],
    )
    def test_a_string_that_names_nothing_in_the_folder_is_refused(self, make_embedding, photos, name):
        with pytest.raises(ConfigError, match="no picture in image_folder"):
            make_embedding(image_folder=str(photos)).get_image_embedding(name)

    def test_what_is_no_picture_is_a_clear_error(self, make_embedding, photos):
        with pytest.raises(ConfigError, match="cannot be read"):
            make_embedding(image_folder=photos).get_image_embedding("notes.txt")

    def test_nodes_of_others_cannot_choose_what_is_opened(self, make_embedding, photos):
        from llama_index.core.indices.utils import embed_image_nodes

        (photos.parent / "outside.png").chmod(0o600)
        node = ImageNode(image_path=str(photos.parent / "outside.png"))
        with pytest.raises(ConfigError, match="image_folder"):
            embed_image_nodes([node], make_embedding(image_folder=photos))


class TestIndex:
    async def test_a_text_and_a_picture_find_pictures(self, make_embedding, photos):
        from llama_index.core.indices import MultiModalVectorStoreIndex

        embedding = make_embedding(image_folder=photos)
        nodes = [  # LlamaIndex leaves out a node that has neither text nor metadata
            ImageNode(image=base64.b64encode(picture(255)).decode(), id_="red", metadata={"n": 1}),
            ImageNode(image_path=str(photos / "blue.png"), id_="blue", metadata={"n": 2}),
            TextNode(text="green bread"),
        ]
        index = MultiModalVectorStoreIndex(nodes, embed_model=embedding, image_embed_model=embedding)
        retriever = index.as_retriever(similarity_top_k=1, image_similarity_top_k=2)
        for found in (
            retriever.text_to_image_retrieve("red"),
            await retriever.atext_to_image_retrieve("red"),
        ):
            assert len(found) == 2
            query = np.array(embedding.get_query_embedding("red"))
            expected = [
                _cosine(query, embedding.get_image_embedding(f"{node.node_id}.png")) for node in found
            ]
            np.testing.assert_allclose([node.score for node in found], expected, atol=1e-4)
            assert expected == sorted(expected, reverse=True)
        (nearest, _) = retriever.image_to_image_retrieve("blue.png")
        assert nearest.node_id == "blue"
        assert nearest.score == pytest.approx(1, abs=1e-4)
        assert [node.text for node in retriever.text_retrieve("bread")] == ["green bread"]


def _cosine(one, other):
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def test_type_checkers_are_told_every_argument():
    from llama_index_hfrouter.embedding_arguments import MultiModalArguments

    besides = {"model", "query_prompt", "document_prompt", "max_length"}
    fields = set(HFLocalMultiModalEmbedding.model_fields)
    assert set(MultiModalArguments.__annotations__) == fields - {"model_name"} | besides
