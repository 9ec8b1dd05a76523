"""Tokens are cut out of every text that comes from a stranger, before anybody reads it."""

from __future__ import annotations

import pytest

from shared_core.wire.redact import redact

TOKEN = "hf_" + "aB3" * 11 + "x"

TEXTS = {
    "a Hugging Face token": (f"bad token {TOKEN}", "bad token ***"),
    "inside quotes": (f'"{TOKEN}"', '"***"'),
    "inside an address": (f"https://x/?key={TOKEN}&a=1", "https://x/?key=***&a=1"),
    "an OpenAI key": ("key sk-proj-abcdefgh12345678", "key ***"),
    "an organisation token": ("api_org_abcdefgh12345678", "***"),
    "after the word Bearer": ("Authorization: Bearer anything.at-all!", "Authorization: Bearer ***"),
    "after the word bearer in JSON": ("{'authorization': 'bearer xyz'}", "{'authorization': 'bearer ***'}"),
    "twice": (f"{TOKEN} {TOKEN}", "*** ***"),
}


@pytest.mark.parametrize(("text", "clean"), TEXTS.values(), ids=TEXTS.keys())
def test_what_looks_like_a_token_is_cut_out(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize("text", ["hf_hub is a module", "the task sk-1", "half_done", "no bearers here"])
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_the_calls_own_key_is_cut_out_whatever_it_looks_like() -> None:
    assert redact("your key 'correct horse' is bad", "correct horse") == "your key '***' is bad"


@pytest.mark.parametrize("key", ["", "x", "none", "EMPTY"])
def test_a_local_servers_placeholder_is_no_secret_and_spoils_no_message(key: str) -> None:
    assert redact("no example exists: x is EMPTY", key) == "no example exists: x is EMPTY"
