"""The key of a vector: the same for the same, another for anything that changes the vector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared_core import ConfigError
from shared_core.cache import VectorKeys

PLAIN = ("org/model", None, "document", "", None, True, "float32")


def key(*fields: object, text: str = "Hello") -> bytes:
    return VectorKeys(*fields).of([text])[0]  # type: ignore[arg-type]


OTHER_WAYS = {
    "another model": ("org/other", *PLAIN[1:]),
    "a revision": (PLAIN[0], "main", *PLAIN[2:]),
    "a revision that is called None": (PLAIN[0], "None", *PLAIN[2:]),
    "a query": (*PLAIN[:2], "query", *PLAIN[3:]),
    "a prompt": (*PLAIN[:3], "passage: ", *PLAIN[4:]),
    "the host's own prompt": (*PLAIN[:3], None, *PLAIN[4:]),
    "a cut": (*PLAIN[:4], 128, *PLAIN[5:]),
    "a cut to one dimension, which equals True": (*PLAIN[:4], 1, *PLAIN[5:]),
    "no normalisation": (*PLAIN[:5], False, PLAIN[6]),
    "normalisation as the model does": (*PLAIN[:5], None, PLAIN[6]),
    "another precision": (*PLAIN[:6], "bfloat16"),
    "plain": PLAIN,
}


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_two_ways_of_embedding_never_share_a_key(way: str) -> None:
    others = [key(*fields) for name, fields in OTHER_WAYS.items() if name != way]
    assert key(*OTHER_WAYS[way]) not in others


def test_a_key_stays_the_same_between_versions_and_machines() -> None:
    known = "dbbdb3d7a94b11efcd2aeb40c5282aa44d0d2990ed1018c1847b56569f8a53ab"
    assert key(*PLAIN).hex() == known


@given(some.text(), some.text(), some.text())
def test_where_the_prompt_ends_and_the_text_begins_is_part_of_the_key(
    start: str, end: str, text: str
) -> None:
    whole = key(*PLAIN[:3], start + end, *PLAIN[4:], text=text)
    moved = key(*PLAIN[:3], start, *PLAIN[4:], text=end + text)
    assert (whole == moved) == (end == "")


@given(some.lists(some.text(some.characters()), unique=True))
def test_every_text_has_a_key_of_its_own_lone_surrogates_and_nul_too(texts: list[str]) -> None:
    keys = VectorKeys(*PLAIN).of([*texts, "\ud800", "\x00"])  # type: ignore[arg-type]
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == len({*texts, "\ud800", "\x00"})


def test_what_is_no_text_is_named_by_its_position() -> None:
    with pytest.raises(ConfigError, match="Text 1 is of type NoneType"):
        VectorKeys(*PLAIN).of(["a", None])  # type: ignore[arg-type, list-item]


def test_a_key_tells_nothing_of_the_text() -> None:
    assert b"Hello" not in key(*PLAIN)
