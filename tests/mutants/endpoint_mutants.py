"""Sabotages of dedicated endpoints: where they are looked for, whose token goes there, what is waited for."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["ENDPOINTS"]

_LOCATING = "shared_core/client/locating.py"
_FLOWS = "shared_core/hub/endpoint_flows.py"

_CALLED = ("tests/client/endpoint",)
_MANAGED = ("tests/hub/test_hub_endpoints.py",)

ENDPOINTS = (
    Mutant(
        "Endpoints: an address on a stranger's host gets the token",
        _LOCATING,
        'key = key if key.source in ("ambient", "none") else NO_KEY',
        "key = key",
        _CALLED,
    ),
    Mutant(
        "Endpoints: a prompt goes into the network that the API names",
        "shared_core/client/endpoint_places.py",
        'private = is_private(parts.hostname or "")',
        "private = False",
        _CALLED,
    ),
    Mutant(
        "Endpoints: a name that leads into this network is connected to",
        _LOCATING,
        "call.waits.public = must_be_public(found.url, self.api_url)",
        "call.waits.public = False",
        _CALLED,
    ),
    Mutant(
        "Endpoints: what was asked of an endpoint's address is asked of the user's own",
        "shared_core/policy/locate.py",
        "call.waits.public = False  # the user",
        "call.waits.public = True  # the user",
        _CALLED,
    ),
    Mutant(
        "Endpoints: what one account found is given to another",
        _LOCATING,
        "known_as = (self.api_url, account, name)",
        'known_as = (self.api_url, "", name)',
        _CALLED,
    ),
    Mutant(
        "Endpoints: a failure is not looked into",
        _LOCATING,
        "if not doubtful and not isinstance(error, _PERHAPS_ITS_STATE):",
        "if not doubtful or not isinstance(error, _PERHAPS_ITS_STATE):",
        _CALLED,
    ),
    Mutant(
        "Endpoints: the rest of the process learns that somebody else answered",
        "shared_core/policy/locate.py",
        "progress.model, progress.url = call.request.model, call.target.base_url",
        "progress.model, progress.url = there.request.model, there.target.base_url",
        _CALLED,
    ),
    Mutant(
        "Endpoints: what changes something is sent again",
        _FLOWS,
        'changes = request.method != "GET"',
        'changes = request.method == "GET"',
        _MANAGED,
    ),
    Mutant(
        "Endpoints: a sleeping one is waited for without end",
        _FLOWS,
        'if found.status == "scaledToZero":',
        'if found.status == "asleep":',
        _MANAGED,
    ),
    Mutant(
        "Endpoints: waiting ends before the container answers",
        _FLOWS,
        'if found.status == "running" and found.url and (yield from self._answers(found, whole)):',
        'if found.status == "running" and found.url:',
        _MANAGED,
    ),
    Mutant(
        "Endpoints: huggingface_hub's own client is let send",
        "shared_core/hub/endpoint_requests.py",
        '"get_session": _Recorder, "constants": _NoHost}',
        '"constants": _NoHost}',
        _MANAGED,
    ),
)
