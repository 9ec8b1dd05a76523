"""Classic tasks that cannot work: told before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared_core import errors
from tests.client.classic.conftest import PICTURE, SOUND, TABLE, Ask, model_of


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
