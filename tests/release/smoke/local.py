"""Vectors of one engine, which is given; of `auto` when none is."""

import json
import sys

from shared_core.local import LocalEmbedder

folder, *engine = sys.argv[1:]
embedder = LocalEmbedder(folder, backend=engine[0] if engine else "auto")
near, same, far = embedder.embed(
    ["A cat sat on the mat.", "A kitten sat on a mat.", "The price of bread."]
).vectors
print(
    json.dumps(
        {
            "engine": embedder.describe().backend,
            "near": float(near @ same),
            "far": float(near @ far),
            "torch": "torch" in sys.modules,
            "first": [round(float(number), 3) for number in near[:4]],
        }
    )
)
