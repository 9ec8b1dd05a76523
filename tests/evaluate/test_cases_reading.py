"""Cases from files and from values; what is refused before anybody is asked; promptfoo's and inspect-ai's forms."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared_core.errors import ConfigError
from shared_core.evaluate import Cases, Prompt

FILE = """
models: [org/one:cheapest, org/two]
options: {temperature: 0, max_tokens: 50}
system: Answer in {{language}}.
checks: [{max-latency: 20}]
vars: {country: France, language: English}
threshold: 0.8
repeats: 5
judge: org/large
embedder: local:org/embedder
cases:
  - name: capital
    prompt: What is the capital of {{ country }}?
    checks: [{contains: Paris}, {not-contains: "{{country}}"}]
  - prompt: And of {{country}}?
    vars: {country: Spain}
    options: {max_tokens: 9}
    tools: [{type: function, function: {name: look}}]
    system: Be brief.
    threshold: 1
"""


def written(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_what_is_asked_of_whom_and_what_is_checked(tmp_path):
    cases = Cases.of(written(tmp_path, FILE))
    first, second = cases.cases
    assert first.prompt == Prompt(
        "capital",
        [
            {"role": "system", "content": "Answer in English."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
        {"temperature": 0, "max_tokens": 50},
    )
    assert [check.words for check in first.checks] == [
        "max-latency: 20",
        "contains: 'Paris'",
        "not-contains: 'France'",
    ]
    assert second.prompt.messages[0]["content"] == "Be brief."
    assert second.prompt.messages[1]["content"] == "And of Spain?"
    assert second.prompt.options["max_tokens"] == 9
    assert second.prompt.options["tools"][0]["function"]["name"] == "look"
    assert (first.threshold, second.threshold, second.name) == (0.8, 1.0, "2")
    assert (cases.models, cases.repeats) == (("org/one:cheapest", "org/two"), 5)
    assert (cases.judge, cases.embedder, cases.name) == ("org/large", "local:org/embedder", "cases")


@pytest.mark.parametrize("name", ["cases.yaml", "cases.yml", "cases.json"])
def test_json_is_read_like_yaml_and_a_list_is_a_file_of_cases(tmp_path, name):
    path = written(tmp_path, json.dumps([{"prompt": "a", "checks": [{"equals": "b"}]}]), name)
    assert Cases.of(path).cases[0].checks[0].words == "equals: 'b'"


def test_json_lines_hold_one_case_each(tmp_path):
    lines = '{"prompt": "a", "checks": [{"equals": "b"}]}\n\n{"prompt": "c", "checks": [{"equals": "d"}]}\n'
    assert [case.name for case in Cases.of(written(tmp_path, lines, "cases.jsonl")).cases] == ["1", "2"]


def test_without_variables_braces_are_a_text():
    (case,) = Cases.of([{"prompt": "{{ x }} {% y %}", "checks": [{"equals": "{{x}}"}]}]).cases
    assert case.prompt.messages[0]["content"] == "{{ x }} {% y %}"


def test_what_a_variable_holds_is_not_looked_through_again():
    item = {"prompt": "{{a}}", "vars": {"a": "{{b}}", "b": "no"}, "checks": [{"equals": "{{a}}"}]}
    (case,) = Cases.of([item]).cases
    assert case.prompt.messages[0]["content"] == "{{b}}"
    assert case.checks[0].value == "{{b}}"


def test_a_conversation_with_its_own_system_message_keeps_it():
    talk = [{"role": "system", "content": "own"}, {"role": "user", "content": "x"}]
    told = {"system": "common", "cases": [{"messages": talk, "checks": [{"equals": "b"}]}]}
    assert [one["content"] for one in Cases.of(told).cases[0].prompt.messages] == ["own", "x"]


def test_a_list_may_hold_functions_and_they_need_no_leave():
    (case,) = Cases.of([{"prompt": "a", "checks": [lambda answer: True]}]).cases
    assert case.checks[0].kind == "python"


REFUSED: dict[str, tuple[str, str]] = {
    "no cases": ("models: [a/b]", "There are no cases"),
    "an empty list": ("cases: []", "There is nothing to ask"),
    "a text": ("just words", "There are no cases"),
    "an unknown word of the file": ("{case: [], cases: []}", "The file has 'case'"),
    "an unknown word of a case": ("[{prompt: a, check: []}]", "Case 1 has 'check'"),
    "a case that is a text": ("[a]", "Case 1 is a str"),
    "a case that checks nothing": ("[{prompt: a}]", "Case 1 checks nothing"),
    "one check without a dash": ("[{prompt: a, checks: {equals: b}}]", "Case 1: checks is no list"),
    "no such check": ("[{name: n, prompt: a, checks: [{equal: b}]}]", "Case n: There is no check 'equal'"),
    "two of a name": (
        "[{name: n, prompt: a, checks: [{equals: b}]}, {name: n, prompt: b, checks: [{equals: b}]}]",
        "'n' is there twice",
    ),
    "a check that is written twice": ("- prompt: a\n  checks:\n  - regex: a\n    regex: b", "'regex' is there twice"),
    "an unknown variable": ("[{prompt: '{{b}}', vars: {a: 1}, checks: [{equals: b}]}]", "there is no variable 'b'"),
    "a variable of several values": ("[{prompt: a, vars: {a: [1]}, checks: [{equals: b}]}]", "variable 'a' is a list"),
    "a threshold of none": ("[{prompt: a, threshold: 0, checks: [{equals: b}]}]", "threshold=0 is no share"),
    "no times": ("{repeats: 0, cases: [{prompt: a, checks: [{equals: b}]}]}", "repeats=0 is no whole number"),
    "models of numbers": ("{models: [1], cases: [{prompt: a, checks: [{equals: b}]}]}", "models is no list of ids"),
    "a judge of a number": ("{judge: 1, cases: [{prompt: a, checks: [{equals: b}]}]}", "judge is no model's id"),
    "code": ("[{prompt: a, checks: [{python: 'os:getcwd'}]}]", "running code was not allowed"),
    "a circle": ("&a [{prompt: a, vars: {x: 1}, checks: [{contains-any: [b, *a]}]}]", "leads round in circles"),
    "broken YAML": ("[{", "is not YAML"),
    "a day that is none": ("[{prompt: a, checks: [{equals: 2026-02-31}]}]", "is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_with_the_name_of_the_file(tmp_path, text, why):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        Cases.of(path)
    assert str(path) in str(refused.value)
    assert why in str(refused.value)


def test_json_that_says_a_word_twice_is_refused(tmp_path):
    path = written(tmp_path, '[{"prompt": "a", "checks": [{"equals": "a", "equals": "b"}]}]', "cases.json")
    with pytest.raises(ConfigError, match="'equals' is there twice"):
        Cases.of(path)


def test_code_of_a_file_is_looked_for_beside_it(tmp_path):
    written(tmp_path, "def f(answer):\n    return answer.text == 'x'\n", "mine.py")
    path = written(tmp_path, "[{prompt: a, checks: [{python: 'mine.py:f'}]}]")
    assert Cases.of(path, allow_python=True).cases[0].checks[0].kind == "python"


# -- promptfoo -----------------------------------------------------------------------------------------------

PROMPTFOO = """
description: theirs
prompts:
  - "Capital of {{country}}?"
  - '[{"role": "user", "content": "In short: capital of {{country}}?"}]'
providers:
  - huggingface:chat:org/name
  - openai:gpt-9
  - {id: "file://hfrouter_provider.py", config: {model: "org/other:groq"}}
defaultTest:
  assert: [{type: latency, threshold: 1500}]
evaluateOptions: {repeat: 3}
tests:
  - description: France
    vars: {country: France}
    assert:
      - {type: icontains, value: "{{country}}"}
      - {type: cost, threshold: 0.01}
      - {type: not-contains-json}
      - {type: is-json, value: {type: object}}
      - {type: similar, value: Paris, threshold: 0.8, weight: 2}
      - {type: javascript, value: output.length < 5}
      - {type: contains, value: x, transform: output.trim()}
"""


def test_promptfoos_file_is_read_and_what_is_not_known_is_told(tmp_path):
    cases = Cases.of(written(tmp_path, PROMPTFOO))
    assert cases.models == ("org/name", "org/other:groq")
    assert cases.repeats == 3
    first, second = cases.cases
    assert (first.name, second.name) == ("France, prompt 1", "France, prompt 2")
    assert first.prompt.messages == [{"role": "user", "content": "Capital of France?"}]
    assert second.prompt.messages == [{"role": "user", "content": "In short: capital of France?"}]
    assert [check.words for check in first.checks] == [
        "max-latency: 1.5",
        "icontains: 'France'",
        "max-cost: 0.01",
        "not-json-schema: {}",
        "is-json: {'type': 'object'}",
        "similar: 'Paris' (at least 0.8)",
    ]
    assert "the provider openai:gpt-9 is not one behind the router: name models yourself" in cases.notes
    assert "France, prompt 1: the assertion javascript is not known here" in cases.notes
    assert "France, prompt 1: similar is read without its weight" in cases.notes
    assert "France, prompt 1: the assertion contains is not known here" in cases.notes


def test_a_test_without_any_assertion_that_is_known_is_left_out_and_not_passed(tmp_path):
    known = {"assert": [{"type": "contains", "value": "a"}]}
    unknown = {"description": "theirs", "assert": [{"type": "javascript", "value": "true"}]}
    cases = Cases.of({"prompts": ["a"], "tests": [known, unknown]})
    assert [case.name for case in cases.cases] == ["1"]
    assert "theirs: left out, none of its assertions is known here" in cases.notes


@pytest.mark.parametrize(
    ("prompts", "tests", "why"),
    [
        (["file://p.txt"], [{"assert": []}], "stands in another file"),
        (
            ["{% if x %}a{% endif %}"],
            [{"assert": [{"type": "equals", "value": "a"}]}],
            "more than a variable",
        ),
        (["{{ a | upper }}"], [{"assert": [{"type": "equals", "value": "a"}]}], "more than a variable"),
        (["a"], "file://tests.csv", "stand elsewhere"),
    ],
    ids=["a prompt in a file", "a template", "a filter", "tests in a file"],
)
def test_what_promptfoo_would_load_or_render_is_refused(prompts, tests, why):
    with pytest.raises(ConfigError, match=why):
        Cases.of({"prompts": prompts, "tests": tests})


ALL = {
    "models": ["org/one:groq"],
    "judge": "org/judge",
    "repeats": 2,
    "threshold": 0.5,
    "cases": [
        {
            "name": "texts",
            "prompt": "{{ not a variable }} {% raw",
            "options": {"temperature": 0, "stop": "END", "response_format": {"type": "json_object"}},
            "checks": [
                {"equals": "a"},
                {"not-icontains": "B"},
                {"contains-any": ["a", "b"]},
                {"regex": "(?P<a>x)"},
                {"regex": "x+"},
                {"is-json": True},
                {"json-schema": {"type": "object"}},
                {"finish-reason": "stop"},
            ],
        },
        {
            "name": "others",
            "prompt": "b",
            "checks": [
                {"tool-call": {"name": "add"}},
                {"max-cost": "0.01"},
                {"max-latency": 2},
                {"max-first-token": 1},
                {"similar": "x", "threshold": 0.9},
                {"llm-rubric": "kind"},
                lambda answer: True,
            ],
        },
        {"name": "unknown", "prompt": "c", "checks": [{"max-first-token": 1}]},
        {
            "name": "picture",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
            "checks": [{"equals": "a"}],
        },
    ],
}


def test_cases_for_promptfoo_hold_what_it_knows_and_tell_the_rest(tmp_path):
    left_out = Cases.of(ALL).to_promptfoo(tmp_path / "new" / "folder")
    text = (tmp_path / "new" / "folder" / "promptfooconfig.yaml").read_text()
    config = yaml.safe_load(text)
    assert config["providers"][0]["config"] == {"model": "org/one:groq"}
    assert config["evaluateOptions"] == {"repeat": 2, "cache": False}
    texts, others, picture = config["tests"]
    assert [each["type"] for each in texts["assert"]] == [
        "equals",
        "not-icontains",
        "contains-any",
        "regex",
        "is-json",
        "contains-json",
        "finish-reason",
    ]
    assert [each["type"] for each in others["assert"]] == ["cost", "latency", "similar", "llm-rubric"]
    assert others["assert"][1]["threshold"] == 2000
    assert others["assert"][3]["provider"]["config"] == {"model": "org/judge"}
    assert texts["vars"]["messages"].startswith("{% raw %}[{")
    assert picture["description"] == "picture"
    assert left_out == [
        "texts: the check regex: '(?P<a>x)'",
        "others: the check tool-call: {'name': 'add'}",
        "others: the check max-first-token: 1",
        "others: the check python: <lambda>",
        "unknown: the check max-first-token: 1",
        "unknown: none of its checks is left",
        "the embedder: promptfoo asks its own for vectors, unless the test names a provider",
        "thresholds: promptfoo counts each repeat as a test of its own",
    ]
    for line in left_out:
        assert f"# left out: {line}\n" in text
    ast.parse((tmp_path / "new" / "folder" / "hfrouter_provider.py").read_text())


def test_what_was_written_for_promptfoo_is_read_again_as_it_was(tmp_path):
    Cases.of(ALL).to_promptfoo(tmp_path)
    texts = Cases.of(tmp_path / "promptfooconfig.yaml").cases[0]
    assert texts.prompt.messages == [{"role": "user", "content": "{{ not a variable }} {% raw"}]
    assert texts.prompt.options["response_format"] == {"type": "json_object"}
    assert texts.checks[0].words == "equals: 'a'"


def test_the_provider_that_is_written_asks_the_model(tmp_path, offline_url, monkeypatch):
    monkeypatch.setenv("HFROUTER_BASE_URL", str(offline_url))
    Cases.of(ALL).to_promptfoo(tmp_path)
    scope: dict[str, Any] = {}
    exec(compile((tmp_path / "hfrouter_provider.py").read_text(), "provider", "exec"), scope)
    messages = json.dumps([{"role": "user", "content": "Hello!"}])
    context = {"vars": {"options": '{"temperature": 0.5}'}}
    told = scope["call_api"](messages, {"config": {"model": "offline/echo:groq"}}, context)
    assert (told["output"], told["finishReason"]) == ("Hello!", "stop")
    assert told["cost"] > 0
    assert told["tokenUsage"]["completion"] == 2
    assert offline_url.requests[-1].json["temperature"] == 0.5
    assert scope["call_api"]("plain", {"config": {"model": "offline/echo:groq"}}, {})["output"] == "plain"
    assert "ModelNotServed" in scope["call_api"]("x", {"config": {"model": "offline/none"}}, {})["error"]
    scope["router"]("offline/echo:groq").close()
    scope["router"]("offline/none").close()


# -- inspect-ai ----------------------------------------------------------------------------------------------


def test_cases_for_inspect_hold_what_it_knows_and_tell_the_rest(tmp_path):
    left_out = Cases.of(ALL).to_inspect(tmp_path)
    samples = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text().splitlines()]
    assert [sample["id"] for sample in samples] == ["texts", "others"]
    assert samples[0]["input"] == [{"role": "user", "content": "{{ not a variable }} {% raw"}]
    assert samples[0]["metadata"]["options"] == {"temperature": 0, "stop_seqs": ["END"]}
    assert [each["type"] for each in samples[1]["metadata"]["checks"]] == [
        "tool-call",
        "max-latency",
        "llm-rubric",
    ]
    assert samples[0]["metadata"]["checks"][1] == {"type": "icontains", "value": "B", "not": True}
    assert "picture: its messages are more than texts" in left_out
    assert "texts: the option response_format" in left_out
    assert "others: the check max-cost: '0.01'" in left_out
    assert "epochs=Epochs(2)" in (tmp_path / "task.py").read_text()
    ast.parse((tmp_path / "task.py").read_text())


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        Cases.of(ALL).to_inspect(tmp_path / "file")
