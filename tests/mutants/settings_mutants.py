"""Sabotages of settings that are written outside of the program, of models by names, and of batches."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["BATCHES", "SETTINGS"]

_SETTLING = "shared_core/client/settling.py"
_FILE = "shared_core/client/config_file.py"
_BATCH = "shared_core/client/batch.py"
_BATCH_FILE = "shared_core/client/batch_file.py"

_WRITTEN = ("tests/client/settings",)
_NAMED = ("tests/client/test_client_named_models.py",)
_KEPT = ("tests/client/test_client_batch.py",)

SETTINGS = (
    Mutant(
        "Settings: a file goes before an argument",
        _SETTLING,
        "arguments = {**found, **own,",
        "arguments = {**own, **found,",
        _WRITTEN,
    ),
    Mutant(
        "Settings: what is off by argument counts as not given",
        _SETTLING,
        "own = {**client._given, **changed}",
        "own = changed",
        _WRITTEN,
    ),
    Mutant(
        "Settings: a stranger's host gets the program's key",
        _SETTLING,
        'if "base_url" not in own and holds_secret(own):',
        'if "base_url" in own and holds_secret(own):',
        _WRITTEN,
    ),
    Mutant(
        "Settings: a stranger's file names any variable for a key",
        "shared_core/client/strangers.py",
        "if not trusted and name not in TOKEN_VARIABLES",
        "if trusted and name not in TOKEN_VARIABLES",
        _WRITTEN,
    ),
    Mutant(
        "Settings: the ambient token goes where a file names its variable",
        "shared_core/client/named_models.py",
        "if name is None or name in TOKEN_VARIABLES:",
        "if name is None:",
        _WRITTEN,
    ),
    Mutant(
        "Settings: a .env is filled in from the environment",
        "shared_core/client/settings.py",
        "interpolate=False",
        "interpolate=True",
        _WRITTEN,
    ),
    Mutant(
        "Settings: a token travels in a pickle",
        "shared_core/client/router_settings.py",
        'state["__dict__"] = {**state["__dict__"], "api_key": None}',
        'state["__dict__"] = {**state["__dict__"]}',
        _WRITTEN,
    ),
    Mutant(
        "Settings: folders above a project are looked into",
        _FILE,
        "for folder in above[: project + 1]:",
        "for folder in above:",
        _WRITTEN,
    ),
    Mutant(
        "Settings: a key that was written for one host goes to another",
        _SETTLING,
        '_OF_A_HOST = ("api_key", "bill_to", "default_headers")',
        '_OF_A_HOST = ("bill_to", "default_headers")',
        _WRITTEN,
    ),
    Mutant(
        "Names: a call that names another model gets the client's preset",
        "shared_core/client/base.py",
        "if model is None and (preset := self._preset) is not None:",
        "if (preset := self._preset) is not None:",
        _NAMED,
    ),
    Mutant(
        "Names: what stands under a name goes before the call's own",
        "shared_core/client/base.py",
        "{**preset.params, **params}",
        "{**params, **preset.params}",
        _NAMED,
    ),
    Mutant(
        "Names: a fallback without a host follows the model to another",
        _SETTLING,
        "_anchor(targets, home)",
        "_anchor({}, home)",
        _NAMED,
    ),
)

BATCHES = (
    Mutant(
        "Batch: equal requests share one answer",
        _BATCH,
        'return f"{key}-{before}"',
        "return key",
        _KEPT,
    ),
    Mutant(
        "Batch: a failure is kept as an answer",
        _BATCH,
        "            return self._fail(place, error)\n        if file",
        "            reply = error\n        if file",
        _KEPT,
    ),
    Mutant(
        "Batch: an answer of another model is taken",
        "shared_core/client/batch_requests.py",
        "        at.model,\n",
        "        None,\n",
        _KEPT,
    ),
    Mutant(
        "Batch: a torn line stays in the file",
        _BATCH_FILE,
        'if line.endswith(b"\\n"):',
        "if line:",
        _KEPT,
    ),
    Mutant(
        "Batch: a foreign file is written over",
        _BATCH_FILE,
        "if not _HEAD.startswith(head) or file.read(1):",
        "if file.read(0):",
        _KEPT,
    ),
    Mutant(
        "Batch: half a line is left behind by a full disk",
        _BATCH_FILE,
        "            os.ftruncate(file, self._size)\n            raise",
        "            raise",
        _KEPT,
    ),
    Mutant(
        "Batch: a kept file names a place elsewhere",
        _BATCH_FILE,
        "or not _MEDIA_NAME.fullmatch(name):",
        "or not name:",
        _KEPT,
    ),
    Mutant(
        "Batch: two runs have one file",
        _BATCH_FILE,
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        _KEPT,
    ),
)
