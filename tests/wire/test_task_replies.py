"""Replies of the classic tasks, in every shape that was recorded or is documented, and in none."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_core.errors import MalformedResponse, RouterError
from shared_core.types import Answer, Blob, Box, Detection, Entity, Filling, Label
from shared_core.wire import tasks
from shared_core.wire.tasks import Part

MOODS = [{"label": "POSITIVE", "score": 0.9}, {"label": "NEGATIVE", "score": 0.1}]
READ_MOODS = (Label("POSITIVE", 0.9), Label("NEGATIVE", 0.1))


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        pytest.param(MOODS, READ_MOODS, id="a list"),
        pytest.param([MOODS], READ_MOODS, id="a list in a list, as pipelines of several texts give"),
        pytest.param([[MOODS]], READ_MOODS, id="deeper still"),
        pytest.param(MOODS[0], READ_MOODS[:1], id="one by itself"),
        pytest.param([{"label": "a"}], (Label("a", None),), id="without a score"),
        pytest.param([{"label": "a", "score": 1}], (Label("a", 1.0),), id="a score that is a whole number"),
        pytest.param([{"label": "a", "score": True}], (Label("a", None),), id="a score that is none"),
        pytest.param([], (), id="none"),
    ],
)
def test_classes_are_read_however_they_are_wrapped(raw: Any, wanted: Any) -> None:
    assert tasks.read_labels(raw) == wanted
    assert tasks.read_ranking(raw) == wanted


OLD = {"sequence": "x", "labels": ["refund", "faq"], "scores": [0.8, 0.2]}
READ_OLD = (Label("refund", 0.8), Label("faq", 0.2))


@pytest.mark.parametrize("raw", [OLD, [OLD], [[OLD]]], ids=["alone", "in a list", "in a list of lists"])
def test_a_ranking_of_2025_is_read_as_one_of_today(raw: Any) -> None:
    assert tasks.read_ranking(raw) == READ_OLD
    assert tasks.read_ranking([{"label": "refund", "score": 0.8}, {"label": "faq", "score": 0.2}]) == READ_OLD


def test_entities_are_read_grouped_and_token_by_token() -> None:
    grouped = {"entity_group": "PER", "score": 0.5, "word": "Ada", "start": 0, "end": 3}
    token = {"entity": "B-PER", "score": 0.5, "index": 1, "word": "Ad", "start": None, "end": None}
    assert tasks.read_entities([[grouped, token]]) == (
        Entity("PER", "Ada", 0.5, 0, 3),
        Entity("B-PER", "Ad", 0.5, None, None),
    )
    assert tasks.read_entities([]) == ()


def test_boxes_keep_their_sides() -> None:
    box = {"xmin": 1, "ymin": 2, "xmax": 11, "ymax": 22}
    (found,) = tasks.read_detections([{"label": "cat", "score": 0.5, "box": box}])
    assert found == Detection("cat", Box(1, 2, 11, 22), 0.5)
    assert (found.box.width, found.box.height) == (10, 20)


@pytest.mark.parametrize("wrapped", [False, True])
def test_one_answer_and_several_are_read_alike(wrapped: bool) -> None:
    said = {"score": 0.5, "answer": "Ada", "start": 0, "end": 3}
    assert tasks.read_answers([said] if wrapped else said) == (Answer("Ada", 0.5, 0, 3),)
    assert tasks.read_answers([{"score": 0.5, "answer": "yes"}]) == (Answer("yes", 0.5),)


def _word(word: str) -> dict[str, Any]:
    return {"token_str": word, "sequence": f"{word}!", "score": 0.5, "token": 7}


def test_words_say_which_mask_they_are_for() -> None:
    assert tasks.read_fillings([_word("a"), _word("b")]) == (
        Filling("a", "a!", 0.5, 7),
        Filling("b", "b!", 0.5, 7),
    )
    assert [each.mask for each in tasks.read_fillings([[_word("a")], [_word("b")]])] == [0, 1]
    assert [each.mask for each in tasks.read_fillings([[_word("a"), _word("b")]])] == [0, 0]


DATA = b"\x89PNG\r\n\x1a\nrest"
BASE64 = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    ("entry", "mime_type"),
    [
        pytest.param({"mask": BASE64}, "", id="bare base64"),
        pytest.param({"mask": f"data:image/png;base64,{BASE64}"}, "image/png", id="a data: address"),
        pytest.param({"mask": BASE64, "content-type": "image/png"}, "image/png", id="a type beside it"),
        pytest.param(
            {"mask": BASE64, "content_type": "image/png"}, "image/png", id="a type beside it, spelt in Python"
        ),
    ],
)
def test_masks_become_bytes(entry: dict[str, str], mime_type: str) -> None:
    (part,) = tasks.read_parts([{"label": "cat", "score": 0.5, **entry}], "mask")
    assert part == Part("cat", 0.5, Blob(DATA, mime_type))


def test_a_part_without_a_name_or_score_is_one_all_the_same() -> None:
    assert tasks.read_parts({"label": None, "blob": BASE64}, "blob") == (Part("", None, Blob(DATA, "")),)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param([{"summary_text": "a"}, {"summary_text": "b"}], id="a list"),
        pytest.param([[{"summary_text": "a"}], [{"summary_text": "b"}]], id="a list for each text"),
        pytest.param(
            [{"generated_text": "a"}, {"generated_text": "b"}], id="under the name of another pipeline"
        ),
    ],
)
def test_texts_come_in_the_order_of_the_inputs(raw: Any) -> None:
    assert tasks.read_texts(raw, "summary_text", "generated_text") == ("a", "b")
    assert tasks.read_texts({"summary_text": ""}, "summary_text") == ("",)


def test_a_table_answers_with_cells() -> None:
    said = {"answer": "SUM > 1, 2", "coordinates": [[0, 1], [1, 1]], "cells": ["1", "2"], "aggregator": "SUM"}
    wanted = ("SUM > 1, 2", ("1", "2"), ((0, 1), (1, 1)), "SUM")
    assert tasks.read_table(said) == tasks.read_table([said]) == wanted
    assert tasks.read_table({"answer": "x", "cells": [1], "coordinates": [["a", 0], 3]}) == (
        "x",
        ("1",),
        (),
        "",
    )


def test_rows_give_numbers_and_classes() -> None:
    assert tasks.read_numbers([1, 2.5]) == tasks.read_numbers([[1, 2.5]]) == (1.0, 2.5)
    assert tasks.read_numbers(3) == (3.0,)
    assert tasks.read_classes([1, "a", 0.5]) == ("1", "a", "0.5")


READERS: dict[str, Callable[[Any], Any]] = {
    "classes": tasks.read_labels,
    "ranking": tasks.read_ranking,
    "entities": tasks.read_entities,
    "boxes": tasks.read_detections,
    "answers": tasks.read_answers,
    "words": tasks.read_fillings,
    "masks": lambda raw: tasks.read_parts(raw, "mask"),
    "texts": lambda raw: tasks.read_texts(raw, "summary_text"),
    "table": tasks.read_table,
    "numbers": tasks.read_numbers,
    "rows": tasks.read_classes,
}

NONSENSE: dict[str, Any] = {
    "nothing": None,
    "an object without anything": {},
    "an object of something else": {"generated_image": "x"},
    "a list of nothing": [None],
    "a list of lists of nothing": [[None]],
    "objects within which types are wrong": [
        {"label": 1, "word": 2, "box": 3, "answer": [], "token_str": {}, "mask": 5, "summary_text": None}
    ],
    "true": [True, {}],
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("raw", NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_answer_is_a_malformed_response_that_says_so(reader: Any, raw: Any) -> None:
    with pytest.raises(MalformedResponse, match="The reply holds no ") as caught:
        reader(raw)
    assert caught.value.hint
    assert caught.value.reactions == frozenset()


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_an_error_in_a_reply_that_says_200_is_that_error(reader: Any) -> None:
    with pytest.raises(RouterError, match="Something is wrong") as caught:
        reader({"error": "Something is wrong"})
    assert not isinstance(caught.value, MalformedResponse)


@pytest.mark.parametrize("text", ["not base64!", "abc", "data:image/png,plain", "data:,"])
def test_base64_that_is_none_is_told(text: str) -> None:
    if text == "data:,":  # an empty file is a file
        assert tasks.read_parts([{"mask": text}], "mask")[0].blob.data == b""
        return
    with pytest.raises(MalformedResponse, match="base64"):
        tasks.read_parts([{"mask": text}], "mask")


def test_labels_and_scores_that_do_not_pair_are_told() -> None:
    with pytest.raises(MalformedResponse, match="labels"):
        tasks.read_ranking({"labels": ["a", "b"], "scores": [1.0]})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["label", "score", "labels", "scores", "box", "mask", "answer", "cells", "error", "word"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(raw=ANYTHING)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_no_json_whatever_breaks_a_reader(reader: Any, raw: Any) -> None:
    with contextlib.suppress(RouterError):
        reader(raw)
