"""What of a classic task is sent, to whom, how often, and by which model."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from shared_core import errors
from shared_core.catalog import default_model
from shared_core.testing import MediaQuirks, Status
from shared_core.types import Job
from tests.client.classic.conftest import PICTURE, Ask, model_of


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
