"""Tiny models with random weights: a CLIP-like one, and a cross-encoder. Their numbers mean nothing.

Loaded within tests only: it imports torch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
)

__all__ = ["clip", "cross_encoder"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WORDS = [
    "a",
    "bread",
    "cat",
    "cats",
    "do",
    "food",
    "green",
    "is",
    "mats",
    "on",
    "picture",
    "red",
    "sit",
    "where",
]
_SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_ROOM = 40


def _tokenizer() -> PreTrainedTokenizerFast:
    ids = {word: place for place, word in enumerate((*_SPECIAL, *_WORDS))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=_ROOM,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def cross_encoder(folder: Path) -> Path:
    """Writes a BERT that reads pairs of texts and gives one number for each."""
    tokenizer = _tokenizer()
    torch.manual_seed(7)
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=_ROOM, num_labels=1, **_SMALL)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.2)  # so that different texts differ clearly
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    """Writes a CLIP model for pictures of 16 x 16 pixels, as sentence-transformers saves one."""
    tokenizer = _tokenizer()
    torch.manual_seed(7)
    text = {
        **_SMALL,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "max_position_embeddings": _ROOM,
    }
    vision = {**_SMALL, "image_size": 16, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    model.save_pretrained(folder / "bare")
    pictures = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    CLIPProcessor(pictures, tokenizer).save_pretrained(folder / "bare")
    whole = SentenceTransformer(
        modules=[Transformer(str(folder / "bare"), max_seq_length=_ROOM)], device="cpu"
    )
    whole.save(str(folder / "model"), create_model_card=False)
    return folder / "model"
