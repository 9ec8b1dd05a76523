"""The classic tasks on the offline hf-inference: sensible answers, in the shapes that were recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import MediaQuirks, OfflineRouter
from shared_core.testing.studio.made import Order, make

Http = Callable[..., httpx2.Response]
Ask = Callable[..., Any]


@pytest.fixture
def ask(http: Http) -> Ask:
    """The answer of a task's model to a JSON body."""

    def send(task: str, inputs: Any = None, *, status: int = 200, **body: Any) -> Any:
        if inputs is not None:
            body["inputs"] = inputs
        reply = http("POST", f"/hf-inference/models/offline/{task}", json=body)
        assert reply.status_code == status, reply.text
        return reply.json()

    return send


@pytest.fixture
def look(http: Http) -> Ask:
    """The answer of a task's model to a bare file."""

    def send(task: str, data: bytes, *, status: int = 200) -> Any:
        reply = http("POST", f"/hf-inference/models/offline/{task}", content=data)
        assert reply.status_code == status, reply.text
        return reply.json()

    return send


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this, it is great", "POSITIVE"),
        ("The food was not good", "NEGATIVE"),
        ("A terrible, boring evening", "NEGATIVE"),
        ("It wasn't bad", "POSITIVE"),
        ("The train leaves at nine", "POSITIVE"),
    ],
)
def test_moods_come_from_words(ask: Ask, text: str, label: str) -> None:
    ((best, other),) = ask("text-classification", text)
    assert best["label"] == label
    assert best["score"] >= other["score"]
    assert best["score"] + other["score"] == pytest.approx(1)


def test_several_texts_get_several_moods(ask: Ask) -> None:
    assert len(ask("text-classification", ["good", "bad"], parameters={"top_k": 1})) == 2


def test_zero_shot_prefers_labels_that_the_text_speaks_of(
    ask: Ask, http: Http, router: OfflineRouter
) -> None:
    given = {"candidate_labels": ["refund", "legal", "phone"]}
    ranked = ask(
        "zero-shot-classification", "My phone broke and I want a refund for the phone", parameters=given
    )
    assert {ranked[0]["label"], ranked[1]["label"]} == {"refund", "phone"}
    assert sum(one["score"] for one in ranked) == pytest.approx(1, abs=1e-4)
    several = ask("zero-shot-classification", "My phone broke", parameters=given | {"multi_label": True})
    assert [*several[0]] == ["label", "score"]
    router.queue(MediaQuirks(older=True), path="/hf-inference/*")
    older = ask("zero-shot-classification", "My phone broke", parameters=given)
    assert [*older] == ["sequence", "labels", "scores"]
    assert older["labels"][0] == "phone"


def test_names_are_found_with_their_places(ask: Ask) -> None:
    text = "My name is Sarah Jessica Parker but you can call me Jessica. She lives in New York and works at Acme Inc."
    found = ask("token-classification", text)
    assert [(one["entity_group"], one["word"]) for one in found] == [
        ("PER", "Sarah Jessica Parker"), ("PER", "Jessica"), ("LOC", "New York"), ("ORG", "Acme Inc"),
    ]  # fmt: skip
    assert [*found[0]] == ["entity_group", "score", "word", "start", "end"]
    assert all(text[one["start"] : one["end"]] == one["word"] for one in found)


def test_without_aggregation_names_come_word_by_word(ask: Ask) -> None:
    found = ask("token-classification", "I met Ada Lovelace", parameters={"aggregation_strategy": "none"})
    assert [(one["entity"], one["word"]) for one in found] == [("B-PER", "Ada"), ("I-PER", "Lovelace")]
    found = ask("token-classification", "Ada is in Rome", parameters={"ignore_labels": ["LOC"]})
    assert [one["word"] for one in found] == ["Ada"]


def test_a_summary_is_the_first_sentence(ask: Ask) -> None:
    text = "The tower is 324 metres tall. It was built in 1889."
    assert ask("summarization", text) == [{"summary_text": "The tower is 324 metres tall."}]
    assert ask("summarization", text, parameters={"max_length": 3}) == [{"summary_text": "The tower is"}]
    assert len(ask("summarization", [text, text])) == 2


def test_a_translation_can_be_turned_back(ask: Ask) -> None:
    given = {"src_lang": "en_XX", "tgt_lang": "fr_XX"}
    text = "Hello World, my name is Wolfgang!"
    (there,) = ask("translation", text, parameters=given)
    assert there == {"translation_text": "Olleh Dlrow, ym eman si Gnagflow!"}
    (back,) = ask(
        "translation", there["translation_text"], parameters={"src_lang": "fr_XX", "tgt_lang": "en_XX"}
    )
    assert back == {"translation_text": text}
    assert ask("translation", text, parameters={"src_lang": "en", "tgt_lang": "en"}) == [
        {"translation_text": text}
    ]


def test_a_mask_is_filled_five_times(ask: Ask) -> None:
    filled = ask("fill-mask", "[MASK] world!")
    assert len(filled) == 5
    assert [*filled[0]] == ["score", "token", "token_str", "sequence"]
    assert filled[0]["sequence"] == f"{filled[0]['token_str']} world!"
    assert [one["score"] for one in filled] == sorted((one["score"] for one in filled), reverse=True)
    given = {"targets": ["hello", "goodbye"], "top_k": 1}
    (only,) = ask("fill-mask", "<mask> world!", parameters=given)
    assert only["token_str"] in ("hello", "goodbye")
    assert len(ask("fill-mask", "[MASK] and [MASK]")) == 2


@pytest.mark.parametrize(
    ("question", "answer"),
    [("What's my name?", "Clara"), ("When was the bridge built?", "1894"), ("Where do I live?", "Berkeley")],
)
def test_a_question_is_answered_from_its_context(ask: Ask, question: str, answer: str) -> None:
    context = "My name is Clara. I live in Berkeley. The bridge was built in 1894."
    found = ask("question-answering", {"question": question, "context": context})
    assert found["answer"] == answer == context[found["start"] : found["end"]]
    assert (
        len(ask("question-answering", {"question": question, "context": context}, parameters={"top_k": 2}))
        == 2
    )


TABLE = {"Repository": ["Transformers", "Datasets", "Tokenizers"], "Stars": ["36542", "4512", "3934"]}


def test_a_table_is_looked_up(ask: Ask) -> None:
    query = "How many stars does the transformers repository have?"
    wanted = {"answer": "36542", "coordinates": [[0, 1]], "cells": ["36542"], "aggregator": "NONE"}
    assert ask("table-question-answering", {"query": query, "table": TABLE}) == wanted
    # The recorded client of 2025 put both at the root.
    assert ask("table-question-answering", query=query, table=TABLE, parameters={}) == wanted
    total = ask("table-question-answering", {"query": "What is the total of all stars?", "table": TABLE})
    assert (total["aggregator"], len(total["cells"])) == ("SUM", 3)


def test_rows_of_a_table_get_numbers_and_classes(ask: Ask) -> None:
    table = {"Height": ["11.5", "12.5"], "Species": ["Bream", "Bream"], "Width": ["4", "5"]}
    assert ask("tabular-regression", {"data": table}) == [15.5, 17.5]
    assert ask("tabular-regression", table=table) == [15.5, 17.5]
    assert ask("tabular-classification", {"data": table}) == ["0", "1"]


def test_sentences_are_near_by_their_words(http: Http) -> None:
    asked = {"source_sentence": "a red fox", "sentences": ["the red fox", "a loaf of bread", "a red fox"]}
    for model in ("offline/sentence-similarity", "sentence-transformers/all-MiniLM-L6-v2"):
        path = f"/hf-inference/models/{model}/pipeline/sentence-similarity"
        scores = http("POST", path, json={"inputs": asked}).json()
        assert scores == http("POST", path, json=asked).json()
        assert scores[2] == pytest.approx(1, abs=1e-5)
        assert scores[2] > scores[0] > scores[1]


def test_a_pictures_colours_are_its_classes(look: Ask, red_picture: bytes) -> None:
    best, *_ = look("image-classification", red_picture)
    assert best["label"] == "red"
    assert best["score"] > 0.8


@pytest.fixture(scope="module")
def house() -> bytes:
    return make(Order("text-to-image", "a yellow house under a blue sky", 200, 100)).data


def test_the_largest_patch_is_detected_where_it_is(look: Ask, house: bytes) -> None:
    best, *_ = look("object-detection", house)
    assert best["label"] == "yellow shape"
    assert [*best["box"]] == ["xmin", "ymin", "xmax", "ymax"]
    assert best["box"]["xmin"] == pytest.approx(60, abs=5)
    assert best["box"]["ymax"] == pytest.approx(60, abs=5)


def test_a_picture_is_cut_into_masks(look: Ask, house: bytes) -> None:
    ground, patch, *_ = look("segmenter", house)
    assert (ground["label"], patch["label"]) == ("blue", "yellow")
    assert base64.b64decode(ground["mask"])[:4] == b"\x89PNG"


def test_a_picture_is_described_and_asked_about(look: Ask, ask: Ask, house: bytes) -> None:
    ((_, text),) = look("image-to-text", house)[0].items()
    assert text == "a picture of a yellow house under a blue sky that is mostly blue, 200 by 100 pixels"
    packed = base64.b64encode(house).decode()
    (best, *_) = ask("visual-question-answering", packed, question="What colour is it?")
    assert best["answer"] == "blue"
    (best, *_) = ask("visual-question-answering", {"image": packed, "question": "Is there anything yellow?"})
    assert best["answer"] == "yes"
    (best, *_) = ask("visual-question-answering", packed, question="Is it green?")
    assert best["answer"] == "no"


def test_labels_fit_a_picture_by_colour_and_caption(ask: Ask, house: bytes) -> None:
    packed = base64.b64encode(house).decode()
    given = {"candidate_labels": ["a green meadow", "a house", "the blue sea"]}
    ranked = ask("zero-shot-image-classification", packed, parameters=given)
    assert [one["label"] for one in ranked] == ["the blue sea", "a house", "a green meadow"]
    assert [*ranked[0]] == ["score", "label"]


def test_a_document_is_read_by_the_words_given_or_its_caption(ask: Ask, house: bytes) -> None:
    packed = base64.b64encode(house).decode()
    inputs = {"image": packed, "question": "What is the invoice number?"}
    boxes = ["Invoice", "number:", "us-001", "Total:", "154.06"]
    (best,) = ask("document-question-answering", inputs, parameters={"word_boxes": boxes})
    assert (best["answer"], best["start"], best["end"]) == ("us-001", 2, 2)
    inputs["question"] = "What is yellow?"
    assert ask("document-question-answering", inputs)[0]["answer"] == "house"


def test_sounds_are_told_apart_and_taken_apart(look: Ask, said_hello: bytes) -> None:
    assert look("audio-classification", said_hello)[0]["label"] == "speech"
    assert look("audio-classification", make(Order("text-to-audio", "x")).data)[0]["label"] == "music"
    first, second = look("audio-to-audio", said_hello)
    assert [*first] == ["label", "blob", "content-type"]
    assert base64.b64decode(first["blob"]) == said_hello
    assert look("audio-classification", base64.b64decode(second["blob"]))[0]["label"] == "silence"


REFUSED = [
    ("translation", "hello", {"src_lang": "en_XX", "tgt_lang": "tlh_XX"}, "'tlh_XX' is not supported"),
    ("translation", "", {}, "must not be empty"),
    ("summarization", 3, {}, "Error in `inputs`: str type expected"),
    ("summarization", [], {}, "Error in `inputs`"),
    ("text-classification", None, {}, "Error in `inputs`: field required"),
    ("fill-mask", "no gap", {}, "No mask_token ([MASK]) found on the input"),
    ("zero-shot-classification", "hello", {}, "Error in `parameters.candidate_labels`: field required"),
    ("zero-shot-classification", "hello", {"candidate_labels": []}, "at least one label"),
    ("token-classification", "hello", {"aggregation_strategy": "odd"}, "not a valid AggregationStrategy"),
    ("question-answering", {"question": "what?"}, {}, "Error in `inputs.context`: field required"),
    ("table-question-answering", {"query": "what?"}, {}, "Error in `inputs.table`: field required"),
    (
        "table-question-answering",
        {"query": "a", "table": {"a": ["1"], "b": []}},
        {},
        "must be of the same length",
    ),
    ("tabular-regression", {"data": {"a": "1"}}, {}, "every column must be a list"),
    ("visual-question-answering", "no base64", {}, "no base64"),
    ("image-classification", "aGVsbG8=", {}, "cannot identify image file"),
]


@pytest.mark.parametrize(("task", "inputs", "parameters", "text"), REFUSED)
def test_wrong_inputs_are_refused_with_an_error(
    ask: Ask, task: str, inputs: Any, parameters: dict[str, Any], text: str
) -> None:
    assert text in json.dumps(ask(task, inputs, status=400, parameters=parameters)["error"])


@pytest.mark.parametrize("task", ["image-classification", "object-detection", "segmenter", "editor"])
@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_files_that_are_no_pictures_are_refused(look: Ask, task: str, data: bytes) -> None:
    assert "error" in look(task, data, status=400)


def test_files_that_are_no_sounds_are_refused(look: Ask, red_picture: bytes) -> None:
    assert look("listener", red_picture, status=400) == {"error": "Malformed soundfile"}
    assert look("audio-to-audio", b"", status=400) == {"error": ["Error in `inputs`: field required"]}
