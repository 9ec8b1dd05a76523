"""Prompts: texts, mappings and files of them, and what is said of those that cannot work."""

from __future__ import annotations

import pytest

from shared_core.errors import ConfigError
from shared_core.evaluate.prompts import Prompt, prompts_of

HELLO = [{"role": "user", "content": "Hello!"}]


def test_a_text_is_a_prompt_and_is_called_by_its_number():
    (one,) = prompts_of(["Hello!"])
    assert (one.name, one.messages, one.options) == ("1", HELLO, {})


def test_a_mapping_may_have_a_name_a_system_prompt_and_options():
    (one,) = prompts_of([{"name": "n", "prompt": "Hello!", "system": "Be brief.", "options": {"seed": 1}}])
    assert one.messages == [{"role": "system", "content": "Be brief."}, *HELLO]
    assert (one.name, one.options) == ("n", {"seed": 1})


FILES = {
    "lines of text": ("p.txt", "Hello!\n\nBye!\n"),
    "JSON lines": ("p.jsonl", '"Hello!"\n{"prompt": "Bye!"}\n'),
    "a JSON list": ("p.json", '["Hello!", {"messages": [{"role": "user", "content": "Bye!"}]}]'),
    "a YAML list": ("p.yaml", "- Hello!\n- prompt: Bye!\n"),
    "with a byte order mark": ("p.txt", "\ufeffHello!\nBye!"),
    "with the line ends of Windows": ("p.txt", "Hello!\r\n\r\nBye!\r\n"),
}


@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES.keys())
def test_prompts_come_from_files(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert [one.messages[-1]["content"] for one in prompts_of(tmp_path / name)] == ["Hello!", "Bye!"]


def test_who_has_no_name_goes_by_his_number():
    assert [one.name for one in prompts_of([{"prompt": "a", "name": None}, "b"])] == ["1", "2"]


def test_a_line_of_a_file_ends_at_its_end_alone(tmp_path):
    (path := tmp_path / "p.txt").write_text("one\u2028still one\x0cand so on\ntwo\n", encoding="utf-8")
    assert [one.messages[0]["content"] for one in prompts_of(path)] == [
        "one\u2028still one\x0cand so on",
        "two",
    ]


WRONG = {
    "none": ([], "nothing to ask"),
    "two of one name": ([{"name": "a", "prompt": "x"}, {"name": "a", "prompt": "y"}], "'a' is there twice"),
    "a number": ([3], "Prompt 1 is a int"),
    "both kinds": ([{"prompt": "x", "messages": HELLO}], "not both"),
    "neither": ([{"name": "x"}], "needs a text"),
    "a word that is none": ([{"promt": "x"}], "has 'promt'"),
    "messages that are none": ([{"messages": "Hello!"}], "no list of mappings"),
    "options that are none": ([{"prompt": "x", "options": [1]}], "no mapping"),
    "a prompt without its list": ({"prompt": "x"}, "Prompts are a dict"),
    "a Prompt without its list": (Prompt("a", HELLO), "Prompts are a Prompt"),
    "how many": (5, "Prompts are a int"),
    "a path that is none": ("a\0b", "this is no path"),
    "a path that cannot be written": ("a\udfffb", "this is no path"),
}


@pytest.mark.parametrize(("prompts", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_prompt_is_told_by_its_place(prompts, said):
    with pytest.raises(ConfigError, match=said):
        prompts_of(prompts)


BROKEN = {
    "no JSON": ("p.jsonl", b'"a"\n{', "line 2 is not JSON"),
    "no YAML": ("p.yaml", b"- [", "is not YAML"),
    "YAML that would make an object": ("p.yaml", b"- !!python/object/apply:os.getcwd []", "is not YAML"),
    "no list": ("p.json", b'{"prompt": "x"}', "holds no list"),
    "no UTF-8": ("p.txt", b"\xff\xfe", "not UTF-8"),
}


@pytest.mark.parametrize(("name", "data", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_read_says_why(name, data, said, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=said):
        prompts_of(tmp_path / name)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        prompts_of(tmp_path / "none.txt")
