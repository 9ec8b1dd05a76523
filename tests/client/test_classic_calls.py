"""The classic tasks, by threads and by event loops, against the offline router and a dedicated endpoint of it."""

from __future__ import annotations

import asyncio
import io
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.catalog import default_model
from shared_core.client.classic_asking import _TASKS
from shared_core.client.task_replies import READERS
from shared_core.media import MediaFile
from shared_core.providers import MAPPINGS
from shared_core.testing import MediaQuirks, Status, offline_router
from shared_core.testing.studio.made import Order, make
from shared_core.types import Answers, Job, Label

PICTURE = make(Order("text-to-image", "a green frog on a red ball", 64, 64, form="PNG")).data
SOUND = make(Order("text-to-speech", "Hello you")).data
TABLE = {"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    documented = default_model("summarization")
    assert documented is not None
    names = {documented.model.partition(":")[0]: "offline/summarization"}
    with offline_router(embedder="words", token="hf_canary", aliases=names) as url:
        yield url


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, host: Any) -> Ask:
    """Calls a method of a fresh client of either kind."""
    host.forget()
    MAPPINGS.clear()

    def call(method: str, *given: Any, settings: dict[str, Any] | None = None, **options: Any) -> Any:
        about = {
            "base_url": str(host),
            "api_key": "hf_canary",
            "embedding_api": "router",
            "hub_url": host.root,
        }
        about |= settings or {}
        if request.param == "threads":
            return getattr(HFRouter(**about), method)(*given, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**about) as router:
                return await getattr(router, method)(*given, **options)

        return asyncio.run(run())

    return call


CALLS: dict[str, tuple[tuple[Any, ...], Callable[[Any], Any], Any]] = {
    "text_classification": (("I love it",), lambda r: r[0].label, "POSITIVE"),
    "zero_shot_classification": (("A refund, please", ["faq", "refund"]), lambda r: r[0].label, "refund"),
    "token_classification": (
        ("I saw Ada in Paris",),
        lambda r: [(e.label, e.word, e.start, e.end) for e in r],
        [("PER", "Ada", 6, 9), ("LOC", "Paris", 13, 18)],
    ),
    "question_answering": (
        ("Who wrote it?", "Ada wrote it."),
        lambda r: (r[0].answer, r[0].start),
        ("Ada", 0),
    ),
    "table_question_answering": (
        (TABLE, "How many stars does Datasets have?"),
        lambda r: (r.answer, r.cells, r.coordinates, r.aggregator),
        ("4512", ("4512",), ((1, 1),), "NONE"),
    ),
    "summarization": (
        ("One thing. Another thing.",),
        lambda r: (r.text, r.texts),
        ("One thing.", ("One thing.",)),
    ),
    "translation": ((["Hello", "you"],), lambda r: (r.text, r.texts), ("Olleh", ("Olleh", "uoy"))),
    "fill_mask": (
        ("Paris is [MASK].",),
        lambda r: (len(r), r[0].sequence == f"Paris is {r[0].token_str}."),
        (5, True),
    ),
    "sentence_similarity": (("a cat", ["a cat", "some dogs"]), lambda r: (r[0], r[1] < 0.9), (1.0, True)),
    "tabular_classification": (({"a": [1, 2], "b": [3, 4]},), list, ["0", "1"]),
    "tabular_regression": (({"a": [1, 2], "b": [3, 4]},), list, [4.0, 6.0]),
    "image_classification": ((PICTURE,), lambda r: sum(e.score for e in r) > 0.9, True),
    "zero_shot_image_classification": (
        (PICTURE, ["frog", "car"]),
        lambda r: r[0].label,
        "frog",
    ),
    "object_detection": ((PICTURE,), lambda r: all(e.box.width > 0 for e in r), True),
    "image_to_text": ((PICTURE,), lambda r: "a green frog on a red ball" in r.text, True),
    "visual_question_answering": ((PICTURE, "Is it purple?"), lambda r: r[0].answer, "no"),
    "document_question_answering": ((PICTURE, "What is on the ball?"), lambda r: len(r), 1),
    "audio_classification": ((SOUND,), lambda r: r[0].label, "speech"),
    "audio_to_audio": (
        (SOUND,),
        lambda r: [(e.label, e.audio.mime_type, e.audio.duration is not None) for e in r],
        [("label_0", "audio/wav", True), ("label_1", "audio/wav", True)],
    ),
}


def model_of(method: str) -> str:
    return f"offline/{method.replace('_', '-')}"


@pytest.mark.parametrize("method", CALLS)
def test_each_task_answers_with_values_and_says_who_did(ask: Ask, method: str) -> None:
    given, look, wanted = CALLS[method]
    reply = ask(method, *given, model=model_of(method))
    assert look(reply) == wanted
    assert (reply.meta.provider, reply.meta.model, reply.meta.attempts) == (
        "hf-inference",
        model_of(method),
        1,
    )
    assert reply.raw


def test_every_task_has_a_call_here_and_a_method_on_both_clients() -> None:
    methods = {task.replace("-", "_") for task in READERS}
    assert methods == CALLS.keys() | {"image_segmentation"}
    assert READERS.keys() | {"text-generation"} == _TASKS.keys()
    for method in methods:
        assert callable(getattr(HFRouter, method))
        assert asyncio.iscoroutinefunction(getattr(AsyncHFRouter, method))


def test_a_reply_of_several_answers_is_a_sequence(ask: Ask) -> None:
    reply = ask("text_classification", "I love it", model="offline/text-classification")
    assert isinstance(reply, Answers)
    assert [each.label for each in reply] == ["POSITIVE", "NEGATIVE"]
    assert (len(reply), reply[-1].label, len(reply[:1])) == (2, "NEGATIVE", 1)
    assert isinstance(reply[0], Label)
    assert reply[0] in reply
    assert (reply.provider, reply.model) == ("hf-inference", "offline/text-classification")
    assert pickle.loads(pickle.dumps(reply)) == reply


@pytest.mark.parametrize(
    ("method", "given", "options", "sent"),
    [
        pytest.param(
            "text_classification",
            ("x",),
            {"top_k": 1, "function_to_apply": None},
            {"inputs": "x", "parameters": {"top_k": 1}},
            id="none is never sent",
        ),
        pytest.param(
            "translation",
            ("x",),
            {"src_lang": "en", "tgt_lang": "de", "extra_body": {"options": {"use_cache": False}}},
            {
                "inputs": "x",
                "parameters": {"src_lang": "en", "tgt_lang": "de"},
                "options": {"use_cache": False},
            },
            id="what only one knows goes into the body",
        ),
        pytest.param(
            "table_question_answering",
            ({"Age": [36]}, "How old?"),
            {},
            {"inputs": {"query": "How old?", "table": {"Age": ["36"]}}, "parameters": {}},
            id="cells that are asked about are sent as texts",
        ),
        pytest.param(
            "tabular_regression",
            ({"Age": [36, 37.5]},),
            {},
            {"parameters": {}, "table": {"Age": [36, 37.5]}},
            id="cells that are counted with stay numbers",
        ),
    ],
)
def test_what_is_asked_reaches_the_provider(
    ask: Ask, host: Any, method: str, given: Any, options: Any, sent: Any
) -> None:
    ask(method, *given, model=model_of(method), **options)
    assert host.requests[-1].json == sent


def test_a_data_frame_is_a_table(ask: Ask, host: Any) -> None:
    class Frame:
        columns = ("a",)

        def to_dict(self, orient: str) -> dict[str, list[int]]:
            assert orient == "list"
            return {"a": [1, 2]}

    ask("tabular_regression", Frame(), model="offline/tabular-regression")
    assert host.requests[-1].json["table"] == {"a": [1, 2]}


@pytest.mark.parametrize("form", ["bytes", "path", "file"])
def test_a_picture_is_bytes_a_path_or_a_file(ask: Ask, host: Any, form: str, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(PICTURE)
    given = {"bytes": PICTURE, "path": tmp_path / "x.bin", "file": io.BytesIO(PICTURE)}[form]
    ask("image_classification", given, model="offline/image-classification")
    assert host.requests[-1].raw == PICTURE
    assert host.requests[-1].headers["content-type"] == "image/png"


@pytest.mark.parametrize("provider", ["hf-inference", "fal-ai"])
def test_masks_are_pictures_whoever_makes_them(ask: Ask, provider: str, tmp_path: Path) -> None:
    reply = ask("image_segmentation", PICTURE, model=f"offline/segmenter:{provider}", threshold=0.5)
    assert reply.meta.provider == provider
    segment = reply[0]
    assert isinstance(segment.mask, MediaFile)
    assert (segment.mask.mime_type, segment.mask.width, segment.mask.height) == ("image/png", 64, 64)
    assert segment.mask.save(tmp_path / "mask").name == "mask.png"
    assert (segment.label == "mask") == (provider == "fal-ai")


def test_a_mask_that_lies_on_another_host_is_fetched_without_the_token(ask: Ask, host: Any) -> None:
    reply = ask("image_segmentation", PICTURE, model="offline/segmenter:fal-ai")
    assert reply[0].mask.data.startswith(b"\x89PNG")
    fetched = [one for one in host.requests if one.path.startswith("/files/")]
    assert not [one for one in fetched if "authorization" in one.headers]


def test_a_queue_says_how_far_it_is_and_its_job_can_be_resumed(ask: Ask, host: Any) -> None:
    phases: list[str] = []
    host.queue(MediaQuirks(polls=2), path="/fal-ai/*")
    ask(
        "image_segmentation",
        PICTURE,
        model="offline/segmenter:fal-ai",
        on_progress=lambda report: phases.append(report.phase),
    )
    assert phases[0] == "queued"
    assert phases[-1] == "done"
    host.queue(MediaQuirks(never=True), path="/fal-ai/*")
    with pytest.raises(errors.TimedOut) as caught:
        ask("image_segmentation", PICTURE, model="offline/segmenter:fal-ai", timeout=0.7)
    assert caught.value.job is not None
    assert Job.from_json(caught.value.job.to_json()).task == "image-segmentation"


def test_a_job_of_masks_is_resumed_to_masks(ask: Ask, host: Any) -> None:
    host.queue(MediaQuirks(polls=4), path="/fal-ai/*")
    with pytest.raises(errors.TimedOut) as caught:
        ask("image_segmentation", PICTURE, model="offline/segmenter:fal-ai", timeout=0.6)
    reply = ask("resume", caught.value.job)
    assert (reply[0].label, reply[0].mask.width) == ("mask", 64)


def test_a_task_is_asked_again_when_the_provider_stumbles_and_a_paid_job_is_not(ask: Ask, host: Any) -> None:
    host.queue(Status(503), path="/hf-inference/*")
    reply = ask("text_classification", "fine", model="offline/text-classification")
    assert reply.meta.attempts == 2
    host.queue(Status(500), path="/fal-ai/*")
    with pytest.raises(errors.ProviderFailed) as caught:
        ask("image_segmentation", PICTURE, model="offline/segmenter:fal-ai")
    assert caught.value.attempts == 1


@pytest.mark.parametrize("suffix", ["", "/v1"], ids=["at its root", "with the path of chats at its end"])
@pytest.mark.parametrize("model", [None, "any/name"], ids=["without a model's name", "with one"])
def test_a_dedicated_endpoint_answers_at_its_root_and_nobody_is_looked_up(
    ask: Ask, host: Any, suffix: str, model: str | None
) -> None:
    root = f"{host.root}/hf-inference/models/offline/text-classification"
    own = {"base_url": root + suffix, "embedding_api": "auto", "model": model}
    reply = ask("text_classification", "I love it", settings=own)
    assert reply[0].label == "POSITIVE"
    (request,) = host.requests
    assert request.path == "/hf-inference/models/offline/text-classification"
    assert reply.meta.provider in (None, "hf-inference")  # only what the endpoint says itself


def test_shapes_of_2025_are_read_like_those_of_today(ask: Ask, host: Any) -> None:
    today = ask(
        "zero_shot_classification", "refund", ["faq", "refund"], model="offline/zero-shot-classification"
    )
    host.queue(MediaQuirks(older=True), path="/hf-inference/*")
    older = ask(
        "zero_shot_classification", "refund", ["faq", "refund"], model="offline/zero-shot-classification"
    )
    assert list(older) == list(today)
    assert older.raw != today.raw


@pytest.mark.parametrize(
    ("method", "given", "options", "words"),
    [
        pytest.param("text_classification", (3,), {}, "not a text", id="a number for a text"),
        pytest.param("text_classification", (" ",), {}, "text is empty", id="a blank text"),
        pytest.param(
            "text_classification", ("x" * 100_001,), {}, "100,001 characters", id="a text beyond measure"
        ),
        pytest.param("text_classification", ("a\ud800",), {}, "lone surrogate", id="a text that is no text"),
        pytest.param(
            "text_classification", ("x",), {"top": 1}, "Unknown argument 'top'", id="a misspelt option"
        ),
        pytest.param("text_classification", ("x",), {"top_k": 0}, "top_k=0", id="a count of nothing"),
        pytest.param(
            "text_classification",
            ("x",),
            {"function_to_apply": "relu"},
            "one of sigmoid, softmax",
            id="no such word",
        ),
        pytest.param("zero_shot_classification", ("x", "a,b"), {}, "list of texts", id="labels in one text"),
        pytest.param("zero_shot_classification", ("x", []), {}, "candidate_labels is empty", id="no labels"),
        pytest.param(
            "zero_shot_classification", ("x", ["a", ""]), {}, "Text 1 of candidate", id="a blank label"
        ),
        pytest.param(
            "zero_shot_classification",
            ("x", ["a"]),
            {"hypothesis_template": "It is"},
            "no {}",
            id="a template of none",
        ),
        pytest.param(
            "zero_shot_classification", ("x", ["a"]), {"multi_label": 1}, "True or False", id="1 for True"
        ),
        pytest.param(
            "zero_shot_image_classification",
            (PICTURE, ["a", "a"]),
            {},
            "2 different labels",
            id="one label for a picture",
        ),
        pytest.param(
            "image_classification", ("cat.png",), {}, "strings are never opened", id="a string for a picture"
        ),
        pytest.param("image_classification", (b"",), {}, "image is empty", id="an empty picture"),
        pytest.param("image_classification", (SOUND,), {}, "is no image", id="a sound for a picture"),
        pytest.param("audio_classification", (PICTURE,), {}, "is no audio", id="a picture for a sound"),
        pytest.param(
            "image_classification", (Path("none.png"),), {}, "cannot be read", id="a file that is not there"
        ),
        pytest.param("image_segmentation", (None,), {}, "one of the two", id="no picture at all"),
        pytest.param(
            "image_segmentation",
            (PICTURE,),
            {"url": "https://x.org/y.png"},
            "one of the two",
            id="a picture twice",
        ),
        pytest.param("image_segmentation", (PICTURE,), {"threshold": 2}, "from 0 to 1", id="a share above 1"),
        pytest.param(
            "image_segmentation", (PICTURE,), {"threshold": float("nan")}, "from 0 to 1", id="no number"
        ),
        pytest.param(
            "translation", ("x",), {"src_lang": "en"}, "tgt_lang is missing", id="one language of two"
        ),
        pytest.param("translation", ([],), {}, "text is empty", id="no texts"),
        pytest.param(
            "summarization", ("x",), {"truncation": True}, "one of do_not_truncate", id="a flag for a word"
        ),
        pytest.param(
            "summarization",
            ("x",),
            {"generate_parameters": 3},
            "a dictionary",
            id="a number for a dictionary",
        ),
        pytest.param(
            "table_question_answering",
            (TABLE, "x"),
            {"truncation": "only_first"},
            "True or False",
            id="a word for a flag",
        ),
        pytest.param(
            "table_question_answering", ([["a"]], "x"), {}, "table is a list", id="rows for a table"
        ),
        pytest.param("tabular_regression", ({},), {}, "table is empty", id="no columns"),
        pytest.param("tabular_regression", ({"a": []},), {}, "empty, or not of one length", id="no rows"),
        pytest.param(
            "tabular_regression", ({"a": [1], "b": []},), {}, "of one length", id="columns of two lengths"
        ),
        pytest.param(
            "tabular_regression", ({"a": "text"},), {}, "no list of cells", id="a text for a column"
        ),
        pytest.param("sentence_similarity", ("x", "y"), {}, "list of texts", id="one sentence for several"),
        pytest.param(
            "fill_mask", ("[MASK]",), {"targets": "word"}, "list of texts", id="one word for several"
        ),
        pytest.param(
            "document_question_answering",
            (PICTURE, "x"),
            {"word_boxes": "x"},
            "words and boxes",
            id="a text for boxes",
        ),
        pytest.param("question_answering", ("x", ""), {}, "context is empty", id="no context"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_sent(
    ask: Ask, host: Any, method: str, given: Any, options: Any, words: str
) -> None:
    with pytest.raises(errors.ConfigError, match=r"Nothing was sent|not a whole number") as caught:
        ask(method, *given, model=model_of(method), **options)
    assert words in str(caught.value)
    assert host.requests == []


def test_a_link_is_for_those_who_fetch_links(ask: Ask, host: Any) -> None:
    with pytest.raises(errors.ConfigError, match="hf-inference fetches nothing"):
        ask("image_segmentation", url="https://example.org/x.png", model="offline/segmenter:hf-inference")
    with pytest.raises(errors.BadRequest, match="example"):
        ask("image_segmentation", url="https://example.org/x.png", model="offline/segmenter:fal-ai")
    assert host.requests[-1].json["image_url"] == "https://example.org/x.png"


def test_a_provider_that_does_not_do_the_task_is_named(ask: Ask) -> None:
    with pytest.raises(errors.ModelNotServed, match="fal-ai"):
        ask("text_classification", "x", model="offline/text-classification:fal-ai")
    with pytest.raises(errors.ModelNotServed, match="text-classification"):
        ask("text_classification", "x", model="offline/painter")


def test_a_task_takes_its_own_model_the_clients_or_the_documented_one(ask: Ask, host: Any) -> None:
    text = {"text": "x"}
    own = {"task_models": {"text-classification": "offline/text-classification"}, "model": "offline/painter"}
    assert ask("text_classification", **text, settings=own).model == "offline/text-classification"
    with pytest.raises(errors.ConfigError, match="No model was chosen for text-classification"):
        ask("text_classification", **text)
    documented = default_model("summarization")
    assert documented is not None
    reply = ask("summarization", "One thing. Another.")
    assert (reply.text, f"{reply.meta.model}:hf-inference") == ("One thing.", documented.model)


def test_a_chat_model_answers_about_a_picture(ask: Ask, host: Any) -> None:
    reply = ask("ask_image", PICTURE, "What is it?", model="offline/tools", max_tokens=50)
    assert "image/png" in reply.text
    (request,) = host.requests
    assert request.media == [("image/png", PICTURE)]
    ((part, picture),) = [message["content"] for message in request.json["messages"]]
    assert part == {"type": "text", "text": "What is it?"}
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert request.json["max_tokens"] == 50


def test_a_link_to_a_picture_goes_to_the_chat_model_as_it_is(ask: Ask, host: Any) -> None:
    ask("ask_image", None, "What?", url="https://example.org/x.png", settings={"model": "offline/echo"})
    content = host.requests[-1].json["messages"][0]["content"]
    assert content[1]["image_url"] == {"url": "https://example.org/x.png"}


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        (("cat.png", "What?"), {}, "strings are never opened"),
        ((None, "What?"), {}, "one of the two"),
        ((PICTURE, " "), {}, "question is empty"),
        ((None, "What?"), {"url": "file:///etc/passwd"}, "not an https address"),
    ],
    ids=["a string", "nothing", "no question", "a file's address"],
)
def test_questions_about_no_picture_are_refused(
    ask: Ask, host: Any, given: Any, options: Any, words: str
) -> None:
    with pytest.raises(errors.ConfigError, match=words):
        ask("ask_image", *given, model="offline/tools", **options)
    assert host.requests == []


def test_questions_about_pictures_have_a_model_of_their_own(ask: Ask, host: Any) -> None:
    own = {"task_models": {"image-text-to-text": "offline/tools"}, "model": "offline/echo"}
    assert ask("ask_image", PICTURE, "What?", settings=own).meta.model == "offline/tools"
    with pytest.raises(errors.ModelNotServed):
        ask("ask_image", PICTURE, "What?")
    documented = default_model("image-text-to-text")
    assert documented is not None
    assert host.requests[-1].json["model"] == documented.model
