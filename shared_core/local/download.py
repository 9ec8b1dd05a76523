"""Where a model's files are: a folder, or the Hub's cache, filled when something is missing.

Lives here: finding and downloading. Not here: what the files mean (`folder`). Tokens, proxies, the cache's
place and offline mode (HF_HUB_OFFLINE) are huggingface_hub's affair. Pickled weights are never downloaded.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["commit_of", "find", "hub_id_of", "is_here", "is_hub_id"]

# What a model is made of, and no second copy of its weights in another format.
_WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja"]
_UNWANTED = ["onnx/*", "openvino/*", "*.onnx", "*.bin", "*.h5", "*.msgpack", "checkpoint-*", "training_args*"]

# Whether these exist decides what the model does, so "not downloaded" must not be read as "not there".
_DECISIVE = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.\-]*(/[\w.\-]+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def find(model: str, revision: str | None = None, *, code: bool = False) -> Path:
    """The folder with a model's files. A model that is complete in the Hub's cache costs no request.

    Args:
        model: A folder, or a Hub id such as "sentence-transformers/all-MiniLM-L6-v2".
        revision: Branch, tag or commit of a Hub model, which then wins over a folder of the same name; None for
            what the cache knows as "main", or "main".
        code: Whether the model's own Python files are wanted too.

    Raises:
        ConfigError: There is no such folder or model, it is gated, or it is not in the cache and the Hub cannot
            be reached.

    Example:
        >>> find("sentence-transformers/all-MiniLM-L6-v2")  # doctest: +SKIP
        PosixPath('/home/me/.cache/huggingface/hub/models--sentence-transformers--all-MiniLM-L6-v2/snapshots/...')
    """
    folder = _folder_of(model)
    if folder is not None and revision is None:
        return folder.absolute()
    if not is_hub_id(model):
        if folder is not None:
            raise ConfigError(
                f"{model!r} is a folder, and has no revision {revision!r}.",
                hint="A revision belongs to a Hub id.",
            )
        raise _no_such(model)
    cached = _cached(model, revision)
    if cached and _settled(cached, model) and not code:
        return cached
    return _downloaded(model, revision, [*_WANTED, "*.py"] if code else _WANTED)


def is_here(model: str, revision: str | None = None) -> bool:
    """Whether `find` would find a model without a request; nothing is downloaded to know it.

    Raises:
        ConfigError: It is neither a folder nor a Hub id.

    Example:
        >>> is_here(".")
        True
    """
    if _folder_of(model) is not None and revision is None:
        return True
    if not is_hub_id(model):
        raise _no_such(model)
    cached = _cached(model, revision)
    return cached is not None and _settled(cached, model)


def is_hub_id(model: str) -> bool:
    """Whether a name has the form of a Hub id: "owner/name", or a name alone."""
    return _HUB_ID.fullmatch(model) is not None


def _folder_of(model: str) -> Path | None:
    try:
        folder = Path(model).expanduser()
        return folder if model and folder.is_dir() else None
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, "~nobody"
        raise ConfigError(f"The model's name cannot be read: {model[:100]!r}.") from error


def _no_such(model: str) -> ConfigError:
    return ConfigError(
        f"There is no folder {model!r}, and a Hub id looks different.",
        hint='Give a folder that exists, or a Hub id such as "sentence-transformers/all-MiniLM-L6-v2".',
    )


def commit_of(folder: Path) -> str:
    """The commit that a folder of the Hub's cache holds; "" for any other folder."""
    return folder.name if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name) else ""


def hub_id_of(folder: Path) -> str:
    """The id of the model that a folder of the Hub's cache holds; "" for any other folder.

    A folder of the user's own may say in config.json from which model it was made (`_name_or_path`), but so does one
    that was trained further, and it is another model then.
    """
    name = folder.parent.parent.name
    if not commit_of(folder) or not name.startswith("models--"):
        return ""
    return name.removeprefix("models--").replace("--", "/", 1)


def _cached(model: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download

    wanted = list(_DECISIVE)
    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True, allow_patterns=wanted))
    except (OSError, ValueError):  # not there, incomplete, or no valid id: the download says which
        return None


def _downloaded(model: str, revision: str | None, wanted: list[str]) -> Path:
    from huggingface_hub import errors as hub

    try:
        folder = _fetched(model, revision, wanted)
    except hub.GatedRepoError as error:
        raise ConfigError(
            f"The model {model!r} is gated, and your token may not read it.",
            hint=f"Ask for access at https://huggingface.co/{model} and log in with `hf auth login`.",
        ) from error
    except hub.RevisionNotFoundError as error:
        raise ConfigError(f"The model {model!r} has no revision {revision!r}.") from error
    except hub.RepositoryNotFoundError as error:
        raise ConfigError(
            f"There is no model {model!r} on the Hub, or it is private and your token may not read it.",
            hint="Check the spelling; for a private model log in with `hf auth login`.",
        ) from error
    except (OSError, ValueError) as error:  # no network, offline mode, full disk; httpx's errors are OSErrors
        raise ConfigError(
            f"The model {model!r} is not complete in the Hub's cache and cannot be downloaded: "
            f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}",
            hint="Check the network, HF_HUB_OFFLINE and HF_ENDPOINT, or give the folder of a copy.",
        ) from error
    if not _settled(folder, model):
        raise ConfigError(
            f"The cached copy of {model!r} in {folder} is incomplete, and the Hub cannot be asked for the rest.",
            hint="Start once with network access, or give the folder of a complete copy.",
        )
    return folder


def _fetched(model: str, revision: str | None, wanted: list[str]) -> Path:
    """The Hub's copy; what decides and is not in it is asked for once, and remembered in the cache as absent."""
    from huggingface_hub import errors as hub
    from huggingface_hub import hf_hub_download, snapshot_download

    folder = Path(
        snapshot_download(model, revision=revision, allow_patterns=wanted, ignore_patterns=_UNWANTED)
    )
    for name in _DECISIVE:
        if (folder / name).is_file():
            continue
        try:
            hf_hub_download(model, name, revision=commit_of(folder) or revision)
        except hub.LocalEntryNotFoundError:  # the Hub could not be asked
            raise
        except hub.EntryNotFoundError:
            continue
    return folder


def _settled(folder: Path, model: str) -> bool:
    """Whether the cache holds all that a start needs, and knows for certain what does not exist."""
    from huggingface_hub import try_to_load_from_cache

    for name in _DECISIVE:
        if not (folder / name).is_file():
            found = try_to_load_from_cache(model, name, revision=commit_of(folder))
            if found is None or isinstance(found, str):
                return False
            if name == "modules.json":
                return _has_encoder(folder)
    try:
        modules: list[dict[str, Any]] = json.loads((folder / "modules.json").read_bytes())
        places = [folder / str(module["path"]) for module in modules]
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    except (ValueError, KeyError, TypeError):
        return True  # damaged, not missing: whoever reads it says so
    needs_config = {"Pooling", "Dense"}
    return (
        all(
            (place / "config.json").is_file()
            for place, kind in zip(places, kinds, strict=True)
            if kind in needs_config
        )
        and all(_has_weights(place) for place, kind in zip(places, kinds, strict=True) if kind == "Dense")
        and ("Transformer" not in kinds or _has_encoder(places[kinds.index("Transformer")]))
    )


def _has_encoder(folder: Path) -> bool:
    tokenizers = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model")
    return (
        (folder / "config.json").is_file()
        and _has_weights(folder)
        and any((folder / name).is_file() for name in (*tokenizers, "sentencepiece.bpe.model"))
    )


def _has_weights(folder: Path) -> bool:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    try:
        shards = set(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return True  # damaged, not missing
    return all((folder / str(shard)).is_file() for shard in shards)
