"""Checks that are functions of the user's own, and where they are found.

`python: checks.py:polite` is the function `polite` of the file beside the case file; `python: package.module:polite` is
one of an importable module. Loading either runs its code: whoever runs a stranger's cases must have allowed that.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from asyncio import CancelledError
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from shared_core.errors import ConfigError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.checks.texts import shown
from shared_core.evaluate.cases.checks.verdict import Verdict

__all__ = ["a_function", "asked_of", "load_object"]

_BOOLS = ("bool", "bool_")  # numpy's, which are no bools of Python
_PLACE = re.compile(r"(?P<where>[^:]+):(?P<name>[A-Za-z_]\w*)")


def load_object(place: str, folder: Path | None) -> Any:
    """What stands at a place such as `checks.py:polite` or `package.module:polite`. Runs the code there.

    Args:
        place: The file or module, a colon, a name.
        folder: Where files are looked for; None is the current one.

    Raises:
        ConfigError: There is nothing, or the code raises.
    """
    read = _PLACE.fullmatch(place)
    if read is None:
        raise ConfigError(
            f"{shown(place)} names no object.", hint="Write file.py:name or package.module:name."
        )
    try:
        module = (
            _file(Path(read["where"]), folder) if read["where"].endswith(".py") else _module(read["where"])
        )
    except Exception as error:  # the user's own code may raise whatever it likes
        raise ConfigError(f"{read['where']} cannot be loaded: {type(error).__name__}: {error}.") from error
    if not hasattr(module, read["name"]):
        raise ConfigError(f"{read['where']} has no {read['name']!r}.")
    return getattr(module, read["name"])


def _file(path: Path, folder: Path | None) -> Any:
    path = ((folder or Path()) / path).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    # Two files of one name in two folders are two modules, and so is a file that was changed; otherwise it runs once.
    which = f"{path} {path.stat().st_mtime_ns}".encode()
    name = f"_hfrouter_cases_{blake2b(which, digest_size=8).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(
        spec
    )  # where dataclasses look for their module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module(name: str) -> Any:
    return importlib.import_module(name)


def a_function(found: Any) -> Callable[[Answer], Any]:
    """The same, once it is sure that it can be asked.

    Raises:
        ConfigError: It is no function, or an async one, which would give no verdict.
    """
    if not callable(found):
        raise ConfigError(f"{shown(found)} is no function.")
    if inspect.iscoroutinefunction(found):
        raise ConfigError(f"{shown(found.__name__)} is an async function.", hint="Write it without async.")
    return found  # type: ignore[no-any-return]


def asked_of(function: Callable[[Answer], Any], answer: Answer) -> Verdict:
    """What a user's function says of an answer: True, False or a `Verdict`.

    An `AssertionError` is a no, with its words; whatever else it raises or gives is no verdict.
    """
    try:
        said = function(answer)
    except AssertionError as error:
        return Verdict(False, " ".join(str(error).split()) or "an assertion failed")
    # The user's own code: it failed, and the others go on; what it had cancelled is its own, and not this run.
    except (Exception, CancelledError) as error:  # noqa: BLE001
        return Verdict(None, f"the check raised {type(error).__name__}: {' '.join(str(error).split())}")
    if isinstance(said, Verdict):
        return said
    if isinstance(said, bool) or type(said).__name__ in _BOOLS:
        return Verdict(bool(said), "" if said else "is False")
    return Verdict(None, f"the check gave {type(said).__name__}, neither True nor False")
