"""A model's weights by name, read from safetensors files without loading them whole.

Lives here: opening, naming and reading tensors. Not here: which files belong to a model (`folder`).
Files are memory mapped: what an engine does not ask for costs no memory. Pickled weights (.bin, .pt) are
never read: loading a pickle runs whatever code its author put there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

__all__ = ["BadWeights", "Weights"]

# What checkpoints put before the names of the bare encoder: the attribute of the class they were saved from
# ("bert." by BertForMaskedLM, "model." by Qwen3ForCausalLM), "0.auto_model." by old sentence-transformers.
# "encoder." and "transformer." are no such prefix: bare encoders have them too.
_CLASS_PREFIXES = (
    "0.auto_model.",
    "auto_model.",
    "albert.",
    "bert.",
    "camembert.",
    "deberta.",
    "distilbert.",
    "electra.",
    "model.",
    "mpnet.",
    "roberta.",
)

# safetensors' names of number formats, as numpy reads them; bfloat16 is the upper half of a float32.
_NUMPY_FORMATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class BadWeights(ConfigError):
    """A model's weights are damaged, missing or of another model; no engine can help."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Where one tensor lies: its file, its name there, its number format, shape and first byte."""

    file: Path
    name: str
    format: str
    shape: tuple[int, ...]
    start: int


class Weights:
    """The tensors of a recipe, under the names of the bare encoder.

    The names are those of the checkpoint without the prefix of the class it was saved from ("bert.",
    "model.", ...), and with the prefix that the recipe gives to the file ("2_Dense."). Threads may share
    one object.

    Args:
        recipe: Whose files to open.

    Raises:
        ImportError: safetensors is not installed.
        BadWeights: A file is missing, unreadable, truncated or no safetensors file.

    Example:
        >>> weights = Weights(recipe)  # doctest: +SKIP
        >>> weights.numpy("embeddings.word_embeddings.weight").shape  # doctest: +SKIP
        (30522, 384)
    """

    def __init__(self, recipe: Recipe) -> None:
        self._stored: dict[str, _Stored] = {}
        self._maps: dict[Path, NDArray[np.uint8]] = {}
        for prefix, files in recipe.weights.items():
            for file in files:
                for name, stored in _directory(file).items():
                    self._stored.setdefault(prefix + (_bare(name) if not prefix else name), stored)

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def names(self) -> frozenset[str]:
        """Of all tensors."""
        return frozenset(self._stored)

    def numpy(self, name: str) -> NDArray[np.float32]:
        """One tensor as float32.

        Args:
            name: Such as "encoder.layer.0.output.dense.weight".

        Returns:
            A view of the mapped file where it holds float32, not to be written to; else a converted copy.

        Raises:
            BadWeights: There is no such tensor, or its number format is not one of the float formats.
        """
        import numpy as np

        stored = self._of(name)
        if stored.format not in _NUMPY_FORMATS:
            raise BadWeights(
                f"The tensor {stored.name!r} in {stored.file} is stored as {stored.format}, which is not read.",
                hint="Use a copy of the model in float32, float16 or bfloat16.",
            )
        count = 1
        for extent in stored.shape:
            count *= extent
        raw = np.frombuffer(self._map(stored.file), _NUMPY_FORMATS[stored.format], count, stored.start)
        if stored.format == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32, copy=not raw.flags.aligned).reshape(stored.shape)

    def torch(self, name: str) -> torch.Tensor:
        """One tensor in the number format it is stored in; a view of the mapped file, not to be written to.

        Args:
            name: As for `numpy`.

        Raises:
            BadWeights: There is no such tensor.
        """
        from safetensors import safe_open

        stored = self._of(name)
        with safe_open(stored.file, framework="pt") as opened:
            tensor: torch.Tensor = opened.get_tensor(stored.name)
        return tensor

    def _of(self, name: str) -> _Stored:
        stored = self._stored.get(name)
        if stored is None:
            files = sorted({str(other.file) for other in self._stored.values()})
            raise BadWeights(
                f"The tensor {name!r} is missing in {', '.join(files) or 'the model: it has no weights'}.",
                hint="The file belongs to another kind of model, or was saved in part. Download it again.",
            )
        return stored

    def _map(self, file: Path) -> NDArray[np.uint8]:
        import numpy as np

        mapped = self._maps.get(file)
        if mapped is None:
            # "c", for OpenVINO borrows none but writable memory: what is written there never reaches the file.
            mapped = self._maps.setdefault(file, np.memmap(file, np.uint8, mode="c"))
        return mapped


def _bare(name: str) -> str:
    for prefix in _CLASS_PREFIXES:
        if name.startswith(prefix):
            name = name[len(prefix) :]
            break
    # Checkpoints converted from TensorFlow, such as bert-base-uncased, keep its names for the two.
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _directory(file: Path) -> dict[str, _Stored]:
    """The tensors of one file. The safetensors library checks header, offsets and length of the file."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            'Reading model weights needs safetensors: run `pip install "hfrouter[openvino]"` '
            "(fastest on CPUs; or the extra onnx, or local for torch)."
        ) from error
    try:
        with safe_open(file, framework="np"):
            pass
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header: Mapping[str, Any] = json.loads(opened.read(length))
    except FileNotFoundError as error:
        raise BadWeights(
            f"The weights file {file} is missing.", hint="The model was copied or downloaded in part."
        ) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise BadWeights(
            f"The weights file {file} cannot be read: {str(error)[:200]}", hint=_advice(file)
        ) from error
    return {
        name: _Stored(
            file, name, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def _advice(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            pointer = opened.read(12) == b"version http"
    except OSError:
        return "Check that the file can be read."
    if pointer:
        return (
            "It is a Git LFS pointer, not the file itself: run `git lfs pull`, or download the model again."
        )
    return "It is damaged or incomplete: download the model again."
