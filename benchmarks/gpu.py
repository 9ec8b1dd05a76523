"""Embeddings on a GPU: `LocalEmbedder` beside sentence-transformers, in one process, taking turns.

    PYTHONPATH=. python benchmarks/gpu.py FOLDER_OF_A_MODEL          a table in Markdown, in under six minutes
    PYTHONPATH=. python benchmarks/gpu.py FOLDER --device cpu --small   the same script, on a small scale

Needs torch, numpy, safetensors, tokenizers, transformers and sentence-transformers; no network, and hfrouter
need not be installed. Beside the model given, a BERT of bge-base's size with random weights is measured: its
vectors mean nothing, its speed does.

Contenders get lists of strings and give one array. sentence-transformers runs at the best of its batch sizes
(32, its default, 256 and 1024), found on a part of the corpus; `LocalEmbedder` at its own.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch
from numpy.typing import NDArray

from shared_core.local import LocalEmbedder
from shared_core.local.engines import Precision
from shared_core.local.folder import read
from shared_core.local.recipe import Recipe
from shared_core.local.tokens import Tokens

__all__ = ["main"]

Array = NDArray[np.float32]
Embed = Callable[[list[str]], Array]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
BATCH_SIZES = (32, 256, 1024)
COLUMNS = (
    "",
    "precision",
    "mixed, texts/s",
    "x ST at 32",
    "x ST at its best",
    "of the peak",
    "short, texts/s",
    "x ST at its best",
    "min cosine to float32",
    "activations, MiB",
)


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        mixed, short: Texts of the corpora.
        compared: Texts whose vectors are compared with float32 sentence-transformers.
        part: Texts that find the best batch size.
        rounds: In each of which every contender has its turn.
        seconds: After which no round is begun.
        matrix: Rows of the matrices whose product shows the peak.
    """

    mixed: int = 49_152
    short: int = 16_384
    compared: int = 2_000
    part: int = 4_096
    rounds: int = 3
    seconds: float = 40
    matrix: int = 8_192


SMALL = Scale(mixed=60, short=60, compared=40, part=20, rounds=2, seconds=20, matrix=1024)


@dataclass
class Contender:
    """One way of embedding, and what was measured of it."""

    name: str
    precision: str
    embed: Embed
    seconds: dict[str, list[float]]
    closeness: float = float("nan")
    memory: float = float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of a sentence-transformers model")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a few texts, to try the script")
    parser.add_argument("--precisions", default=None, help="such as float16,bfloat16; by default all")
    arguments = parser.parse_args()
    scale = SMALL if arguments.small else Scale()
    on_gpu = arguments.device.startswith("cuda")
    names = tuple(DTYPES) if on_gpu else ("float32", "bfloat16")
    precisions = tuple(arguments.precisions.split(",")) if arguments.precisions else names

    peaks = {name: peak(DTYPES[name], arguments.device, scale.matrix) for name in precisions}
    where = torch.cuda.get_device_name() if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, Python {sys.version.split()[0]}\n")
    measured = ", ".join(f"{name} {value / 1e12:.1f}" for name, value in peaks.items())
    print(f"Measured peak of matrix products, TFLOP/s: {measured}\n")
    with tempfile.TemporaryDirectory() as folder:
        models = {arguments.model.name if arguments.model.name != "model" else "MiniLM": arguments.model}
        models["bge-base's size, random"] = write_base(Path(folder), arguments.model)
        for name, path in models.items():
            compare(name, path, arguments.device, precisions, peaks, scale)
            # The larger model costs eight times as much a token.
            scale = replace(scale, mixed=scale.mixed // 3, short=scale.short // 2)


def compare(
    name: str, folder: Path, device: str, precisions: tuple[str, ...], peaks: dict[str, float], scale: Scale
) -> None:
    """One model: measure all contenders in turns, print a table."""
    recipe = read(folder)
    if not isinstance(recipe, Recipe):
        raise SystemExit(f"{folder}: {recipe}")
    corpora = {"mixed": mixed(scale.mixed), "short": short(scale.short)}
    contenders: list[Contender] = []
    for precision in precisions:
        contenders += of_one_precision(folder, device, precision, corpora["mixed"], scale)
    # Some of the texts, spread over the corpus so that all lengths are among them.
    some = corpora["mixed"][:: max(1, scale.mixed // scale.compared)]
    exact = contenders[0].embed(some)
    for contender in contenders:
        contender.closeness = float((unit(contender.embed(some)) * unit(exact)).sum(axis=1).min())
        memory_of(contender, some * 3, device)
    began = time.perf_counter()
    for turn in range(scale.rounds):
        if turn and time.perf_counter() - began > scale.seconds:
            break
        # Another one first each time.
        for contender in contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)]:
            for corpus, texts in corpora.items():
                contender.seconds.setdefault(corpus, []).append(seconds_for(contender.embed, texts))
    show(name, recipe, corpora, contenders, peaks)


def of_one_precision(
    folder: Path, device: str, precision: str, texts: list[str], scale: Scale
) -> Iterator[Contender]:
    """sentence-transformers at its default and its best batch size, and ours."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=device)
    if precision != "float32":
        model = model.to(DTYPES[precision])
    part = texts[:: max(1, len(texts) // scale.part)]

    def encode(size: int) -> Embed:
        return lambda some: np.asarray(
            model.encode(some, batch_size=size, show_progress_bar=False), np.float32
        )

    encode(32)(part[:64])  # whatever is made at the first call
    timed = {size: seconds_for(encode(size), part) for size in BATCH_SIZES}
    best = min(timed, key=lambda size: timed[size])
    for size in sorted({32, best}):
        yield Contender(f"sentence-transformers, batch {size}", precision, encode(size), {})

    asked: Precision = precision  # type: ignore[assignment]
    ours = LocalEmbedder(str(folder), device, asked, "torch")
    print(f"<!-- {' '.join(ours.describe().reasons)} -->")
    yield Contender("LocalEmbedder", precision, lambda some: ours.embed(some).vectors, {})


def seconds_for(embed: Embed, texts: list[str]) -> float:
    """Wall time; the answer is an array in the computer's memory, so the GPU has finished."""
    began = time.perf_counter()
    found = embed(texts)
    taken = time.perf_counter() - began
    assert len(found) == len(texts)
    return taken


def memory_of(contender: Contender, texts: list[str], device: str) -> None:
    """What the contender's tensors take at their most, MiB, beyond what lay there before."""
    if not device.startswith("cuda"):
        return
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    contender.embed(texts)
    contender.memory = (torch.cuda.max_memory_allocated() - before) / 2**20


def peak(dtype: torch.dtype, device: str, rows: int) -> float:
    """FLOP/s of a large product: the best of twenty."""
    left, right = (torch.randn(rows, rows, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        wait(device)
        began = time.perf_counter()
        left @ right
        wait(device)
        best = min(best, time.perf_counter() - began)
    return float(2 * rows**3 / best)


def wait(device: str) -> None:
    """Until the device has done all it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def show(
    name: str,
    recipe: Recipe,
    corpora: dict[str, list[str]],
    contenders: list[Contender],
    peaks: dict[str, float],
) -> None:
    """A table in Markdown: texts a second, and against sentence-transformers at 32 and at its best."""
    tokens = Tokens(recipe)
    lengths = {corpus: tokens.of(texts).batch.lengths for corpus, texts in corpora.items()}
    print(f"\n### {name}\n")
    for corpus, counts in lengths.items():
        print(
            f"{corpus}: {len(counts):,} texts of {counts.min()}-{counts.max()} tokens, {counts.mean():.0f} on average. "
        )
    print(f"\n| {' | '.join(COLUMNS)} |\n|---|---|{'---:|' * (len(COLUMNS) - 2)}")
    work = operations(recipe, lengths["mixed"])
    for contender in contenders:
        rivals = [
            c for c in contenders if c.precision == contender.precision and c.name.startswith("sentence")
        ]
        taken = {corpus: statistics.median(times) for corpus, times in contender.seconds.items()}
        best = {corpus: min(statistics.median(c.seconds[corpus]) for c in rivals) for corpus in corpora}
        default = statistics.median(rivals[0].seconds["mixed"])
        print(
            f"| {contender.name} | {contender.precision} | {len(corpora['mixed']) / taken['mixed']:,.0f} "
            f"| {default / taken['mixed']:.2f} | {best['mixed'] / taken['mixed']:.2f} "
            f"| {work / taken['mixed'] / peaks[contender.precision]:.1%} "
            f"| {len(corpora['short']) / taken['short']:,.0f} | {best['short'] / taken['short']:.2f} "
            f"| {contender.closeness:.6f} | {contender.memory:,.0f} |"
        )


def operations(recipe: Recipe, lengths: NDArray[np.int32]) -> float:
    """Floating-point operations that a BERT needs for texts, padding not counted."""
    config = recipe.config
    width, inner = config["hidden_size"], config["intermediate_size"]
    counts = lengths.astype(np.float64)
    products = 2 * (4 * width**2 + 2 * width * inner) * counts.sum()
    return float(config["num_hidden_layers"] * (products + 4 * width * (counts**2).sum()))


def unit(vectors: Array) -> Array:
    """Each row at length 1."""
    lengths: Array = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def paragraphs() -> list[str]:
    """Of Python's own manual, which every Python has."""
    found = (
        " ".join(part.split()) for topic in sorted(topics) for part in re.split(r"\n\s*\n", topics[topic])
    )
    return [part for part in found if len(part) > 15]


def mixed(count: int) -> list[str]:
    """Paragraphs, again and again; each time around they begin elsewhere, so that no two are the same."""
    every = [part.split() for part in paragraphs()]
    texts = []
    for number in range(count):
        around, place = divmod(number, len(every))
        words = every[place]
        turn = around % len(words)
        texts.append(" ".join([*words[turn:], *words[:turn], *([str(around)] if around else [])]))
    return texts


def short(count: int) -> list[str]:
    """Ten to twenty words in a row, like questions to a search engine."""
    words = " ".join(paragraphs()).split()
    generator = np.random.default_rng(0)
    firsts = generator.integers(0, len(words) - 20, count)
    return [" ".join(words[first : first + 10 + number % 11]) for number, first in enumerate(firsts.tolist())]


def write_base(folder: Path, like: Path) -> Path:
    """A BERT of bge-base's size with random weights, and everything else as another model has it."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    shutil.copytree(like, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors", ".git*"))
    before = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = BertConfig(vocab_size=before["vocab_size"])  # its other defaults are BERT-base's
    BertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text(encoding="utf-8"))
    widths = {key: config.hidden_size for key in settings if key.endswith("embedding_dimension")}
    pooling.write_text(json.dumps(settings | widths), encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
