"""What was loaded, where it runs and why, for people and for logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared_core.local.arguments import Arguments
from shared_core.local.engines import Backend, Precision
from shared_core.local.model import Model
from shared_core.local.recipe import Recipe
from shared_core.local.source import Source

__all__ = ["Description", "described"]


@dataclass(frozen=True)
class Description:
    """What an embedder does with texts on this machine.

    Args:
        model: Folder or Hub id.
        revision: Commit of a Hub model; "" for a folder of the user's own.
        backend: Who computes.
        precision: In which arithmetic.
        device: Where.
        dimensions: Length of the vectors it gives.
        max_tokens: Texts are cut there; None where the model does not say.
        threads: Of the engine; None where it decides.
        pooling: How token vectors become one; "" where sentence-transformers knows alone.
        prompts: What is put before queries and before documents; the reasons tell where nobody named it.
        reasons: Why so, a sentence each.

    Example:
        >>> print(LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2").describe())  # doctest: +SKIP
        sentence-transformers/all-MiniLM-L6-v2: openvino, float32, on cpu
          384 dimensions, mean pooling, 256 tokens at most
          - The machine has 2 cores, AMD x86_64 with avx512_bf16, avx512_vnni, and no GPU.
    """

    model: str
    revision: str
    backend: Backend
    precision: Precision
    device: str
    dimensions: int
    max_tokens: int | None
    threads: int | None
    pooling: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        facts = [f"{self.dimensions} dimensions"]
        if self.pooling:
            facts.append(f"{self.pooling} pooling")
        if self.max_tokens is not None:
            facts.append(f"{self.max_tokens} tokens at most")
        if self.threads is not None:
            facts.append(f"{self.threads} threads")
        name = f"{self.model} at {self.revision[:12]}" if self.revision else self.model
        lines = [f"{name}: {self.backend}, {self.precision}, on {self.device}", f"  {', '.join(facts)}"]
        lines += [f"  {kind} prompt: {prompt!r}" for kind, prompt in self.prompts.items() if prompt]
        return "\n".join([*lines, *(f"  - {reason}" for reason in self.reasons)])


def described(arguments: Arguments, source: Source, model: Model) -> Description:
    """A loaded embedder's description.

    Args:
        arguments: What the user gave.
        source: What the files say.
        model: What was loaded.
    """
    facts = source.facts
    return Description(
        model=arguments.model,
        revision=source.revision,
        backend=model.backend,
        precision=model.precision,
        device=model.device,
        dimensions=min(arguments.dimensions or model.dimensions, model.dimensions),
        max_tokens=model.max_tokens,
        threads=arguments.intra_op_threads,
        pooling=facts.pooling if isinstance(facts, Recipe) else "",
        prompts={str(kind): prompt for kind, prompt in source.prompts.items()},
        reasons=(*model.reasons, *source.notes, *filter(None, source.unasked.values())),
    )
