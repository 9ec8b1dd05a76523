"""A tiny chat model with random weights, and `transformers serve` to serve it: a server nobody here wrote.

Run as a script with a folder: it writes the model there, and becomes `transformers serve` on a free port of
loopback. The model says nothing sensible and never will; it needs no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_tiny_model(folder: Path) -> None:
    """Writes configuration, weights and tokenizer; the same bytes each time."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    # Letters of ASCII alone, so that every token is whole text; \u0120 is the byte tokenizer's space.
    letters = [*map(chr, range(33, 127)), "\u0120"]
    special = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=special[1:],
        chat_template=CHAT_TEMPLATE,
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        eos_token_id=0,
        bos_token_id=0,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def serve(folder: Path) -> None:
    """Becomes the command `transformers serve`."""
    from transformers.cli.transformers import main

    sys.argv = ["transformers", "serve", str(folder), "--device=cpu", "--host=127.0.0.1", "--port=0"]
    main()


if __name__ == "__main__":
    write_tiny_model(Path(sys.argv[1]))
    serve(Path(sys.argv[1]))
