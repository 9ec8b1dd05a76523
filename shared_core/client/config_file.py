"""`hfrouter.toml`: where it lies, and what stands in it.

Lives here: finding the file, reading it once for each change, keys that nobody knows. Not here: what its keys mean
(`router_settings`, `named_models`).

Of one that was found in a folder, the author is unknown: it is not `trusted`, and `strangers` says what follows.
"""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared_core.client.settings import user_folder
from shared_core.errors import ConfigError

__all__ = ["FILE_NAME", "ConfigFile", "check_keys", "find", "read", "refuse_unknown"]

FILE_NAME = "hfrouter.toml"

_LARGEST = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that was read.

    Args:
        path: Where it lies.
        trusted: Whether the user named it, or keeps it in the folder of their own settings.
        values: What stands in it; never to be changed, since others read it too.
    """

    path: Path
    trusted: bool
    values: Mapping[str, Any] = field(repr=False)


def find() -> ConfigFile | None:
    """The file that counts here: in the current folder, else in one above it up to the root of the project (where
    `.git` is), else the user's own. Without a project, folders above are not looked into.

    Raises:
        ConfigError: There is one, and it cannot be read.
    """
    for folder in _folders():
        path = folder / FILE_NAME
        # In a folder that all may write to, such as /tmp, another user's file is not ours to heed.
        if (found := _there(path)) is not None and found.st_uid in {
            _owner(folder),
            _owner(Path("~").expanduser()),
        }:
            return _read(path, False, found.st_mtime_ns, found.st_size)
    own = user_folder() / FILE_NAME
    found = _there(own)
    return None if found is None else _read(own, True, found.st_mtime_ns, found.st_size)


def read(path: str | os.PathLike[str]) -> ConfigFile:
    """A file that the user named.

    Raises:
        ConfigError: It is not there, or cannot be read.
    """
    place = Path(path).expanduser()
    found = _there(place)
    if found is None:
        raise ConfigError(
            f"There is no file {place.absolute()}.", hint="It was named by config or HFROUTER_CONFIG."
        )
    return _read(place.absolute(), True, found.st_mtime_ns, found.st_size)


def check_keys(file: ConfigFile, known: Iterable[str]) -> None:
    """Whether only settings stand in a file, and no token.

    Raises:
        ConfigError: Something else does.
    """
    for name in _tokens(file.values):
        raise ConfigError(
            f"{file.path}: {name} holds a token, and files are copied and committed.",
            hint='Set a variable, and name it: api_key_env = "HFROUTER_KEY_MINE".',
        )
    refuse_unknown(file.values, known, str(file.path))


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Finds what nobody knows.

    Raises:
        ConfigError: Names the first, with what may have been meant.
    """
    listed = sorted(known)
    for name in sorted(set(given).difference(listed)):
        near = difflib.get_close_matches(name, listed, n=1)
        said = f"Did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            f"{where}: there is no setting {name!r}.", hint=f"{said}There are {', '.join(listed)}."
        )


def _tokens(value: object, place: str = "") -> Iterator[str]:
    """Where tokens stand."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{place}.{name}".lstrip(".")
            if name in ("api_key", "token"):
                yield here
            elif name != "extra_body":
                yield from _tokens(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from _tokens(inner, place)


def _folders() -> Iterator[Path]:
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return
    yield here
    above = list(here.parents)
    project = next((place for place, folder in enumerate(above) if _exists(folder / ".git")), -1)
    if _exists(here / ".git"):
        return
    for folder in above[: project + 1]:
        if _owner(folder) != _owner(here):  # as git does: whoever owns it could have laid the `.git`, too
            return
        yield folder


def _owner(folder: Path) -> int:
    """The user's number; -1 where it cannot be asked, 0 for everything on Windows."""
    try:
        return folder.stat().st_uid
    except OSError:
        return -1


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _there(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except OSError:  # not there, or in a folder that may not be looked into
        return None
    return found if path.is_file() else None


@functools.lru_cache(maxsize=32)
def _read(path: Path, trusted: bool, changed: int, size: int) -> ConfigFile:  # noqa: ARG001  (what it is known by)
    if size > _LARGEST:
        raise ConfigError(f"{path} is {size:,} bytes long, too long for a file of settings.")
    import tomllib

    try:
        return ConfigFile(path, trusted, tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Mend its permissions."
        ) from None
    except ValueError as error:  # of TOML, or of UTF-8
        raise ConfigError(
            f"{path} is no TOML: {error}.", hint="Mend the file; see https://toml.io."
        ) from None
