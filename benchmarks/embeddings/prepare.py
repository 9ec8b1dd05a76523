"""The model folders that peers need: `prepare.py PLAIN TARGET`, in the environment of the OpenVINO peer.

Lives here: the OpenVINO export by sentence-transformers itself, and an ONNX export for fastembed and light-embed.
Nobody exports while measured: a user does it once.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel


class Encoder(torch.nn.Module):
    """The inputs and the output that fastembed and light-embed look for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.inner = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        # A mask of four dimensions passes as it is; transformers' own code for making one cannot be traced.
        hidden = (1 - mask[:, None, None, :]).float() * torch.finfo(torch.float32).min
        answer = self.inner(input_ids=ids, attention_mask=hidden, token_type_ids=types)
        states: torch.Tensor = answer.last_hidden_state
        return states


def to_onnx(plain: Path, target: Path) -> None:
    """`model.onnx` beside the tokenizer's files."""
    shutil.copytree(plain, target, ignore=shutil.ignore_patterns("*.safetensors"))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    sample = torch.ones((2, 8), dtype=torch.int64)
    free = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        Encoder(plain),
        (sample, sample, torch.zeros_like(sample)),
        str(target / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes=dict.fromkeys([*names, "last_hidden_state"], free),
        opset_version=17,
        dynamo=False,
    )


def to_openvino(plain: Path, target: Path) -> None:
    """What sentence-transformers would make at first use."""
    SentenceTransformer(str(plain), backend="openvino", model_kwargs={"export": True}).save_pretrained(
        str(target)
    )


if __name__ == "__main__":
    source, goal = Path(sys.argv[1]), Path(sys.argv[2])
    to_onnx(source, goal / "onnx")
    to_openvino(source, goal / "openvino")
