"""Sabotages of the classic tasks and of plain text generation, each with the tests that should notice."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["CLASSIC"]

_READ = ("tests/wire/test_task_replies.py",)
_WRITTEN = ("tests/wire/test_completions.py",)
_CALLS = ("tests/client/classic",)
_TEXT = ("tests/client/test_text_generation.py",)
_LLM = ("tests/langchain/test_lc_llm.py",)

CLASSIC = (
    Mutant(
        "Classic task: one list too few is taken off an answer",
        "shared_core/wire/tasks.py",
        "    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):",
        "    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):",
        _READ,
    ),
    Mutant(
        "Classic task: an error that says 200 is read as an answer",
        "shared_core/wire/tasks.py",
        '    if isinstance(raw, Mapping) and raw.get("error"):',
        '    if isinstance(raw, Mapping) and raw.get("errors"):',
        _READ,
    ),
    Mutant(
        "Classic task: what is no entry of an answer is passed over",
        "shared_core/wire/tasks.py",
        "            raise _malformed(what, entry)",
        "            continue",
        _READ,
    ),
    Mutant(
        "Classic task: a job of masks may be sent twice",
        "shared_core/client/task_router.py",
        "        paid = paid or task == _MASKS  # a job with some providers",
        "        paid = paid or task == _TEXT",
        _CALLS,
    ),
    Mutant(
        "Classic task: a dedicated endpoint needs a model's name",
        "shared_core/client/task_router.py",
        "        if not model and self._behind_router():",
        "        if not model:",
        _CALLS,
    ),
    Mutant(
        "Classic task: one language of two is sent",
        "shared_core/client/classic_asking.py",
        "    if (source is None) != (target is None):",
        "    if source is None and target is None:",
        _CALLS,
    ),
    Mutant(
        "Classic task: labels in one text are taken letter by letter",
        "shared_core/client/classic_asking.py",
        '    labels = _listed(value, "candidate_labels", _MOST_LABELS)',
        '    labels = _listed(list(value), "candidate_labels", _MOST_LABELS)',
        _CALLS,
    ),
    Mutant(
        "Text generation: the beginning of a stop text is shown",
        "shared_core/wire/completions.py",
        "        held = max((_overlap(text, stop) for stop in self._stop), default=0)",
        "        held = 0",
        _WRITTEN,
    ),
    Mutant(
        "Text generation: what was held back is lost",
        "shared_core/wire/completions.py",
        '        return "" if self.ended else held',
        '        return ""',
        _WRITTEN,
    ),
    Mutant(
        "Text generation: tokens that are no text are shown",
        "shared_core/wire/completions.py",
        '            text = "" if token.get("special") else token.get("text")',
        '            text = token.get("text")',
        _WRITTEN,
    ),
    Mutant(
        "Text generation: the prompt comes back with the text",
        "shared_core/client/generation.py",
        '            given.setdefault("return_full_text", False)',
        '            given.setdefault("return_full_text", True)',
        _TEXT,
    ),
    Mutant(
        "Text generation: a limit is sent by a name that the provider does not know",
        "shared_core/providers/payloads.py",
        '    return values if limit is None else {**values, "max_tokens": limit}',
        '    return values if limit is None else {**values, "max_new_tokens": limit}',
        _TEXT,
    ),
    Mutant(
        "Text generation: LangChain's stop texts do not reach the provider",
        "langchain_hfrouter/llms.py",
        '        arguments = {**self._params(), **({"stop": stop} if stop else {})}',
        "        arguments = {**self._params()}",
        _LLM,
    ),
    Mutant(
        "Text generation: LangChain's object keeps a stale picture of itself",
        "langchain_hfrouter/llms.py",
        '        self.__dict__.pop("_serialized", None)  # LangChain keeps it there',
        '        self.__dict__.get("_serialized")',
        _LLM,
    ),
)
