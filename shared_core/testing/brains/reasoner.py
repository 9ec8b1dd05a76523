"""`offline/reasoner`: thinks aloud, then answers; it can do one sum and otherwise repeats what it read."""

from __future__ import annotations

import re

from shared_core.testing.call import Answer, ChatCall

_SUM = re.compile(r"(-?\d+(?:\.\d+)?)\s*([-+*/x×÷])\s*(-?\d+(?:\.\d+)?)")


def reasoner(call: ChatCall) -> Answer:
    """Thoughts unless `reasoning_effort` is `none`, more of them for `high`, then the answer."""
    text = call.question.text
    answer = solve(text) or f"You said: {text}"
    if call.reasoning_effort == "none":
        return Answer(answer)
    return Answer(answer, reasoning=think(text, call.reasoning_effort))


def think(text: str, effort: str) -> str:
    """Thoughts about a text: true ones, since they only count."""
    thoughts = [f"The user's message has {len(text.split())} words."]
    if effort not in ("minimal", "low"):
        thoughts.append("It asks for a sum." if _SUM.search(text) else "It asks for no sum that I could do.")
    if effort in ("high", "xhigh"):
        thoughts.append("I have looked twice and found nothing more.")
    return " ".join(thoughts)


def solve(text: str) -> str | None:
    """The value of the first sum of two numbers in the text, None when there is none."""
    match = _SUM.search(text)
    if match is None:
        return None
    left, right = float(match[1]), float(match[3])
    if match[2] in "/÷" and right == 0:
        return f"{match[0]} has no value."
    value = {"+": left + right, "-": left - right}.get(match[2])
    if value is None:
        value = left / right if match[2] in "/÷" else left * right
    return f"{match[0]} = {value:g}"
