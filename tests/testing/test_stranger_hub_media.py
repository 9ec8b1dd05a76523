"""huggingface_hub's own adapters against the offline router, at the real addresses, which lead here.

They build real URLs, and the fal and WaveSpeed ones look at the host before they poll. So its HTTP client is
given a transport that sends what is meant for Hugging Face to the offline router.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import InferenceClient, constants, set_client_factory
from huggingface_hub.errors import BadRequestError, HfHubHTTPError
from huggingface_hub.inference._providers import _common, fal_ai, hf_inference, together, wavespeed, zai_org
from huggingface_hub.utils import _http

from shared_core.testing import MediaQuirks, OfflineRouter

pytestmark = pytest.mark.pinned_set

TOKEN = "hf_offline"


class Diverted(httpx2.BaseTransport):
    """Sends requests for the router and the Hub to the offline router, and others where they go."""

    def __init__(self, router: OfflineRouter) -> None:
        self._router = router
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in ("router.huggingface.co", "huggingface.co"):
            request.url = request.url.copy_with(scheme="http", host=self._router.host, port=self._router.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(autouse=True)
def diverted(router: OfflineRouter, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for module in (fal_ai, wavespeed, zai_org):
        monkeypatch.setattr(module, "_POLLING_INTERVAL", 0)
    monkeypatch.setattr(together, "_VIDEO_POLLING_INTERVAL", 0)
    caches = (_common._fetch_inference_provider_mapping, hf_inference._check_supported_task)
    before = _http._GLOBAL_CLIENT_FACTORY
    set_client_factory(lambda: httpx2.Client(transport=Diverted(router), follow_redirects=True, timeout=30))
    for cache in caches:
        cache.cache_clear()
    yield
    set_client_factory(before)
    for cache in caches:
        cache.cache_clear()


def client(provider: str) -> InferenceClient:
    return InferenceClient(provider=provider, api_key=TOKEN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "provider", ["fal-ai", "replicate", "wavespeed", "together", "nscale", "zai-org", "hf-inference"]
)
def test_everybody_paints(provider: str, router: OfflineRouter) -> None:
    size = {} if provider == "replicate" else {"width": 96, "height": 64}
    picture = client(provider).text_to_image("a red fox", model="offline/painter", **size)
    assert picture.size == ((96, 64) if size else (512, 512))
    assert all("authorization" not in one.headers for one in router.requests if one.origin == "files")
    assert len(router.jobs) == 1


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
def test_a_lora_and_a_version_are_understood(provider: str, router: OfflineRouter) -> None:
    assert client(provider).text_to_image("a fox", model="offline/painter-lora").size
    if provider == "replicate":
        assert client(provider).text_to_image("a fox", model="offline/sketcher").size
        assert len(router.jobs[-1].body["version"]) == 64


@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed", "together", "hf-inference"])
def test_everybody_edits(provider: str, red_picture: bytes) -> None:
    picture = client(provider).image_to_image(red_picture, "make it blue", model="offline/editor")
    assert picture.size == (96, 64)
    red, _, blue = picture.convert("RGB").getpixel((1, 1))
    assert blue > red


@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed", "together", "novita"])
def test_everybody_films(provider: str) -> None:
    film = client(provider).text_to_video("waves", model="offline/animator", num_frames=4)
    assert film[4:8] == b"ftyp"


@pytest.mark.parametrize("provider", ["fal-ai", "wavespeed", "together"])
def test_everybody_animates(provider: str, red_picture: bytes) -> None:
    film = client(provider).image_to_video(red_picture, model="offline/filmer")
    assert film[4:8] == b"ftyp"


@pytest.mark.parametrize("provider", ["fal-ai", "deepinfra", "replicate", "together", "hf-inference"])
def test_everybody_speaks(provider: str, said_hello: bytes) -> None:
    voice = {"extra_body": {"voice": "alloy"}} if provider == "together" else {}
    sound = client(provider).text_to_speech("hello there", model="offline/speaker", **voice)  # type: ignore[arg-type]
    assert sound == said_hello
    with wave.open(io.BytesIO(sound)) as opened:
        assert opened.getnframes()


@pytest.mark.parametrize("provider", ["fal-ai", "deepinfra", "replicate", "hf-inference"])
def test_everybody_listens(provider: str, said_hello: bytes) -> None:
    heard = client(provider).automatic_speech_recognition(said_hello, model="offline/listener")
    assert heard.text.strip() == "hello there"


@pytest.mark.parametrize("provider", ["fal-ai", "hf-inference"])
def test_both_segment(provider: str, red_picture: bytes) -> None:
    found = client(provider).image_segmentation(red_picture, model="offline/segmenter")
    assert found[0].mask.size == (96, 64)  # type: ignore[attr-defined]


@pytest.mark.parametrize("provider", ["hf-inference", "deepinfra", "featherless-ai", "together", "novita"])
def test_everybody_writes(provider: str) -> None:
    assert client(provider).text_generation("Once upon a time", model="offline/writer")


def test_tgi_streams() -> None:
    hub = client("hf-inference")
    asked = {"model": "offline/writer", "max_new_tokens": 6}
    tokens = list(hub.text_generation("Once upon a time", stream=True, **asked))  # type: ignore[call-overload]
    whole = hub.text_generation("Once upon a time", return_full_text=False, **asked)  # type: ignore[call-overload]
    assert "".join(tokens) == whole


def test_the_classic_tasks_have_the_types_that_its_client_reads(
    red_picture: bytes, said_hello: bytes
) -> None:
    hub = client("hf-inference")
    assert hub.text_classification("great", model="offline/text-classification")[0].label == "POSITIVE"
    labels = ["phone", "cat"]
    ranked = hub.zero_shot_classification("my phone", labels, model="offline/zero-shot-classification")
    assert ranked[0].label == "phone"
    assert hub.token_classification("I am Ada", model="offline/token-classification")[0].entity_group == "PER"
    assert hub.summarization("One. Two.", model="offline/summarization").summary_text == "One."
    turned = hub.translation("abc", model="offline/translation", src_lang="en", tgt_lang="fr")
    assert turned.translation_text == "cba"
    assert len(hub.fill_mask("[MASK] world", model="offline/fill-mask")) == 5
    answer = hub.question_answering("Who is here?", "Clara is here.", model="offline/question-answering")
    assert answer.answer == "Clara"  # type: ignore[union-attr]
    table = {"Name": ["Ada"], "Age": ["36"]}
    cell = hub.table_question_answering(table, "What age has Ada?", model="offline/table-question-answering")
    assert cell.cells == ["36"]
    assert hub.tabular_classification(table, model="offline/tabular-classification") == ["0"]
    scores = hub.sentence_similarity("a fox", other_sentences=["a fox"], model="offline/sentence-similarity")
    assert scores == [pytest.approx(1)]
    assert hub.image_classification(red_picture, model="offline/image-classification")[0].label == "red"
    assert isinstance(hub.object_detection(red_picture, model="offline/object-detection"), list)
    assert "red" in hub.image_to_text(red_picture, model="offline/image-to-text").generated_text
    assert hub.audio_classification(said_hello, model="offline/audio-classification")[0].label == "speech"
    assert hub.audio_to_audio(said_hello, model="offline/audio-to-audio")[0].blob == said_hello
    seen = hub.visual_question_answering(red_picture, "colour?", model="offline/visual-question-answering")
    assert seen[0].answer == "red"
    read = hub.document_question_answering(
        red_picture, "total?", model="offline/document-question-answering", word_boxes=["total:", "5"]
    )
    assert read[0].answer == "5"
    fitting = hub.zero_shot_image_classification(
        red_picture, ["green", "red"], model="offline/zero-shot-image-classification"
    )
    assert fitting[0].label == "red"


def test_failures_reach_its_caller(router: OfflineRouter) -> None:
    router.queue(MediaQuirks(fails="out of memory"), path="/wavespeed/*")
    with pytest.raises(ValueError, match="out of memory"):
        client("wavespeed").text_to_image("a", model="offline/painter")
    router.queue(MediaQuirks(fails="out of memory"), path="/together/*")
    with pytest.raises(RuntimeError, match="out of memory"):
        client("together").text_to_video("a", model="offline/animator")
    router.queue(MediaQuirks(starting=True), path="/replicate/*")
    with pytest.raises(TimeoutError):
        client("replicate").text_to_image("a", model="offline/painter")
    router.queue(MediaQuirks(lost=True), path="/wavespeed/*")
    with pytest.raises(HfHubHTTPError, match="404"):
        client("wavespeed").text_to_image("a", model="offline/painter")
    with pytest.raises(BadRequestError):
        client("together").text_to_speech("a", model="offline/speaker")
