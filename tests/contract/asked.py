"""What both clients are asked for, task by task: bare, and with every parameter that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub.inference._common import MimeBytes

from shared_core.testing.studio.made import Order, make

__all__ = ["ASKED", "PROVIDER_IDS", "Case"]

# huggingface_hub tells the type of a file by its name, and of bytes only where they carry it; we look at the bytes.
PICTURE = MimeBytes(make(Order("text-to-image", "a red bicycle", 32, 32, form="PNG")).data, "image/png")
SOUND = MimeBytes(b"ID3\x03\x00\x00\x00\x00\x00\x00" + bytes(64), "audio/mpeg")
TABLE = {"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}
TEXT = "My name is Sarah and I live in [MASK]. Ünïcode: 東京"

PROVIDER_IDS: Mapping[str, tuple[str, ...]] = {
    "fal-ai": ("fal-ai/some/model",),
    "replicate": ("org/some-model", f"org/some-model:{'5599ed30' * 8}"),
    "wavespeed": ("wavespeed-ai/some-model/t2v",),
    "hf-inference": ("org/name",),
    "together": ("org/Some-Model-Turbo", "black-forest-labs/FLUX.1-kontext-pro"),
}
"""By provider: its own names for the model, of each form that its adapter tells apart."""

Ask = Callable[[Any], object]


@dataclass(frozen=True)
class Case:
    """One call.

    Args:
        method: Of huggingface_hub's client, and of ours where `ours` is empty.
        given: Positional arguments of both.
        options: Keyword arguments of both.
        ours: The name of our method.
        hubs: Keyword arguments that huggingface_hub's client is given besides, so that it sends what we send
            without being asked; each says why.
    """

    method: str
    given: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    ours: str = ""
    hubs: Mapping[str, Any] = field(default_factory=dict)

    def ask_hub(self, client: Any) -> object:
        return getattr(client, self.method)(*self.given, **self.options, **self.hubs)

    def ask_us(self, router: Any) -> object:
        return getattr(router, self.ours or self.method)(*self.given, **self.options)


def _both(method: str, given: tuple[Any, ...], options: Mapping[str, Any], **more: Any) -> tuple[Case, ...]:
    return Case(method, given, **more), Case(method, given, options, **more)


# huggingface_hub's client sends `multi_label: false` unasked; we send nothing that was not asked for.
_ALONE = {"multi_label": None}
# Without it TGI repeats the prompt, which huggingface_hub hands on and we do not.
_WITHOUT_PROMPT = {"return_full_text": False}

ASKED: Mapping[str, tuple[Case, ...]] = {
    "text-to-image": _both(
        "text_to_image",
        ("a red bicycle, ünïcode",),
        {
            "negative_prompt": "blue",
            "width": 512,
            "height": 256,
            "num_inference_steps": 4,
            "guidance_scale": 3.5,
            "seed": 7,
        },
    ),
    "image-to-image": _both(
        "image_to_image",
        (PICTURE,),
        {
            "prompt": "make it blue",
            "negative_prompt": "red",
            "num_inference_steps": 4,
            "guidance_scale": 3.5,
            "target_size": {"width": 64, "height": 32},
        },
    ),
    "text-to-video": _both(
        "text_to_video",
        ("a paper boat",),
        {"num_frames": 24, "num_inference_steps": 4, "guidance_scale": 3.5, "seed": 7},
    ),
    "image-to-video": _both(
        "image_to_video",
        (PICTURE,),
        {"prompt": "it sails", "num_frames": 24, "seed": 7, "target_size": {"width": 64, "height": 32}},
    ),
    "text-to-speech": (Case("text_to_speech", ("Hello world",)),),
    "automatic-speech-recognition": (Case("automatic_speech_recognition", (SOUND,), ours="transcribe"),),
    "image-segmentation": _both(
        "image_segmentation",
        (PICTURE,),
        {
            "threshold": 0.5,
            "mask_threshold": 0.25,
            "overlap_mask_area_threshold": 0.125,
            "subtask": "panoptic",
        },
    ),
    "text-generation": (
        Case("text_generation", (TEXT,), hubs=_WITHOUT_PROMPT),
        Case(
            "text_generation",
            (TEXT,),
            {
                "max_new_tokens": 7,
                "temperature": 0.5,
                "top_p": 0.75,
                "top_k": 3,
                "seed": 7,
                "stop": ["\n\n"],
                "repetition_penalty": 1.5,
                "frequency_penalty": 0.5,
            },
            hubs=_WITHOUT_PROMPT,
        ),
    ),
    "text-classification": _both(
        "text_classification", (TEXT,), {"top_k": 3, "function_to_apply": "sigmoid"}
    ),
    "zero-shot-classification": (
        Case("zero_shot_classification", (TEXT, ["a", "b"]), hubs=_ALONE),
        Case(
            "zero_shot_classification",
            (TEXT, ["a", "b"]),
            {"multi_label": True, "hypothesis_template": "It is {}."},
        ),
    ),
    "token-classification": _both(
        "token_classification",
        (TEXT,),
        {"aggregation_strategy": "max", "ignore_labels": ["O", "MISC"], "stride": 16},
    ),
    "audio-classification": _both(
        "audio_classification", (SOUND,), {"top_k": 3, "function_to_apply": "softmax"}
    ),
    "image-classification": _both(
        "image_classification", (PICTURE,), {"top_k": 3, "function_to_apply": "softmax"}
    ),
    "object-detection": _both("object_detection", (PICTURE,), {"threshold": 0.75}),
    "zero-shot-image-classification": _both(
        "zero_shot_image_classification", (PICTURE, ["cat", "dog"]), {"hypothesis_template": "a photo of {}"}
    ),
    "image-to-text": (Case("image_to_text", (PICTURE,)),),
    "visual-question-answering": _both("visual_question_answering", (PICTURE, "What is it?"), {"top_k": 3}),
    "document-question-answering": _both(
        "document_question_answering",
        (PICTURE, "What is the total?"),
        {
            "doc_stride": 16,
            "handle_impossible_answer": True,
            "lang": "en",
            "max_answer_len": 5,
            "max_question_len": 9,
            "max_seq_len": 64,
            "top_k": 2,
            "word_boxes": ["total", [0.0, 0.0, 1.0, 1.0]],
        },
    ),
    "question-answering": _both(
        "question_answering",
        ("Who?", "It was Ada."),
        {
            "align_to_words": False,
            "doc_stride": 16,
            "handle_impossible_answer": True,
            "max_answer_len": 5,
            "max_question_len": 9,
            "max_seq_len": 64,
            "top_k": 2,
        },
    ),
    "table-question-answering": _both(
        "table_question_answering",
        (TABLE, "How many stars?"),
        {"padding": "longest", "sequential": True, "truncation": True},
    ),
    "summarization": _both(
        "summarization",
        (TEXT,),
        {
            "clean_up_tokenization_spaces": True,
            "truncation": "only_first",
            "generate_parameters": {"max_length": 60},
        },
    ),
    "translation": _both(
        "translation",
        (TEXT,),
        {
            "src_lang": "en_XX",
            "tgt_lang": "fr_XX",
            "clean_up_tokenization_spaces": True,
            "truncation": "longest_first",
            "generate_parameters": {"max_length": 60},
        },
    ),
    "fill-mask": _both("fill_mask", (TEXT,), {"targets": ["Paris", "Rome"], "top_k": 2}),
    "sentence-similarity": (Case("sentence_similarity", ("a cat", ["a dog", "a car"])),),
    "audio-to-audio": (Case("audio_to_audio", (SOUND,)),),
    "tabular-classification": (Case("tabular_classification", (TABLE,)),),
}
"""By the Hub's name of a task."""
