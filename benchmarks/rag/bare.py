"""The least that a turn can cost: tokens and the model's forward pass, a matrix product, a bare POST.

Lives here: those three, with nothing around them. Not here: the turn (`turns`), clocks (`worker`).

The forward pass is run on the same engine as the contender's own, so that what is left of its turn is what its code
adds, and not what its engine gains.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def forward_of(engine: str, embeddings: Any, plain: str, questions: list[str]) -> Callable[[str], Any]:
    """The vector of a question by its tokens and one forward pass; inputs are laid out beforehand.

    Args:
        engine: "openvino" or "torch".
        embeddings: The contender's, whose compiled model is used where it has one.
        plain: The model's folder.
        questions: All that will be asked.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(plain) / "tokenizer.json"))
    tokenizer.no_padding()
    run = (_openvino if engine == "openvino" else _torch)(embeddings, plain, tokenizer, questions)

    def forward(question: str) -> Any:
        tokenizer.encode(question)
        return run(question)

    return forward


def _openvino(embeddings: Any, plain: str, tokenizer: Any, questions: list[str]) -> Callable[[str], Any]:  # noqa: ARG001
    import numpy as np
    from openvino import Tensor

    from shared_core.local.engines import TokenBatch
    from shared_core.local.engines.openvino_layout import arranged

    compiled = embeddings._embedder._ready(False).model._engine._compiled
    request = compiled.create_infer_request()
    inputs = {}
    for question in questions:
        ids = np.array(tokenizer.encode(question).ids, np.int32)
        inputs[question] = arranged(TokenBatch(ids, np.array([len(ids)], np.int32)))

    def run(question: str) -> Any:
        for place, array in enumerate(inputs[question]):
            request.set_input_tensor(place, Tensor(array, shared_memory=True))
        request.infer()
        return request.get_output_tensor(0).data[0]

    return run


def _torch(embeddings: Any, plain: str, tokenizer: Any, questions: list[str]) -> Callable[[str], Any]:  # noqa: ARG001
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(plain).eval()
    inputs = {}
    for question in questions:
        ids = torch.tensor([tokenizer.encode(question).ids])
        inputs[question] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def run(question: str) -> Any:
        with torch.inference_mode():
            states = model(**inputs[question]).last_hidden_state
            return torch.nn.functional.normalize(states.mean(1))[0].numpy()

    return run


class Post:
    """A chat request over one open connection, with the standard library alone."""

    def __init__(self, url: str, model: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        self._path, self._model = f"{parts.path}/chat/completions", model

    def reopened(self, prompt: str) -> None:
        """A new connection, used once: the server closes those that were idle while others had their turn."""
        self._connection.close()
        self(prompt)

    def __call__(self, prompt: str) -> str:
        body = {"model": self._model, "messages": [{"role": "user", "content": prompt}]}
        headers = {"content-type": "application/json", "authorization": "Bearer k"}
        self._connection.request("POST", self._path, json.dumps(body).encode(), headers)
        reply = json.loads(self._connection.getresponse().read())
        return str(reply["choices"][0]["message"]["content"])
