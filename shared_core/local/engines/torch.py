"""The torch engine: encoders computed at once, batch by batch, on packed tokens. CPUs and NVIDIA's GPUs.

Lives here: what can be asked of it, and what is decided at load. Not here: the arithmetic (`torch_ops` and
its neighbours). It imports torch and safetensors alone: sentence-transformers takes seconds that no encoder
written here needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared_core.errors import ConfigError
from shared_core.local import machine
from shared_core.local.engines import Engine, Precision, TokenBatch
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

if TYPE_CHECKING:
    import torch

__all__ = ["load"]

_FAST_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def load(recipe: Recipe, *, precision: Precision, device: str, threads: int | None) -> Engine:
    """A model, ready on one device.

    Args:
        recipe: What its folder says.
        precision: Of the arithmetic. "float16" is for GPUs; "int8" is not offered.
        device: "cpu", "cuda" or such as "cuda:1".
        threads: Of torch on the CPU: a setting of the whole process, which other users of torch see. None
            leaves torch's own, as many as there are cores.

    Raises:
        ImportError: torch is not installed.
        ConfigError: The device or the precision is not to be had, or the weights do not fit config.json.

    Example:
        >>> engine = load(recipe, precision="float32", device="cpu", threads=None)  # doctest: +SKIP
        >>> engine.run(batch).shape  # doctest: +SKIP
        (2, 384)
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError('backend="torch" needs torch: run `pip install "hfrouter[local]"`.') from error
    if precision == "int8":
        raise ConfigError(
            'precision="int8" is not offered on torch: its dynamic int8 gives vectors that change with the '
            "texts beside them in a batch.",
            hint='Use backend="openvino" or backend="onnx" for int8.',
        )
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"device={device!r} is no device of torch.", hint='Use "cpu" or "cuda".') from error
    engine: Engine
    if place.type == "cpu":
        engine = _on_cpu(recipe, precision, threads)
    elif place.type == "cuda":
        engine = _on_cuda(recipe, precision, place)
    else:
        raise ConfigError(f"The torch engine runs on CPUs and CUDA, not on {device!r}.", hint='Use "cpu".')
    return _tried(engine, recipe)


def _on_cpu(recipe: Recipe, precision: Precision, threads: int | None) -> Engine:
    import torch

    from shared_core.local.engines.torch_cpu import CpuEngine
    from shared_core.local.engines.torch_linear import cpu_linear
    from shared_core.local.engines.torch_stock import Stock

    if precision == "float16":
        raise ConfigError(
            'precision="float16" is slow on CPUs.', hint='Use "bfloat16" for speed, or a GPU (device="cuda").'
        )
    reasons = []
    if threads is not None:
        if threads < 1:
            raise ConfigError(f"threads={threads!r} is not a number of threads.", hint="Use at least 1.")
        torch.set_num_threads(threads)
        reasons.append(f"torch was set to {threads} threads, in the whole process.")
    dtype = torch.float32
    if precision == "bfloat16":
        dtype = torch.bfloat16
        if not machine.look().abilities & _FAST_BFLOAT16:
            reasons.append("bfloat16 is slow here: the processor has neither AVX512-BF16 nor AMX.")
    make_linear, reason = cpu_linear(dtype)
    stock = Stock(Weights(recipe), dtype, torch.device("cpu"), make_linear)
    return CpuEngine(recipe, stock, precision, (*reasons, reason))


def _on_cuda(recipe: Recipe, precision: Precision, device: torch.device) -> Engine:
    import torch

    from shared_core.local.engines.torch_cuda import CudaEngine

    if not torch.cuda.is_available():
        raise ConfigError(
            f"torch {torch.__version__} sees no CUDA device.",
            hint='Use device="cpu", or install a build of torch for this machine\'s GPU.',
        )
    count = torch.cuda.device_count()
    number = torch.cuda.current_device() if device.index is None else device.index
    if number >= count:
        raise ConfigError(f"There is no device 'cuda:{number}': torch sees {count}.", hint='Use "cuda:0".')
    if precision == "bfloat16" and torch.cuda.get_device_capability(number) < (8, 0):
        raise ConfigError(
            f"The GPU {torch.cuda.get_device_name(number)} does not compute in bfloat16.",
            hint='Use precision="float16".',
        )
    return CudaEngine.load(recipe, precision, torch.device("cuda", number))


def _tried(engine: Engine, recipe: Recipe) -> Engine:
    """The engine after a first small batch, which makes all weights ready and finds those that do not fit."""
    batch = TokenBatch(np.zeros(3, np.int32), np.array([2, 1], np.int32))
    try:
        engine.run(batch)
    except (RuntimeError, IndexError) as error:
        raise ConfigError(
            f"The weights in {recipe.folder} do not fit its config.json: {str(error).splitlines()[0][:200]}",
            hint="One of the two belongs to another model. Download the model again.",
        ) from error
    return engine
