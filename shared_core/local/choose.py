"""Which engine runs a model on this machine, and why.

Lives here: the order of preference, what is tried, what is kept as a reason. Not here: engines, sharing.
`auto` stays with float32 arithmetic, save on a GPU where a probe shows that less gives the same vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared_core.errors import ConfigError, RouterError
from shared_core.local import batches, machine
from shared_core.local.engines import Backend, Engine, Precision
from shared_core.local.folder import Unknown
from shared_core.local.model import FastModel, Model
from shared_core.local.recipe import Recipe
from shared_core.local.samples import SAMPLES, sample_texts
from shared_core.local.shared import SHELF
from shared_core.local.tokens import Tokens
from shared_core.local.weights import BadWeights, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Wish", "load"]

BackendWish = Backend | Literal["auto"]
PrecisionWish = Precision | Literal["auto"]

_LIBRARIES: dict[Backend, str] = {"openvino": "openvino", "torch": "torch", "onnx": "onnxruntime"}
_EXTRAS: dict[Backend, str] = {"openvino": "openvino", "torch": "local", "onnx": "onnx"}

# OpenVINO computes fastest; ONNX Runtime is ready sooner than torch and answers one query faster, torch is
# somewhat faster on long lists. (MiniLM in float32 on two cores of an AMD EPYC; see benchmarks/README.md)
_ON_CPU: tuple[Backend, ...] = ("openvino", "onnx", "torch")

_CLOSE_ENOUGH = 0.99995
"""Lowest cosine to float32 on the samples: the promise is 0.9999, and other texts may fare a little worse."""

# What engines raise when they cannot do something; TypeError would be a fault of ours.
_CANNOT = (RouterError, ImportError, OSError, RuntimeError, ValueError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asked for: the arguments on which the loaded model depends.

    Args:
        folder: With the model's files.
        backend, precision, device: "auto", or what must be taken.
        threads: Of the engine; None as the machine has them.
        max_tokens: A lower limit than the model's own.
        trusted: Whether the model's own code may run.
        raw: Whether a final normalisation is left out.
    """

    folder: Path
    backend: BackendWish = "auto"
    precision: PrecisionWish = "auto"
    device: str = "auto"
    threads: int | None = None
    max_tokens: int | None = None
    trusted: bool = False
    raw: bool = False


def load(wish: Wish, facts: Recipe | Unknown) -> Model:
    """The model, on the engine that suits it and the machine best.

    Args:
        wish: What was asked for.
        facts: What `folder.read` says of the model.

    Raises:
        ConfigError: The model is not found or damaged, or cannot do what was asked for.
        ImportError: What was asked for is not installed.
    """
    device, reasons = _device(wish.device)
    if isinstance(facts, Unknown):
        return _by_reference(wish, device, [*reasons, facts.reason])
    candidates = _candidates(
        wish, device, reasons
    )  # first: what is missing is said with the extra that was meant
    Weights(facts)  # damaged files are no matter of engines: say so at once
    recipe = replace(facts, normalise=facts.normalise and not wish.raw)
    tokens = Tokens(recipe, wish.max_tokens)
    for backend in candidates:
        # Without max_tokens: that is the tokenizer's affair, and an engine is the same for all limits.
        key = ("engine", backend, wish.folder, wish.precision, device, wish.threads, wish.raw)
        try:
            engine, why = SHELF.get(key, partial(_engine, backend, recipe, tokens, wish, device))
        except BadWeights:
            raise
        except _CANNOT as error:
            if wish.backend != "auto":
                raise
            reasons.append(
                f"{backend} was left out: {type(error).__name__}: {str(error).splitlines()[0][:200]}"
            )
        else:
            return FastModel(recipe, tokens, engine, [*reasons, *why])
    if not machine.installed("sentence_transformers"):
        raise ImportError(
            f"No engine can run {str(wish.folder)!r} here: {' '.join(reasons)} Run "
            '`pip install "hfrouter[openvino]"` (fastest on CPUs), "hfrouter[onnx]", or "hfrouter[local]" for torch.'
        )
    return _by_reference(wish, device, reasons)


def _device(wanted: str) -> tuple[str, list[str]]:
    if wanted != "auto":
        return wanted, []
    here = machine.look()
    if not here.gpu:
        return "cpu", [f"The machine has {here}, and no GPU."]
    if not machine.installed("torch"):
        return "cpu", ["The GPU is not used: that needs torch, the extra `local`."]
    import torch

    if torch.cuda.is_available():
        return "cuda", [f"The GPU is {torch.cuda.get_device_name()}."]
    return "cpu", [f"The machine has {here}, and a GPU that this build of torch cannot use."]


def _candidates(wish: Wish, device: str, reasons: list[str]) -> list[Backend]:
    on_cpu = device == "cpu"
    if wish.backend != "auto":
        if not on_cpu and wish.backend != "torch":
            raise ConfigError(f"backend={wish.backend!r} runs on the CPU alone, not on {device!r}.")
        if not machine.installed(_LIBRARIES[wish.backend]):
            raise ImportError(
                f"backend={wish.backend!r} is not installed: run "
                f'`pip install "hfrouter[{_EXTRAS[wish.backend]}]"`.'
            )
        return [wish.backend]
    found: list[Backend] = []
    for backend in _ON_CPU if on_cpu else ("torch",):
        if machine.installed(_LIBRARIES[backend]):
            found.append(backend)
        else:
            reasons.append(f"{backend} is not installed.")
    return found


def _engine(
    backend: Backend, recipe: Recipe, tokens: Tokens, wish: Wish, device: str
) -> tuple[Engine, tuple[str, ...]]:
    """An engine that works, and why its precision."""

    def loaded(precision: Precision) -> Engine:
        engine = _LOADERS[backend](recipe, precision, device, wish.threads)
        _try_out(engine, recipe, tokens)
        return engine

    if wish.precision != "auto":
        return loaded(wish.precision), ()
    if device.startswith("cuda"):
        return _smallest_exact(loaded, recipe, tokens)
    return loaded("float32"), ("float32, because less changes vectors and must be asked for on a CPU.",)


def _smallest_exact(
    loaded: Callable[[Precision], Engine], recipe: Recipe, tokens: Tokens
) -> tuple[Engine, tuple[str, ...]]:
    """Half the precision where the samples' vectors hardly move, float32 otherwise."""
    exact = loaded("float32")
    batch = tokens.of(sample_texts()).batch
    wanted = batches.run(exact, batch, recipe.dimensions)
    half: tuple[Precision, ...] = ("float16", "bfloat16")
    reasons = []
    for precision in half:
        try:
            engine = loaded(precision)
            closeness = _lowest_cosine(wanted, batches.run(engine, batch, recipe.dimensions))
        except _CANNOT as error:
            reasons.append(f"{precision} was left out: {str(error).splitlines()[0][:200]}")
            continue
        if closeness >= _CLOSE_ENOUGH:
            reasons.append(f"{precision}: the samples' vectors keep a cosine of {closeness:.6f} to float32.")
            return engine, tuple(reasons)
        reasons.append(f"Not {precision}: a sample's vector falls to a cosine of {closeness:.6f} to float32.")
    return exact, tuple(reasons)


def _lowest_cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """NaN where a vector is none, which is not close enough to anything."""
    import numpy as np

    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(np.min(np.einsum("ij,ij->i", left, right) / np.maximum(lengths, 1e-12)))


def _try_out(engine: Engine, recipe: Recipe, tokens: Tokens) -> None:
    """One run on one text: libraries that load and then fail, or give nonsense, are found here."""
    import numpy as np

    vectors = engine.run(tokens.of(SAMPLES[:1]).batch)
    if vectors.shape != (1, recipe.dimensions) or not np.isfinite(vectors).all():
        raise ConfigError(
            f"{engine.backend} in {engine.precision} gave vectors of shape {vectors.shape}, or not finite ones."
        )


def _torch(recipe: Recipe, precision: Precision, device: str, threads: int | None) -> Engine:
    from shared_core.local.engines import torch

    return torch.load(recipe, precision=precision, device=device, threads=threads)


def _openvino(recipe: Recipe, precision: Precision, _: str, threads: int | None) -> Engine:
    from shared_core.local.engines import openvino

    return openvino.load(recipe, precision=precision, threads=threads)


def _onnx(recipe: Recipe, precision: Precision, _: str, threads: int | None) -> Engine:
    from shared_core.local.engines import onnx

    return onnx.load(recipe, precision=precision, threads=threads)


_LOADERS: dict[Backend, Callable[[Recipe, Precision, str, int | None], Engine]] = {
    "torch": _torch,
    "openvino": _openvino,
    "onnx": _onnx,
}


def _by_reference(wish: Wish, device: str, reasons: Sequence[str]) -> Model:
    from shared_core.local.engines import reference

    if wish.backend in ("onnx", "openvino"):
        raise ConfigError(
            f"backend={wish.backend!r} cannot run {str(wish.folder)!r}: {' '.join(reasons)}",
            hint='Take backend="auto": sentence-transformers runs this model.',
        )
    return reference.load(
        wish.folder,
        precision="float32" if wish.precision == "auto" else wish.precision,
        device=device,
        threads=wish.threads,
        trusted=wish.trusted,
        max_tokens=wish.max_tokens,
        normalised=not wish.raw,
        reasons=[*reasons, "sentence-transformers itself does the work."],
    )
