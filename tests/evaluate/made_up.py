"""Comparisons that nobody had to be asked for, and strings that a page must bear."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared_core.evaluate import Answer, Asked, PromptComparison
from shared_core.evaluate.prompts import prompts_of
from shared_core.types import Cost, Usage

HOSTILE = {
    "the end of a script, and a picture": "</script><img src=x onerror=alert(1)><script>alert(2)</script>",
    "the end of a style": '</style></title></textarea><svg onload="alert(1)">',
    "an attribute's end": '" onmouseover="alert(1)" x=\'',
    "a link": "[x](javascript:alert(1)) <a href='javascript:alert(1)'>x</a>",
    "a comment": "<!-- --!> --> <![CDATA[ ]]>",
    "writing from right to left": "\u202eevil\u2066 שלום مرحبا",
    "no characters": "a\x00b\x1b[2J\udfff\ud800\ufffe",
    "a formula": "=HYPERLINK(1)|`code`\n# head\r\n| cell |",
    "entities": "&lt;b&gt; &#x3c;b&#x3e;",
}


def priced(usd: str | None) -> Cost:
    return Cost() if usd is None else Cost(Decimal(usd), "price list", "2026-11-27")


def answer(seconds: float = 1.0, usd: str | None = "0.001", text: str = "Yes.", **more: Any) -> Answer:
    known = {
        "first_token_s": seconds / 4,
        "usage": Usage(10, 5, 15),
        "provider": "groq",
        "finish_reason": "stop",
    }
    return Answer(text=text, seconds=seconds, cost=priced(usd), **{**known, **more})


def failure(error: str = "RateLimited", why: str = "Too many.", hint: str = "") -> Answer:
    return Answer(error=error, why=why, hint=hint, seconds=0.1)


def comparison(
    models: Sequence[str],
    prompts: Sequence[Any],
    repeats: int = 1,
    make: Callable[[int, int, int], Answer] = lambda model, prompt, repeat: answer(),
    **more: Any,
) -> PromptComparison:
    """The comparison of what `make` gives for the place of a model, of a prompt, and a repeat."""
    questions = prompts_of(list(prompts))
    asked = [
        Asked(model, prompt.name, repeat, make(m, p, repeat))
        for p, prompt in enumerate(questions)
        for m, model in enumerate(models)
        for repeat in range(repeats)
    ]
    told: Mapping[str, Any] = {
        "options": {"temperature": 0},
        "started": 1795800000.0,
        "seconds": 42.0,
        **more,
    }
    return PromptComparison.of(asked, subjects=models, prompts=questions, repeats=repeats, **told)
