"""Answers side by side, prompt by prompt: what was said, by how many repeats, and what failed.

Lives here: the cards. Not here: figures over several (`page`). Equal outcomes are shown once, with how often.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from shared_core._text import escaped, one_line
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.comparing.report.text import block, model_name, short
from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.running import Asked
from shared_core.evaluate.shown import answered, seconds
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["answers_of"]

_ROOM = 2_500_000  # characters that all answers of a page may take
_MOST, _LEAST = 20_000, 400  # of one answer
_OPEN = 40  # answers, up to which all are open to be read
_PROMPT = 4_000  # characters of a prompt


def answers_of(found: PromptComparison) -> Iterator[str]:
    """A part of the page for each prompt."""
    most = max(_LEAST, min(_MOST, _ROOM // max(1, len(found.asked))))
    is_open = " open" if len(found.asked) <= _OPEN else ""
    by_cell: dict[tuple[str, str], list[Asked]] = {}
    for one in found.asked:
        by_cell.setdefault((one.prompt, one.subject), []).append(one)
    for number, prompt in enumerate(found.prompts, 1):
        failed = sum(found.cells[model.model, prompt.name].failed for model in found.models)
        told = f' <span class="warn">✗ {failed:,} failed</span>' if failed else ""
        yield f'<details id="prompt-{number}"{is_open}><summary>{_title(prompt)}{told}</summary>'
        yield f'<div class="asked">{"".join(_asked(prompt))}</div><div class="cards">'
        for place, model in enumerate(found.models, 1):
            yield _card(place, model.model, by_cell.get((prompt.name, model.model), []), found, prompt, most)
        yield "</div></details>"


def _title(prompt: Prompt) -> str:
    first = short(said(prompt.messages[-1]), 80)
    name = one_line(short(prompt.name, 80))
    return name if prompt.name == first else f'{name} <span class="soft">{one_line(first)}</span>'


def _asked(prompt: Prompt) -> Iterator[str]:
    for message in prompt.messages:
        role = str(message.get("role", ""))
        who = (
            ""
            if role == "user" and len(prompt.messages) == 1
            else f'<p class="soft small">{one_line(role)}</p>'
        )
        yield who + block(said(message), _PROMPT)
    if prompt.options:
        yield f'<p class="soft small">with {one_line(json.dumps(dict(prompt.options), default=str))}</p>'


def said(message: Any) -> str:
    """What a message says, as text: of parts that are none, only what they are."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return "" if content is None else str(content)
    return "\n".join(
        str(part.get("text", f"[{part.get('type', 'part')}]")) if isinstance(part, dict) else str(part)
        for part in content
    )


def _card(
    place: int, model: str, asked: Sequence[Asked], found: PromptComparison, prompt: Prompt, most: int
) -> str:
    figures = found.cells[model, prompt.name]
    kind = "" if figures.answered == len(asked) else " failed" if figures.failed else " skipped"
    facts = [f"{answered(figures)} answered"] if len(asked) > 1 or not figures.answered else []
    if figures.latency is not None:
        facts.append(seconds(figures.latency.p50))
    if figures.completion_tokens:
        facts.append(f"{figures.completion_tokens:,} tokens")
    if figures.cost is not None:
        facts.append(rough(figures.cost))
    if figures.kept:
        facts.append(
            "of an earlier run" if figures.kept == figures.answered else f"{figures.kept:,} of an earlier run"
        )
    facts += [one_line(provider) for provider in figures.providers if provider]
    outcomes: dict[tuple[object, ...], list[Answer]] = {}
    for one in asked:
        answer = one.answer
        outcomes.setdefault((answer.text, answer.tool_calls, answer.error, answer.asked), []).append(answer)
    shown = "<hr>".join(_outcome(alike, len(asked), most) for alike in outcomes.values())
    return (
        f'<div class="card{kind}"><h3><span class="number">{place}</span>{model_name(model, 120)}</h3>'
        f'<p class="soft small">{", ".join(facts)}</p>{shown}</div>'
    )


def _outcome(alike: Sequence[Answer], of: int, most: int) -> str:
    answer, times = alike[0], len(alike)
    often = f'<p class="soft small">{times} of {of}:</p>' if of > 1 and times < of else ""
    if of > 1 and times == of and answer.ok:
        often = f'<p class="soft small">{of} times the same:</p>'
    if not answer.asked:
        return f'{often}<p>– Not asked.</p><p class="small">{one_line(short(answer.why, 400))}</p>'
    if not answer.ok:
        return (
            f'{often}<p class="warn">✗ <strong>{one_line(short(answer.error, 80))}</strong></p>'
            f'<p class="small">{one_line(short(answer.why, 400))}</p>'
        )
    parts = [often]
    if answer.text or not answer.tool_calls:
        parts.append(block(answer.text, most) if answer.text else '<p class="soft">an empty answer</p>')
    parts += [
        f'<p class="small">calls {one_line(short(call.name, 80))}</p>{block(call.arguments, most)}'
        for call in answer.tool_calls
    ]
    if answer.finish_reason == "length":
        parts.append('<p class="warn small">✂ cut off: it may not be longer</p>')
    elif answer.finish_reason not in (None, "stop", "tool_calls"):
        parts.append(f'<p class="soft small">ended with {escaped(short(str(answer.finish_reason), 40))}</p>')
    return "".join(parts)
