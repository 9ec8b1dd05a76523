"""Cases as a task of inspect-ai: a data set in its form, and a file of Python that asks and scores.

What is written stands alone: it needs inspect-ai, and nothing of this package. Checks without a counterpart are told,
not dropped in silence.

Source: inspect-ai 0.3.285 (`Sample`, `json_dataset`, `ToolInfo`, `model_graded_qa`), November 2026.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.evaluate.cases.checks.check import Check
from shared_core.evaluate.written import write_new

if TYPE_CHECKING:
    from shared_core.evaluate.cases.cases import Case, Cases

__all__ = ["write_inspect"]

_CHECKS = frozenset(
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
        "json-schema",
        "tool-call",
        "max-latency",
        "llm-rubric",
    }
)
_OPTIONS = {
    name: name
    for name in (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
    )
} | {"stop": "stop_seqs", "tools": "tools"}
"""Chat parameters by the names of inspect-ai's `GenerateConfig`."""


def write_inspect(cases: Cases, folder: Path) -> list[str]:
    """See `Cases.to_inspect`."""
    left_out: list[str] = []
    samples = [sample for case in cases.cases if (sample := _sample(case, left_out)) is not None]
    lines = [json.dumps(sample, ensure_ascii=False, default=str) for sample in samples]
    task = _TASK.replace("EPOCHS", str(cases.repeats or 1))
    write_new(folder, {"cases.jsonl": "".join(f"{line}\n" for line in lines), "task.py": task})
    if any(case.threshold < 1 for case in cases.cases):
        left_out.append("thresholds: inspect-ai reports the mean over all epochs, and fails nothing by it")
    return left_out


def _sample(case: Case, left_out: list[str]) -> dict[str, Any] | None:
    """One line of the data set; None where nothing of the case is left."""
    messages = case.prompt.messages
    if not all(isinstance(one.get("content"), str) and set(one) <= {"role", "content"} for one in messages):
        left_out.append(f"{case.name}: its messages are more than texts")
        return None
    checks = [check for check in case.checks if _has_counterpart(check, case, left_out)]
    if not checks:
        left_out.append(f"{case.name}: none of its checks is left")
        return None
    options = {}
    for name, value in case.prompt.options.items():
        if name in _OPTIONS:
            options[_OPTIONS[name]] = [value] if name == "stop" and isinstance(value, str) else value
        else:
            left_out.append(f"{case.name}: the option {name}")
    return {
        "id": case.name,
        "input": [dict(message) for message in messages],
        "target": _target(checks),
        "metadata": {
            "checks": [{"type": check.kind, "value": check.value, "not": check.negated} for check in checks],
            "options": options,
        },
    }


def _has_counterpart(check: Check, case: Case, left_out: list[str]) -> bool:
    known = check.kind in _CHECKS
    if not known:
        left_out.append(f"{case.name}: the check {check.words}")
    return known


def _target(checks: list[Check]) -> str:
    """What the log shows beside the answer: the first text that is wanted."""
    for check in checks:
        if not check.negated and isinstance(check.value, str):
            return check.value
    return checks[0].words


_TASK = '''"""Cases as a task of inspect-ai, written by hfrouter.

    inspect eval task.py --model hf-inference-providers/org/name:provider     with HF_TOKEN set

A rubric is judged by the model itself, unless another is named: --model-role grader=hf-inference-providers/org/name.
"""

import json
import re
from pathlib import Path

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import json_dataset
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Target, accuracy, model_graded_qa, scorer, stderr
from inspect_ai.solver import solver
from inspect_ai.tool import ToolInfo, ToolParams


@task
def cases():
    data = json_dataset(str(Path(__file__).with_name("cases.jsonl")))
    return Task(dataset=data, solver=ask(), scorer=checks(), epochs=Epochs(EPOCHS))


@solver
def ask():
    """Asks with the chat parameters and tools of the sample."""

    async def solve(state, generate):
        options = dict(state.metadata["options"])
        tools = [_tool(each["function"]) for each in options.pop("tools", [])]
        config = GenerateConfig(**options)
        state.output = await get_model().generate(state.messages, tools=tools, config=config)
        state.messages.append(state.output.message)
        return state

    return solve


def _tool(function):
    parameters = ToolParams.model_validate(function.get("parameters") or {"properties": {}})
    about = function.get("description") or function["name"]
    return ToolInfo(name=function["name"], description=about, parameters=parameters)


@scorer(metrics=[accuracy(), stderr()])
def checks():
    """An answer is correct when all checks of its sample pass."""

    async def score(state, target):
        failed = []
        for check in state.metadata["checks"]:
            if await _passes(check["type"], check["value"], state) == check["not"]:
                failed.append(("not " if check["not"] else "") + f"{check['type']}: {check['value']}")
        value = INCORRECT if failed else CORRECT
        return Score(value=value, answer=state.output.completion, explanation="; ".join(failed))

    return score


async def _passes(kind, value, state):
    text = state.output.completion
    if kind == "llm-rubric":
        graded = await model_graded_qa()(state, Target(value))
        return graded.value == CORRECT
    if kind == "tool-call":
        return _called(value, state.output.message.tool_calls or [])
    if kind == "max-latency":
        return state.output.time is not None and state.output.time <= float(value)
    if kind in ("is-json", "json-schema"):
        return _fulfils(text, value, fenced=kind == "json-schema")
    if kind == "equals":
        return text.strip() == str(value).strip()
    if kind == "starts-with":
        return text.strip().startswith(str(value).strip())
    if kind == "regex":
        return re.search(value, text) is not None
    return _contains(kind, value, text)


def _contains(kind, value, text):
    wanted = [str(each) for each in (value if isinstance(value, list) else [value])]
    if kind.startswith("i"):
        wanted, text = [each.casefold() for each in wanted], text.casefold()
    found = [each in text for each in wanted]
    return any(found) if kind.endswith("-any") else all(found)


def _called(value, calls):
    wanted = {"name": value} if isinstance(value, str) else value
    return any(
        call.function == wanted["name"]
        and all(call.arguments.get(key) == each for key, each in (wanted.get("arguments") or {}).items())
        for call in calls
    )


def _fulfils(text, schema, fenced):
    import jsonschema

    fence = re.search(r"^```[^\\n]*\\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if fenced else None
    try:
        jsonschema.validate(json.loads(fence[1] if fence else text), {} if schema is True else schema)
    except (ValueError, jsonschema.ValidationError):
        return False
    return True
'''
