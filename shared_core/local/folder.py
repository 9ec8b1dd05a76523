"""What a model's folder says, as a recipe that the fast engines can follow.

Lives here: the files of sentence-transformers and transformers, and which of their features are known.
Not here: finding the folder (`download`), weights (`weights`), texts to tokens (`tokens`). What is not known
for certain becomes `Unknown`, and sentence-transformers itself does the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from shared_core.errors import ConfigError
from shared_core.local.download import commit_of, find
from shared_core.local.encoders import why_not
from shared_core.local.files import json_of, weight_files
from shared_core.local.recipe import Activation, Dense, Pooling, Recipe

__all__ = ["Unknown", "find", "prompts", "read"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A model that no fast engine can follow for certain.

    Args:
        reason: Why, in a sentence.
    """

    reason: str


class _NotKnown(Exception):
    """Left the way that the fast engines know; the message becomes `Unknown.reason`."""


_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "lasttoken": "last", "max": "max"}

# How sentence-transformers before 5.4 wrote the same, in the order in which it joins several.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

_ACTIVATIONS: dict[str, Activation | None] = {
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.linear.Identity": None,
}

# Settings of the Transformer module that change nothing for texts, at these values.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "transformer_task": ("feature-extraction",),
    "modality_config": ({"text": {"method": "forward", "method_output_name": "last_hidden_state"}},),
    "module_output_name": ("token_embeddings",),
    "unpad_inputs": (True, False),
}

_ENCODER_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)

# Architectures with a table of places, and the rows of it that stand before the first token's.
_PLACES_BEFORE_FIRST = {
    "albert": 0, "bert": 0, "camembert": 2, "distilbert": 0, "electra": 0, "mpnet": 2, "roberta": 2,
    "xlm-roberta": 2,
}  # fmt: skip

_LONGEST = 1 << 20  # tokens; where neither tokenizer nor model names a limit


def read(folder: Path, revision: str = "") -> Recipe | Unknown:
    """What a model's folder says.

    Args:
        folder: As `find` returned it.
        revision: Commit, to be noted in the recipe; "" takes it from the folder's place in the Hub's cache.

    Raises:
        ConfigError: A file is damaged or missing, or the only weights are pickled.
    """
    folder = Path(folder)
    try:
        return _read(folder, revision or commit_of(folder))
    except _NotKnown as why:
        return Unknown(str(why))


def _read(folder: Path, revision: str) -> Recipe:
    modules = _modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= {"Dense", "Normalize"}:
        raise _NotKnown(f"Its modules are {', '.join(kinds)}.")
    if "Normalize" in kinds and "Dense" in kinds[kinds.index("Normalize") :]:
        raise _NotKnown("It normalises before a dense layer.")
    encoder = folder / modules[0][1]
    config = _config(encoder)
    pooling, width = _pooling(folder, modules[1][1], config)
    weights = {"": weight_files(encoder)}
    layers = []
    for path in (path for kind, path in modules if kind == "Dense"):
        layer, width = _dense(folder / path, path)
        layers.append(layer)
        weights[f"{path}."] = weight_files(folder / path)
    for path in (path for kind, path in modules if kind == "Normalize"):
        _check_names(json_of(folder / path / "config.json", missing={}), "Normalize")
    settings = _encoder_settings(encoder)
    return Recipe(
        folder=folder,
        revision=revision,
        architecture=config["model_type"],
        config=config,
        weights=weights,
        max_tokens=_max_tokens(encoder, settings, config),
        pooling=pooling,
        dimensions=width,
        dense=tuple(layers),
        normalise="Normalize" in kinds,
        prompts=prompts(folder),
        default_prompt=_default_prompt(folder),
        encoder_folder=modules[0][1],
        lower_case=bool(settings.get("do_lower_case", False)),
    )


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Kind and subfolder of each module; a folder of transformers alone gets what sentence-transformers adds."""
    listed = json_of(folder / "modules.json", missing=None, kind=list)
    if listed is None:
        encoder = _encoder_settings(folder)
        if encoder or (folder / "chat_template.jinja").is_file():
            raise _NotKnown(
                "It has settings of sentence-transformers but no modules.json, or a chat template."
            )
        return [("Transformer", ""), ("Pooling", "")]
    modules = []
    for entry in listed:
        try:
            kind, path = str(entry["type"]), str(entry["path"])
        except (KeyError, TypeError) as error:
            raise ConfigError(f"{folder / 'modules.json'} lists a module without type or path.") from error
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
            raise ConfigError(f"{folder / 'modules.json'} points outside of the model's folder: {path!r}.")
        if not kind.startswith("sentence_transformers."):
            raise _NotKnown(f"Its module {kind!r} is code of its own.")
        modules.append((kind.rpartition(".")[2], path))
    return modules


def _config(encoder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json_of(encoder / "config.json")
    if "auto_map" in config:
        raise _NotKnown("It comes with code of its own.")
    if (encoder / "adapter_config.json").is_file():
        raise _NotKnown("An adapter is to be put on its weights.")
    reason = why_not(config)
    if reason:
        raise _NotKnown(f"{reason[0].upper()}{reason[1:]}.")
    if not (encoder / "tokenizer.json").is_file():
        raise _NotKnown("It has no tokenizer.json.")
    return config


def _pooling(folder: Path, path: str, encoder: Mapping[str, Any]) -> tuple[Pooling, int]:
    if not path:  # no modules.json
        causal = str((encoder.get("architectures") or [""])[0]).endswith("ForCausalLM")
        return "last" if causal and encoder.get("is_causal", True) else "mean", int(
            encoder.get("hidden_size") or encoder["dim"]
        )
    config = json_of(folder / path / "config.json")
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise _NotKnown(f"Its pooling is {' and '.join(map(str, modes))}.")
    if not config.get("include_prompt", True):
        raise _NotKnown("Its pooling leaves the prompt out.")
    width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
    if not isinstance(width, int):
        raise ConfigError(f"{folder / path / 'config.json'} does not say how wide the vectors are.")
    return _POOLINGS[modes[0]], width


def _dense(folder: Path, path: str) -> tuple[Dense, int]:
    config = json_of(folder / "config.json")
    _check_names(config, "Dense")
    activation = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    if activation not in _ACTIVATIONS or config.get("use_residual"):
        raise _NotKnown(f"Its dense layer has the activation {activation!r}, or a residual.")
    return Dense(f"{path}.linear", _ACTIVATIONS[activation]), int(config["out_features"])


def _check_names(config: Mapping[str, Any], kind: str) -> None:
    names = {config.get("module_input_name"), config.get("module_output_name")}
    if not names <= {None, "sentence_embedding"}:
        raise _NotKnown(f"Its module {kind} works on something else than the vector.")


def _encoder_settings(encoder: Path) -> Mapping[str, Any]:
    for name in _ENCODER_CONFIGS:
        settings: Mapping[str, Any] = json_of(encoder / name, missing={})
        if settings:
            break
    for name, value in settings.items():
        known = name in ("max_seq_length", "do_lower_case") or value in _HARMLESS.get(name, ())
        if not known and value not in (None, {}, [], False):
            raise _NotKnown(f"Its setting {name!r} is not one that the fast engines know.")
    return settings


def _max_tokens(encoder: Path, settings: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """As sentence-transformers counts, and never beyond the table of places."""
    rows = config.get("max_position_embeddings")
    limit = settings.get("max_seq_length")
    if limit is None:
        tokenizer = json_of(encoder / "tokenizer_config.json", missing={})
        limit = min(tokenizer.get("model_max_length") or _LONGEST, rows or _LONGEST)
    before = _PLACES_BEFORE_FIRST.get(config["model_type"])
    if rows and before is not None:
        limit = min(limit, rows - before)
    return int(min(limit, _LONGEST))


def prompts(folder: Path) -> dict[str, str]:
    """What the model's author puts before texts, by name; of any model that sentence-transformers loads.

    Raises:
        ConfigError: config_sentence_transformers.json is damaged.
    """
    config = _settings(folder)
    if config.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        return {}  # sentence-transformers drops them when it makes another kind of model of it
    return {str(name): str(text or "") for name, text in (config.get("prompts") or {}).items()}


def _default_prompt(folder: Path) -> str | None:
    config = _settings(folder)
    if config.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        raise _NotKnown(f"It was saved as a {config['model_type']}.")
    if config.get("truncate_dim"):
        raise _NotKnown("It cuts its vectors.")
    name: str | None = config.get("default_prompt_name")
    return name


def _settings(folder: Path) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = {}
    if (folder / "modules.json").is_file():  # read by sentence-transformers only then
        settings = json_of(folder / "config_sentence_transformers.json", missing={})
    return settings
