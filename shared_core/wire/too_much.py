"""Why a host refused a batch: too many texts, too many bytes, one text too long, or something else.

Hosts say it with 400, 413 or 422 and in words of their own. Sources: text-embeddings-inference (all three are 413
or 422 there, by version), OpenAI's API reference, FastAPI's list validation (Infinity, vLLM), SiliconFlow
(OpenAI-style, code 20042), nginx and axum (a bare 413).
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from shared_core.errors import BadRequest, InputTooLong, RouterError

__all__ = ["TooMuch", "why_too_much"]

_COUNT = re.compile(
    r"batch.?size|array too long|too many (inputs|texts|items|documents|strings|sequences)"
    r"|number of (inputs?|texts|items|documents|strings)\b"
    r"|at most \d+ (inputs|texts|items|documents|strings)"
    r"|max(imum)?( of)? \d+ (inputs|texts|items|documents|strings)"
)
_LIMIT = re.compile(
    r"(?:maximum allowed batch size|maximum length|at most|up to|must be <=?|less than or equal to"
    r"|max(?:imum)?(?: of| is|:)?)\s*:?\s*(\d+)"
)
_TOGETHER = re.compile(
    r"(body|payload|entity|request) (is )?too large|body.{0,40}limit|length limit exceeded|413 "
    r"|tokens per request|max_tokens_per_request|total (number of )?tokens"
)
_ONE_TEXT = re.compile(r"too long|context.{0,20}(length|window)|maximum context|\btokens\b|reduce the length")


class TooMuch(NamedTuple):
    """A refusal that fewer texts in one request may cure.

    Args:
        of: "texts": their number; "bytes": their size together; "text": one of them is too long; "unclear":
            the host dislikes something, perhaps one text.
        most: How many texts it takes, where it said so.
    """

    of: Literal["texts", "bytes", "text", "unclear"]
    most: int | None = None


def why_too_much(error: RouterError) -> TooMuch | None:
    """What the refusal is about; None when sending less cannot help.

    Example:
        >>> why_too_much(BadRequest("batch size 64 > maximum allowed batch size 32", status=422))
        TooMuch(of='texts', most=32)
    """
    if not isinstance(error, InputTooLong | BadRequest):
        return None
    # What stands before the first colon is our own word for the class of error (`wire.errors`).
    said = f"{error.message.partition(': ')[2] or error.message} {error.code or ''}".lower()
    if _COUNT.search(said):
        limit = _LIMIT.search(said)
        return TooMuch("texts", int(limit[1]) if limit else None)
    if _TOGETHER.search(said):
        return TooMuch("bytes")
    if isinstance(error, BadRequest):
        return TooMuch("unclear") if error.status in (400, 413, 422) else None
    if error.status is None or "no explanation" in said:
        return TooMuch("bytes")
    return TooMuch("text" if _ONE_TEXT.search(said) else "unclear")
