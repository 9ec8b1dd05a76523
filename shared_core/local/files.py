"""The small files of a model's folder, read with clear errors.

Lives here: JSON, and which files hold the weights. Not here: what they mean (`folder`).
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["json_of", "refuse_pickles", "weight_files"]

_REQUIRED: Any = object()


def json_of(file: Path, *, missing: Any = _REQUIRED, kind: type = dict) -> Any:
    """A file's JSON value.

    Args:
        file: What to read.
        missing: What to return where there is no such file; left out, that is an error.
        kind: What the value must be.

    Raises:
        ConfigError: The file is missing, damaged, or holds something else.
    """
    try:
        value = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        if missing is not _REQUIRED:
            return missing
        raise ConfigError(
            f"The model's file {file} is missing.", hint="Check the folder, or download the model again."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The model's file {file} cannot be read: {str(error)[:200]}") from error
    if not isinstance(value, kind):
        raise ConfigError(f"The model's file {file} holds no {kind.__name__}.")
    return value


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of one module, all shards.

    Raises:
        ConfigError: There are none, or the list of shards is damaged.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return (single,)
    if index.is_file():
        try:
            shards = sorted(set(json_of(index)["weight_map"].values()))
        except (KeyError, AttributeError, TypeError) as error:
            raise ConfigError(f"{index} lists no weights.") from error
        if any(not isinstance(shard, str) or PurePosixPath(shard).name != shard for shard in shards):
            raise ConfigError(f"{index} names files outside of its folder.")
        return tuple(folder / shard for shard in shards)
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    raise ConfigError(
        f"{folder} has no model.safetensors" + (f", only the pickle {pickled[0]}." if pickled else "."),
        hint="Pickles can run code and are not loaded: save the model once more with safetensors, or take another "
        "revision."
        if pickled
        else "Check that the folder is complete.",
    )


def refuse_pickles(folder: Path) -> None:
    """Refuse a folder with a module whose only weights are a pickle.

    Raises:
        ConfigError: Names the first such file.
    """
    for path in sorted(folder.rglob("pytorch_model*.bin")):
        if not any(path.parent.glob("*.safetensors")):
            raise ConfigError(
                f"{path} is a pickle, and there is no safetensors file beside it.",
                hint="Pickles can run code and are not loaded: save the model once more with safetensors.",
            )
