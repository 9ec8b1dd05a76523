"""A picture model to try things with: CLIP's shape at a hundredth of its size, with random weights.

Lives here: making its folder. Its vectors of words mean nothing; pictures that are alike still have vectors that
are alike. Not here: a model that understands anything; that is half a gigabyte and comes from the Hub.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["write_clip"]

_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
_MOST_TOKENS = 77  # as CLIP's own
_SIDE = 32  # pixels


def write_clip(folder: Path) -> str:
    """Writes the model; the same weights each time.

    Args:
        folder: Where to; made if need be.

    Returns:
        The folder's name, to be given to `LocalEmbedder`.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    tokenizer = _tokenizer()
    layers = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in _SPECIAL.items()}
    words = {**layers, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": _MOST_TOKENS}
    del words["unk_token_id"]
    pixels = {**layers, "image_size": _SIDE, "patch_size": 8}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        clip = CLIPModel(CLIPConfig(text_config=words, vision_config=pixels, projection_dim=48))
    bare = folder / "transformers"
    clip.save_pretrained(bare)
    square = {"height": _SIDE, "width": _SIDE}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": _SIDE}, crop_size=square)  # without torchvision
    CLIPProcessor(pictures, tokenizer).save_pretrained(bare)
    modules = [Transformer(str(bare), max_seq_length=_MOST_TOKENS)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return str(folder)


def _tokenizer() -> Any:
    """One token a byte: enough where no word means anything."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokens = [*_SPECIAL.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    bytes_alone = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=_SPECIAL["unk_token"]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    ends = [(name, vocabulary[name]) for name in (_SPECIAL["bos_token"], _SPECIAL["eos_token"])]
    bytes_alone.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=bytes_alone, model_max_length=_MOST_TOKENS, **_SPECIAL)
