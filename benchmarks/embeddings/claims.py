"""What must hold of embeddings: the promises, as a table.

Lives here: which figure of ours is held against which of a peer, the limit and the aim.
Not here: how a verdict is reached (`report`).
"""

from __future__ import annotations

from dataclasses import dataclass

from contenders import CONTENDERS, LANGCHAIN, LLAMA_INDEX, ST, ST_OPENVINO, Contender

__all__ = ["CLAIMS", "Claim"]


@dataclass(frozen=True)
class Claim:
    """One row: the best of `ours` against the best of `peers`, as a ratio.

    Args:
        label: How the table calls it.
        measure: Key of `measures.MEASURES`, or "ready".
        value: The number compared.
        ours: Contenders of ours, the best of which counts.
        peers: Contenders of others, the best of which counts.
        must: The ratio that must be reached: at least for rates, at most for times.
        aim: The ratio aimed at.
        least_cosine: Ours count only where their vectors are this close to float32 sentence-transformers.
        quantile: Which cosine that is: the smallest (0), or the 1st percentile (0.01).
    """

    label: str
    measure: str
    value: str
    ours: tuple[str, ...]
    peers: tuple[str, ...]
    must: float
    aim: float | None = None
    least_cosine: float = 0.9999
    quantile: float = 0.0

    @property
    def more_is_better(self) -> bool:
        return self.value == "per_second"


def _names(prefix: str, *precisions: str) -> tuple[str, ...]:
    def fits(contender: Contender) -> bool:
        return contender.name.startswith(f"{prefix}, ") and contender.precision in precisions

    return tuple(contender.name for contender in CONTENDERS if contender.group == "ours" and fits(contender))


_CORE, _LC, _LI = "LocalEmbedder", "HFLocalEmbeddings", "HFLocalEmbedding"
_GRAPHS = ("LocalEmbedder, onnx, float32", "LocalEmbedder, openvino, float32")
_FRAMEWORKS = ((_CORE, ST), (_LC, LANGCHAIN), (_LI, LLAMA_INDEX))

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(f"mixed, float32 / {peer}", "mixed", "per_second", _names(ours, "float32"), (peer,), must, aim)
        for (ours, peer), (must, aim) in zip(_FRAMEWORKS, ((3.2, 3.5), (3.0, 3.3), (4.0, 4.6)), strict=True)
    ),
    *(
        Claim(
            f"mixed, bfloat16 / {peer}", "mixed", "per_second", _names(ours, "bfloat16"), (peer,), must, aim
        )
        for (ours, peer), (must, aim) in zip(_FRAMEWORKS, ((4.8, 6.0), (4.5, 5.5), (6.0, 7.5)), strict=True)
    ),
    Claim(
        "mixed, our best / the best of OpenVINO in sentence-transformers, fastembed, light-embed",
        "mixed",
        "per_second",
        _names(_CORE, "float32", "bfloat16"),
        (ST_OPENVINO, "fastembed", "light-embed"),
        1.15,
        1.4,
    ),
    Claim(f"mixed, int8 / {ST}", "mixed", "per_second", _names(_CORE, "int8"), (ST,), 6.0, 8.0, 0.985, 0.01),
    *(
        Claim(f"one query, {precision} / {ST}", "query", "p50", _names(_CORE, precision), (ST,), 0.30, 0.20)
        for precision in ("float32", "bfloat16")
    ),
    Claim(f"one query, int8 / {ST}", "query", "p50", _names(_CORE, "int8"), (ST,), 0.25, 0.12, 0.985, 0.01),
    *(
        Claim(
            f"64 queries at once, {precision} / {LANGCHAIN}",
            "crowd",
            "per_second",
            _names(_LC, precision),
            (LANGCHAIN,),
            6.0,
            10.0,
        )
        for precision in ("float32", "bfloat16")
    ),
    Claim(f"ready, torch / {ST}", "ready", "seconds", ("LocalEmbedder, torch, float32",), (ST,), 0.30),
    *(
        Claim(f"ready, {name.split(', ')[1]} / {ST}", "ready", "seconds", (name,), (ST,), 0.10)
        for name in _GRAPHS
    ),
    *(
        Claim(f"memory, {name.split(', ')[1]} / {ST}", "ready", "rss", (name,), (ST,), 0.80)
        for name in ("LocalEmbedder, torch, float32", *_GRAPHS)
    ),
    Claim(
        "1,000 cache hits to lists / CacheBackedEmbeddings",
        "hits",
        "seconds",
        ("HFLocalEmbeddings, cache",),
        ("CacheBackedEmbeddings, LocalFileStore",),
        0.12,
        0.06,
    ),
    Claim(
        "10,000 texts remotely / the best peer",
        "remote",
        "seconds",
        ("HFRouterEmbeddings",),
        ("OpenAIEmbeddings", "HuggingFaceEndpointEmbeddings, 64 a call by hand"),
        0.5,
        0.25,
    ),
)
