"""Tiny sentence-transformers folders with random weights, one for each shape that an encoder is written for.

Lives here: tokenizers spelled out in code, weights drawn so that vectors of different texts point in clearly
different directions, the modules of the models they are named after. Their vectors mean nothing; what counts
is that two ways of computing them agree. The same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers import models as token_models
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
    XLMRobertaConfig,
)

CORPUS = (
    "The price of bread in Paris rose by a tenth in three years, and nobody was surprised.",
    "A cat sat on the mat; a kitten slept under the table while it rained outside.",
    "Searching is what queries are for, documents are what is searched: query, passage, represent.",
    "Größe, façade, naïve, Привет мир, 東京の天気, ελληνικά, 😀 0123456789 !?.,;:()[]{}<>-+*/=%&@#",
)

TEXTS = (
    "a cat",
    "A much longer sentence about the price of bread in Paris, and why nobody was surprised by it.",
    "",
    "Größe 東京 😀 naïve façade",
    "x",
    "the kitten slept " * 25,
    "every token sees every other, unless a window or an order forbids it; " * 12,
)
"""Short, long, empty, of many scripts; the last two reach beyond windows, the last beyond most limits."""

WIDTH, HEADS, INNER, LAYERS = 64, 4, 96, 3
ROOM = 200
"""Tokens a text may have: beyond MPNet's 128 and every window below."""


@dataclass(frozen=True)
class Words:
    """A tokenizer: its kind, and its special tokens by the names transformers has for them."""

    kind: str
    special: Mapping[str, str]
    template: str


BERT_WORDS = Words(
    "wordpiece",
    {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    "[CLS] $A [SEP]",
)
ROBERTA_WORDS = Words(
    "bytes", {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}, "<s> $A </s>"
)
XLM_WORDS = Words(
    "unigram", {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}, "<s> $A </s>"
)
MPNET_WORDS = Words(
    "wordpiece",
    {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "[UNK]", "mask": "<mask>"},
    "<s> $A </s>",
)
QWEN_WORDS = Words("bytes", {"pad": "<|endoftext|>", "eos": "<|im_end|>"}, "$A <|endoftext|>")


@dataclass(frozen=True)
class Shape:
    """One tiny model: architecture, tokenizer, and what stands around the encoder."""

    config: Callable[[Mapping[str, int]], PretrainedConfig]
    words: Words
    pooling: str = "mean"
    dense: tuple[tuple[int, Any], ...] = ()
    normalise: bool = True
    prompts: Mapping[str, str] = field(default_factory=dict)


SIZES = {"num_hidden_layers": LAYERS, "hidden_size": WIDTH, "num_attention_heads": HEADS}
ROBERTA_PLACES = {"max_position_embeddings": ROOM + 2, "layer_norm_eps": 1e-5}
GROUPED = {**SIZES, "intermediate_size": INNER, "num_key_value_heads": 2, "max_position_embeddings": ROOM}


def bert(ids: Mapping[str, int], **more: Any) -> PretrainedConfig:
    return BertConfig(**SIZES, **ids, intermediate_size=INNER, max_position_embeddings=ROOM, **more)


def like_roberta(config: type[PretrainedConfig]) -> Callable[[Mapping[str, int]], PretrainedConfig]:
    return lambda ids: config(**SIZES, **ids, **ROBERTA_PLACES, intermediate_size=INNER)


def distilbert(ids: Mapping[str, int]) -> PretrainedConfig:
    return DistilBertConfig(
        **ids, dim=WIDTH, n_heads=HEADS, n_layers=LAYERS, hidden_dim=INNER, max_position_embeddings=ROOM
    )


def modernbert(ids: Mapping[str, int]) -> PretrainedConfig:
    """Four layers: full, sliding, sliding, full; a window of 8 to each side."""
    sizes = {**SIZES, "num_hidden_layers": 4}
    others = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)
    return ModernBertConfig(
        **sizes, **ids, **others, intermediate_size=INNER, max_position_embeddings=ROOM, local_attention=16
    )


SHAPES: dict[str, Shape] = {
    "bge": Shape(bert, BERT_WORDS, "cls", prompts={"query": "Represent this: ", "document": ""}),
    "e5": Shape(bert, BERT_WORDS, prompts={"query": "query: ", "document": "passage: "}),
    "bert with dense layers": Shape(
        lambda ids: bert(ids, hidden_act="gelu_new"),
        BERT_WORDS,
        "max",
        dense=((48, torch.nn.Tanh()), (32, torch.nn.Identity())),
    ),
    "mpnet": Shape(
        lambda ids: MPNetConfig(**SIZES, **ids, **ROBERTA_PLACES, intermediate_size=INNER), MPNET_WORDS
    ),
    "xlm-roberta": Shape(like_roberta(XLMRobertaConfig), XLM_WORDS, "cls"),
    "roberta": Shape(like_roberta(RobertaConfig), ROBERTA_WORDS, normalise=False),
    "camembert": Shape(like_roberta(CamembertConfig), XLM_WORDS),
    "distilbert": Shape(distilbert, BERT_WORDS, normalise=False),
    "modernbert": Shape(modernbert, BERT_WORDS, "cls", prompts={"query": "search_query: "}),
    "qwen3": Shape(
        lambda ids: Qwen3Config(**GROUPED, **ids, head_dim=32, rope_parameters={"rope_theta": 1e6}),
        QWEN_WORDS,
        "last",
        prompts={"query": "Instruct: search\nQuery:", "document": ""},
    ),
    "qwen2": Shape(lambda ids: Qwen2Config(**GROUPED, **ids), QWEN_WORDS, "last"),
    "llama": Shape(lambda ids: LlamaConfig(**GROUPED, **ids, attention_bias=True), QWEN_WORDS),
    "mistral": Shape(lambda ids: MistralConfig(**GROUPED, **ids, sliding_window=12), QWEN_WORDS, "last"),
}


def write(name: str, folder: Path) -> Path:
    """Writes the tiny model of that shape into a folder, as sentence-transformers saves one.

    Example:
        >>> write("e5", Path("somewhere"))  # doctest: +SKIP
        PosixPath('somewhere')
    """
    shape = SHAPES[name]
    tokenizer = _tokenizer(shape.words)
    encoder = AutoModel.from_config(shape.config(_ids(tokenizer, shape.words)))
    _draw(encoder, seed=sorted(SHAPES).index(name))
    bare = folder / "bare"
    encoder.save_pretrained(bare)
    tokenizer.save_pretrained(bare)
    modules: list[torch.nn.Module] = [
        Transformer(str(bare), max_seq_length=ROOM),
        Pooling(WIDTH, pooling_mode={"last": "lasttoken"}.get(shape.pooling, shape.pooling)),
    ]
    width = WIDTH
    for outputs, activation in shape.dense:
        modules.append(Dense(width, outputs, activation_function=activation))
        _draw(modules[-1], seed=outputs)
        width = outputs
    if shape.normalise:
        modules.append(Normalize())
    model = SentenceTransformer(modules=modules, prompts=dict(shape.prompts) or None, device="cpu")
    whole = folder / "model"
    model.save(str(whole), create_model_card=False)
    return whole


def write_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """Writes a tiny BERT that reads pairs of texts and gives `labels` numbers for each."""
    tokenizer = _tokenizer(BERT_WORDS, pairs="[CLS] $A [SEP] $B:1 [SEP]:1")
    config = bert(_ids(tokenizer, BERT_WORDS), num_labels=labels)
    model = AutoModelForSequenceClassification.from_config(config)
    _draw(model, seed=labels)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(words: Words, pairs: str | None = None) -> PreTrainedTokenizerFast:
    special = list(words.special.values())
    tokenizer = _SPELLERS[words.kind](special, words.special.get("unk", ""))
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=words.template,
        pair=pairs,
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in special],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=ROOM,
        padding_side="right" if "cls" in words.special else "left",
        model_input_names=["input_ids", "attention_mask", *(["token_type_ids"] if pairs else [])],
        **{f"{name}_token": token for name, token in words.special.items()},
    )


LETTERS = sorted(set("".join(CORPUS)) - {" "})
COMMON = sorted({word for text in CORPUS for word in text.split() if word.isalpha()})


def _word_pieces(special: list[str], unknown: str) -> Tokenizer:
    letters = sorted({letter for text in CORPUS for letter in text.lower()} - {" "})
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *(w.lower() for w in COMMON)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(token_models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _byte_pairs(special: list[str], _: str) -> Tokenizer:
    merges = []
    for word in COMMON:
        spelled = f"\u0120{word}"  # the byte tokenizer's space
        if spelled[1:].isascii():
            merges += [(spelled[:end], spelled[end]) for end in range(1, len(spelled))]
    merges = list(dict.fromkeys(merges))
    pieces = [
        *special,
        *sorted(pre_tokenizers.ByteLevel.alphabet()),
        *(first + last for first, last in merges),
    ]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(token_models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _likely_pieces(special: list[str], unknown: str) -> Tokenizer:
    pieces = [*special, "\u2581", *LETTERS, *(f"\u2581{word}" for word in COMMON)]
    scored = [(piece, -1.0 - len(piece) ** -1) for piece in dict.fromkeys(pieces)]
    tokenizer = Tokenizer(token_models.Unigram(scored, unk_id=special.index(unknown)))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


_SPELLERS = {"wordpiece": _word_pieces, "bytes": _byte_pairs, "unigram": _likely_pieces}


def _ids(tokenizer: PreTrainedTokenizerFast, words: Words) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.convert_tokens_to_ids(words.special["pad"]),
    }


@torch.no_grad()
def _draw(module: torch.nn.Module, seed: int) -> None:
    """Draws every weight anew: transformers' own small ones would make all texts look alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "norm" in name.lower() and name.endswith("weight"):
            weight.copy_(1 + 0.2 * noise)
        elif weight.dim() == 1:
            weight.copy_(0.1 * noise)
        elif "embed" in name or "relative" in name:
            weight.copy_(noise)
        else:
            weight.copy_(1.5 * noise / weight.shape[1] ** 0.5)
