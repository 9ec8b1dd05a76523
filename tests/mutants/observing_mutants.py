"""Sabotages of spans, metrics and the health that workers share, each with the tests that should notice."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["OBSERVING"]

_SPANS = ("tests/observe/test_open_telemetry.py",)
_CONTENT = ("tests/observe/test_gen_ai_content.py",)
_SHARED = ("tests/policy/test_shared_health.py",)
_CLIENTS = ("tests/client/test_client_shared_health.py",)

OBSERVING = (
    Mutant(
        "Telemetry: an error's words are told without being asked for",
        "shared_core/observe/telemetry.py",
        "told = str(event.failure) if self.content else event.error",
        "told = str(event.failure)",
        _SPANS,
    ),
    Mutant(
        "Telemetry: spans whose end is never told pile up",
        "shared_core/observe/telemetry.py",
        "        if len(self._open) > _MOST_OPEN:",
        "        if not self._open:",
        _SPANS,
    ),
    Mutant(
        "Telemetry: a call that is left counts as an error",
        "shared_core/observe/telemetry.py",
        '        if event.outcome == "failed":',
        '        if event.outcome != "answered":',
        _SPANS,
    ),
    Mutant(
        "Telemetry: the model that was asked for is overwritten by the one that answered",
        "shared_core/observe/telemetry.py",
        'for name, value in about.items() if name != "gen_ai.request.model"}',
        "for name, value in about.items()}",
        _SPANS,
    ),
    Mutant(
        "Telemetry: a token in a prompt is told",
        "shared_core/observe/gen_ai_content.py",
        '    return redact(text.encode("utf-8", "replace").decode())',
        '    return (text.encode("utf-8", "replace").decode())',
        _SPANS,
    ),
    Mutant(
        "Telemetry: the signature of an address is told",
        "shared_core/observe/gen_ai_content.py",
        '"uri": url.partition("?")[0]}',
        '"uri": url}',
        _CONTENT,
    ),
    Mutant(
        "Telemetry: a data URL is told as an address, bytes and all",
        "shared_core/observe/gen_ai_content.py",
        '    if isinstance(url, str) and not url.startswith("data:"):',
        "    if isinstance(url, str):",
        _CONTENT,
    ),
    Mutant(
        "Telemetry: the pace of a stream is not noted",
        "shared_core/policy/record.py",
        "        call.progress.pieces = []",
        "        call.progress.pieces = None",
        _SPANS,
    ),
    Mutant(
        "Shared health: a closing of our own is made shorter by another's",
        "shared_core/policy/state/health.py",
        "            if record.closed and record.until >= told.until:",
        "            if record.closed and record.until == told.until:",
        _SHARED,
    ),
    Mutant(
        "Shared health: accounts are not told apart",
        "shared_core/policy/stores/shared_health.py",
        '"\\0".join(("hfrouter target", url, token, bill_to or "", model))',
        '"\\0".join(("hfrouter target", url, bill_to or "", model))',
        _SHARED,
    ),
    Mutant(
        "Shared health: a wrong clock closes a target for an hour",
        "shared_core/policy/stores/shared_health.py",
        "        left = min(notice.until - wall, notice.length, self.longest_heeded)",
        "        left = min(notice.until - wall, self.longest_heeded)",
        _SHARED,
    ),
    Mutant(
        "Shared health: every call looks at the board",
        "shared_core/policy/stores/shared_health.py",
        "            self._looked = now",
        "            self._looked = -math.inf",
        _SHARED,
    ),
    Mutant(
        "Shared health: what could not be told is forgotten",
        "shared_core/policy/stores/shared_health.py",
        "                self._news = current | self._news",
        "                self._news = {}",
        _SHARED,
    ),
    Mutant(
        "Shared health: what is no longer true is told",
        "shared_core/policy/stores/shared_health.py",
        "for key, notice in news.items() if notice.until > wall}",
        "for key, notice in news.items()}",
        _SHARED,
    ),
    Mutant(
        "Shared health: a probe that was answered is told to nobody",
        "shared_core/policy/stores/shared_health.py",
        "        before = self.closing(key) if probe else None",
        "        before = None",
        _SHARED,
    ),
    Mutant(
        "Shared health: a shorter notice is written over a longer one",
        "shared_core/policy/stores/shared_health.py",
        "            if (name := self._name(key)) and not self._is_outdone(name, notice)",
        "            if (name := self._name(key))",
        _SHARED,
    ),
    Mutant(
        "Shared health: nobody listens and nobody tells",
        "shared_core/client/pipeline.py",
        "    share = _shares(health) if health.is_shared else ()",
        "    share = _shares(health) if not health.is_shared else ()",
        _CLIENTS,
    ),
    Mutant(
        "Shared health: the choice of a target goes by the process's own health",
        "shared_core/client/ways.py",
        "continue_elsewhere=client.continue_elsewhere, health=health)",
        "continue_elsewhere=client.continue_elsewhere)",
        _CLIENTS,
    ),
)
