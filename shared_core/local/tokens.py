"""Texts to tokens, with the tokenizers library straight from tokenizer.json.

Lives here: one pass over the texts, the cut at the model's limit, who was cut. Not here: prompts (`embedder`),
batches (`batches`). The tokenizer is set up once and never changed again, so threads may share it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local.engines import TokenBatch
from shared_core.local.files import json_of
from shared_core.local.recipe import Recipe

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Tokenised", "Tokens"]

# Its class in transformers rebuilds the normaliser from these settings of tokenizer_config.json, so that
# they win over tokenizer.json where the two disagree. (transformers 5.23, tokenization_bert.py)
_BERT_SETTINGS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


@dataclass(frozen=True, slots=True)
class Tokenised:
    """What texts became.

    Args:
        batch: All their tokens, packed, in the order of the texts.
        cut: Positions of the texts that were cut.
    """

    batch: TokenBatch
    cut: tuple[int, ...]


class Tokens:
    """A model's tokenizer.

    Args:
        recipe: Names the folder, the limit and the lower-casing.
        max_tokens: A lower limit than the recipe's; special tokens count. None for the recipe's own.

    Raises:
        ImportError: tokenizers is not installed.
        ConfigError: tokenizer.json is damaged, or the limit leaves no room beside the special tokens.

    Example:
        >>> Tokens(recipe).of(["a cat"]).batch.ids  # doctest: +SKIP
        array([ 101, 1037, 4937,  102], dtype=int32)
    """

    __slots__ = ("_all", "_empty", "limit")

    def __init__(self, recipe: Recipe, max_tokens: int | None = None) -> None:
        self.limit = recipe.max_tokens if max_tokens is None else min(max_tokens, recipe.max_tokens)
        folder = recipe.folder / recipe.encoder_folder
        settings = json_of(folder / "tokenizer_config.json", missing={})
        tokenizer = _opened(recipe)
        special = tokenizer.num_special_tokens_to_add(is_pair=False)
        if self.limit <= special:
            raise ConfigError(
                f"max_tokens={self.limit} leaves no room for text: the model adds {special} special tokens."
            )
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.limit, direction=settings.get("truncation_side", "right"))
        _follow_settings(tokenizer, settings, lower_case=recipe.lower_case)
        # Since 0.20 there is a variant that does not compute where in the text each token was.
        self._all: Any = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        # A tokenizer without special tokens makes nothing of "", and engines need one token at least.
        self._empty = [int(recipe.config.get("pad_token_id") or 0)]

    def of(self, texts: Sequence[str]) -> Tokenised:
        """The tokens of texts, special tokens included.

        Args:
            texts: At least one.

        Raises:
            TypeError: A text is no string, or has a lone surrogate.
        """
        import numpy as np

        encodings = self._all(texts)
        ids = [encoding.ids or self._empty for encoding in encodings]
        lengths = np.fromiter(map(len, ids), np.int32, len(ids))
        packed = np.fromiter(chain.from_iterable(ids), np.int32, int(lengths.sum()))
        full = np.flatnonzero(lengths == self.limit)
        cut = tuple(place for place in full.tolist() if encodings[place].overflowing)
        return Tokenised(TokenBatch(packed, lengths), cut)


def _opened(recipe: Recipe) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ImportError(
            'Embedding on this machine needs tokenizers: run `pip install "hfrouter[openvino]"` '
            "(fastest on CPUs; or the extra onnx, or local for torch)."
        ) from error
    file = recipe.folder / recipe.encoder_folder / "tokenizer.json"
    try:
        text = file.read_text(encoding="utf-8")
        return Tokenizer.from_str(text)
    except FileNotFoundError as error:
        raise ConfigError(f"The model's file {file} is missing.") from error
    except Exception as error:  # the Rust library raises bare Exceptions for damaged files
        raise ConfigError(
            f"The tokenizer {file} cannot be read: {str(error)[:200]}", hint="Download the model again."
        ) from error


def _follow_settings(tokenizer: Tokenizer, settings: dict[str, Any], *, lower_case: bool) -> None:
    from tokenizers import normalizers

    rules = tokenizer.normalizer
    if isinstance(rules, normalizers.BertNormalizer):
        wanted = {ours: settings[name] for name, ours in _BERT_SETTINGS.items() if name in settings}
        stored = {key: value for key, value in json.loads(rules.__getstate__()).items() if key != "type"}
        if {**stored, **wanted} != stored:
            tokenizer.normalizer = normalizers.BertNormalizer(**{**stored, **wanted})
    if lower_case:  # sentence-transformers puts it before the tokenizer's own rules
        first = normalizers.Lowercase()
        own = tokenizer.normalizer
        tokenizer.normalizer = normalizers.Sequence([first] if own is None else [first, own])
