"""Cases to promptfoo and back: what both have words for, and a list of what they have not.

Written is a folder with `promptfooconfig.yaml` and a provider in Python, which asks the models with this package; run
it there with `promptfoo eval`. Read is what cases can express: prompts with plain `{{variables}}`, tests with
assertions, providers of Hugging Face's. Anything else is told in the notes, and a test that has no assertion left is
left out.

Source: promptfoo 0.121 (assertion types, Python providers), November 2026.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.evaluate.cases.checks.check import KINDS, Check
from shared_core.evaluate.written import write_new

if TYPE_CHECKING:
    from shared_core.evaluate.cases.cases import Case, Cases

__all__ = ["from_promptfoo", "write_promptfoo"]

_SAME = frozenset(
    {
        "equals",
        "starts-with",
        "regex",
        "contains",
        "contains-all",
        "contains-any",
        "icontains",
        "icontains-all",
        "icontains-any",
        "is-json",
        "finish-reason",
        "similar",
        "llm-rubric",
    }
)
"""Words that both understand alike."""

_READ = frozenset({"type", "value", "threshold", "metric", "description"})
"""What is read of an assertion, or means nothing to whether it passes."""

_NOT_JAVASCRIPT = re.compile(r"\(\?(P|[aiLmsux-]+[):]|[(#])|\\[AZ]|[*+?}]\+")
"""What Python's patterns have, and JavaScript's have not."""

_PROVIDER = "hfrouter_provider.py"
_PROMPT = "{{messages}}"
_RAW = ("{% raw %}", "{% endraw %}")
_RAW_TAG = re.compile(r"\{(?=%-?\s*(end)?raw)")


# -- out -----------------------------------------------------------------------------------------------------


def write_promptfoo(cases: Cases, folder: Path) -> list[str]:
    """See `Cases.to_promptfoo`."""
    import yaml

    left_out: list[str] = []
    tests = [test for case in cases.cases if (test := _test(case, cases.judge, left_out)) is not None]
    config = {
        "description": cases.name,
        "prompts": [_PROMPT],
        "providers": [_provider(model) for model in cases.models],
        # Repeats that come from a cache would all be alike.
        "evaluateOptions": {"repeat": cases.repeats or 1, "cache": False},
        "tests": tests,
    }
    if not cases.models:
        left_out.append(f"models: the cases name none; write them into providers, as {_provider('org/name')}")
    kinds = {assertion["type"].removeprefix("not-") for test in tests for assertion in test["assert"]}
    if "similar" in kinds:
        left_out.append("the embedder: promptfoo asks its own for vectors, unless the test names a provider")
    if "llm-rubric" in kinds and cases.judge is None:
        left_out.append("the judge: the cases name none, and promptfoo asks its own")
    if any(case.threshold < 1 for case in cases.cases):
        left_out.append("thresholds: promptfoo counts each repeat as a test of its own")
    told = "".join(f"# left out: {' '.join(line.split())}\n" for line in left_out)
    written = told + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    write_new(folder, {"promptfooconfig.yaml": written, _PROVIDER: _CALL})
    return left_out


def _provider(model: str) -> dict[str, Any]:
    return {"id": f"file://{_PROVIDER}", "label": model, "config": {"model": model}}


def _test(case: Case, judge: str | None, left_out: list[str]) -> dict[str, Any] | None:
    """One test; None where none of its checks is left."""
    told = []
    for check in case.checks:
        if (assertion := _assertion(check, judge)) is not None:
            told.append(assertion)
        else:
            left_out.append(f"{case.name}: the check {check.words}")
    if not told:
        left_out.append(f"{case.name}: none of its checks is left")
        return None
    values = {"messages": _raw(list(case.prompt.messages)), "options": _raw(dict(case.prompt.options))}
    return {"description": case.name, "vars": values, "assert": told}


def _raw(value: Any) -> str:
    """JSON that promptfoo's templates leave as it is."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    # A text that ends the raw block itself would be run as a template: JSON has another spelling for its brace.
    return str(_kept_raw(_RAW_TAG.sub(r"\\u007b", text)))


def _kept_raw(value: Any) -> Any:
    """A text, or texts of a list, which promptfoo's templates leave as they are."""
    if isinstance(value, list | tuple):
        return [_kept_raw(each) for each in value]
    return value.join(_RAW) if isinstance(value, str) and re.search(r"\{[{%#]", value) else value


def _read_raw(value: Any) -> Any:
    """What `_kept_raw` was given."""
    if isinstance(value, list):
        return [_read_raw(each) for each in value]
    if isinstance(value, str) and value.startswith(_RAW[0]) and value.endswith(_RAW[1]):
        return value.removeprefix(_RAW[0]).removesuffix(_RAW[1])
    return value


def _assertion(check: Check, judge: str | None) -> dict[str, Any] | None:
    word, value = f"{'not-' * check.negated}{check.kind}", check.value
    if not isinstance(value, Mapping):
        if _RAW_TAG.search(str(value)):
            return None
        value = _kept_raw(value)
    match check.kind:
        case "regex" if _NOT_JAVASCRIPT.search(str(check.value)):
            return None
        case "max-cost":
            return {"type": "cost", "threshold": float(check.value)}
        case "max-latency":
            return {"type": "latency", "threshold": round(1000 * float(check.value))}
        case "json-schema":
            return {"type": f"{'not-' * check.negated}contains-json", "value": value}
        case "is-json" if not isinstance(check.value, Mapping):
            return {"type": word}
        case "llm-rubric":
            provider = {} if judge is None else {"provider": _provider(judge)}
            return {"type": word, "value": value, **provider}
        case "similar":
            least = {} if check.threshold is None else {"threshold": check.threshold}
            return {"type": word, "value": value, **least}
        case kind if kind in _SAME:
            return {"type": word, "value": value}
    return None


_CALL = '''"""Asks models behind the router for promptfoo; written by hfrouter. Needs: pip install hfrouter"""

import json
from functools import cache

from shared_core import HFRouter


@cache
def router(model):
    client = HFRouter(model)
    client.models()  # with their prices, by which costs are known
    return client


def call_api(prompt, options, context):
    try:
        messages = json.loads(prompt)
    except ValueError:
        messages = prompt
    if not isinstance(messages, list):  # a judge's prompt, or one of your own
        messages = [{"role": "user", "content": prompt}]
    config, given = options.get("config") or {}, (context or {}).get("vars", {}).get("options", "{}")
    given = given.removeprefix("{% raw %}").removesuffix("{% endraw %}") if isinstance(given, str) else "{}"
    parameters = json.loads(given) if messages is not prompt else {}
    try:
        reply = router(config["model"]).chat(messages, **parameters)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    calls = [call.as_message() for call in reply.tool_calls]
    told = {"output": reply.text if reply.text or not calls else json.dumps(calls)}
    told["latencyMs"] = round(1000 * reply.meta.latency_s)
    if reply.finish_reason:
        told["finishReason"] = reply.finish_reason
    if reply.meta.cost.usd is not None:
        told["cost"] = float(reply.meta.cost.usd)
    if (usage := reply.usage) is not None:
        read, written = usage.prompt_tokens, usage.completion_tokens
        told["tokenUsage"] = {"total": usage.total_tokens, "prompt": read, "completion": written}
    return told
'''


# -- in ------------------------------------------------------------------------------------------------------


def from_promptfoo(told: Mapping[str, Any], where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A file of cases from a configuration of promptfoo, and notes of what it says beyond that.

    Raises:
        ConfigError: It cannot be read as cases.
    """
    notes: list[str] = []
    prompts = [told["prompts"]] if isinstance(told.get("prompts"), str) else told.get("prompts")
    tests, common = told["tests"], told.get("defaultTest") or {}
    if not isinstance(prompts, list) or not isinstance(tests, list) or not isinstance(common, Mapping):
        raise ConfigError(
            f"{where}This looks like promptfoo's, and its prompts, tests or defaultTest stand elsewhere.",
            hint="Write them into the file itself.",
        )
    cases = [
        case
        for number, test in enumerate(tests, 1)
        for place, prompt in enumerate(prompts, 1)
        if (case := _case(test, common, prompt, (number, place, len(prompts)), notes, where)) is not None
    ]
    models = [model for each in _listed(told.get("providers")) if (model := _model(each, notes))]
    options = told.get("evaluateOptions")
    repeats = {"repeats": options["repeat"]} if isinstance(options, Mapping) and "repeat" in options else {}
    return {"cases": cases, "models": models, **repeats}, tuple(notes)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _model(provider: Any, notes: list[str]) -> str | None:
    """The model behind the router that a provider names."""
    if isinstance(provider, Mapping):
        config = provider.get("config")
        own = config.get("model") if isinstance(config, Mapping) else None
        name = own if str(provider.get("id")).endswith(_PROVIDER) else provider.get("id")
    else:
        name = provider
    if isinstance(name, str) and name.startswith("huggingface:"):
        return name.split(":", 2)[-1]
    if isinstance(name, str) and name != provider:
        return name if "/" in name and not name.startswith("file:") else None
    notes.append(f"the provider {name} is not one behind the router: name models yourself")
    return None


def _case(
    test: Any,
    common: Mapping[str, Any],
    prompt: Any,
    place: tuple[int, int, int],
    notes: list[str],
    where: str,
) -> dict[str, Any] | None:
    number, which, of = place
    if not isinstance(test, Mapping) or not isinstance(prompt, str) or prompt.startswith("file://"):
        raise ConfigError(
            f"{where}Test {number} or its prompt stands in another file, which is not read.",
            hint="Write it into this one.",
        )
    name = f"{test.get('description') or number}" + (f", prompt {which}" if of > 1 else "")
    if re.search(r"\{[%#]|\{\{[^}]*[^\w\s}][^}]*\}\}", prompt):
        raise ConfigError(
            f"{where}The prompt of {name} has a template that is more than a variable.",
            hint="Write {{name}}, and the rest as a text.",
        )
    asserted = [*_listed(common.get("assert")), *_listed(test.get("assert"))]
    checks = [check for each in asserted if (check := _check(each, name, notes)) is not None]
    if not checks:
        notes.append(f"{name}: left out, none of its assertions is known here")
        return None
    values: dict[str, Any] = {}
    for variables in (common.get("vars") or {}, test.get("vars") or {}):
        if not isinstance(variables, Mapping):
            raise ConfigError(
                f"{where}The vars of {name} are no mapping, or stand in another file, which is not read.",
                hint="Write them into this one.",
            )
        values |= variables
    return {"name": name, **_asked(prompt, values), "checks": checks}


def _asked(prompt: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt, or the messages that it writes as JSON, with its variables; or what we have written ourselves."""
    if prompt == _PROMPT and isinstance(messages := _json(values.get("messages")), list):
        return {"messages": messages, "options": _json(values.get("options")) or {}}
    messages = _json(prompt)
    asked = {"messages": messages} if isinstance(messages, list) else {"prompt": prompt}
    return {**asked, "vars": values}


def _json(text: Any) -> Any:
    """The value of a JSON text; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text.removeprefix(_RAW[0]).removesuffix(_RAW[1]))
    except (ValueError, RecursionError):
        return None


def _check(assertion: Any, name: str, notes: list[str]) -> dict[str, Any] | None:
    word = str(assertion.get("type")) if isinstance(assertion, Mapping) else str(assertion)
    kind, negated = word.removeprefix("not-"), "not-" * word.startswith("not-")
    if isinstance(assertion, Mapping) and "transform" not in assertion:
        value, threshold = _read_raw(assertion.get("value")), assertion.get("threshold")
        if word == "latency" and isinstance(threshold, int | float):
            return {"max-latency": threshold / 1000}
        if word == "cost" and threshold is not None:
            return {"max-cost": threshold}
        if kind in ("is-json", "contains-json") and isinstance(value, Mapping | None):
            own = "json-schema" if kind == "contains-json" else kind
            return {f"{negated}{own}": value or ({} if own == "json-schema" else True)}
        if kind in _SAME & set(KINDS):
            notes.extend(
                f"{name}: {word} is read without its {other}"
                for other in sorted(map(str, {*assertion} - _READ))
            )
            least = {"threshold": threshold} if kind == "similar" and threshold is not None else {}
            return {word: value, **least}
    notes.append(f"{name}: the assertion {word} is not known here")
    return None
