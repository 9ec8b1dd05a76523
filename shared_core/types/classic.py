"""What may be asked of the classic tasks and of plain text generation: huggingface_hub's names, on `TaskOptions`.

None is never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from shared_core.types.jobs import JobReport
from shared_core.types.tasks import TaskOptions

__all__ = [
    "ClassifyOptions",
    "DetectOptions",
    "DocumentOptions",
    "EntityOptions",
    "FillOptions",
    "GenerationOptions",
    "MakeOptions",
    "PictureLabelOptions",
    "QuestionOptions",
    "SegmentOptions",
    "SightOptions",
    "TableOptions",
    "TranslateOptions",
    "ZeroShotOptions",
]

Truncation = Literal["do_not_truncate", "longest_first", "only_first", "only_second"]


class ClassifyOptions(TaskOptions, total=False):
    """Of `text_classification`, `image_classification` and `audio_classification`.

    Keys:
        top_k: How many classes to give, the likeliest first.
        function_to_apply: What makes scores of the model's numbers.
    """

    top_k: int | None
    function_to_apply: Literal["sigmoid", "softmax", "none"] | None


class ZeroShotOptions(TaskOptions, total=False):
    """Of `zero_shot_classification`.

    Keys:
        multi_label: Whether several labels may fit, so that each is scored by itself.
        hypothesis_template: A sentence with {} in the label's place, such as "This text is about {}."
    """

    multi_label: bool | None
    hypothesis_template: str | None


class PictureLabelOptions(TaskOptions, total=False):
    """Of `zero_shot_image_classification`.

    Keys:
        hypothesis_template: A sentence with {} in the label's place, such as "a photo of {}".
    """

    hypothesis_template: str | None


class EntityOptions(TaskOptions, total=False):
    """Of `token_classification`.

    Keys:
        aggregation_strategy: How tokens are put together to words and names; "none" gives tokens.
        ignore_labels: Classes to leave out.
        stride: Tokens that two pieces of a long text share.
    """

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None
    ignore_labels: Sequence[str] | None
    stride: int | None


class DetectOptions(TaskOptions, total=False):
    """Of `object_detection`.

    Keys:
        threshold: Score from which a thing counts, 0 to 1.
    """

    threshold: float | None


class SegmentOptions(TaskOptions, total=False):
    """Of `image_segmentation`.

    Keys:
        threshold: Score from which a part counts, 0 to 1.
        mask_threshold: Value from which a pixel belongs to the part, 0 to 1.
        overlap_mask_area_threshold: Share of a part from which it is not left out as a rest, 0 to 1.
        subtask: What kind of parts.
        on_progress: Told each time a provider with a queue says how far it is; True draws a line on the terminal.
        most_bytes: Size of a mask's file at most; default 512 MiB.
    """

    threshold: float | None
    mask_threshold: float | None
    overlap_mask_area_threshold: float | None
    subtask: Literal["instance", "panoptic", "semantic"] | None
    on_progress: Callable[[JobReport], object] | bool | None
    most_bytes: int


class SightOptions(TaskOptions, total=False):
    """Of `visual_question_answering`.

    Keys:
        top_k: How many answers to give, the likeliest first.
    """

    top_k: int | None


class _SpanOptions(TaskOptions, total=False):
    """Of questions about a text or a document.

    Keys:
        top_k: How many answers to give, the likeliest first.
        doc_stride: Tokens that two pieces of a long text share.
        handle_impossible_answer: Whether "there is none" is an answer.
        max_answer_len, max_question_len, max_seq_len: In tokens.
    """

    top_k: int | None
    doc_stride: int | None
    handle_impossible_answer: bool | None
    max_answer_len: int | None
    max_question_len: int | None
    max_seq_len: int | None


class QuestionOptions(_SpanOptions, total=False):
    """Of `question_answering`.

    Keys:
        top_k: How many answers to give, the likeliest first.
        align_to_words: Whether answers begin and end with words.
        doc_stride: Tokens that two pieces of a long text share.
        handle_impossible_answer: Whether "there is none" is an answer.
        max_answer_len, max_question_len, max_seq_len: In tokens.
    """

    align_to_words: bool | None


class DocumentOptions(_SpanOptions, total=False):
    """Of `document_question_answering`: as `QuestionOptions`, and

    Keys:
        lang: Of the document, for reading its words.
        word_boxes: Its words and where they are, where they have been read already.
    """

    lang: str | None
    word_boxes: Sequence[Sequence[float] | str] | None


class TableOptions(TaskOptions, total=False):
    """Of `table_question_answering`.

    Keys:
        padding: How short tables are filled up.
        sequential: Whether to go through a batch one by one.
        truncation: Whether long tables are cut.
    """

    padding: Literal["do_not_pad", "longest", "max_length"] | None
    sequential: bool | None
    truncation: bool | None


class MakeOptions(TaskOptions, total=False):
    """Of `summarization`.

    Keys:
        clean_up_tokenization_spaces: Whether blanks before full stops and the like are taken out.
        truncation: How long texts are cut.
        generate_parameters: Further parameters of the model's own, such as {"max_length": 60}.
    """

    clean_up_tokenization_spaces: bool | None
    truncation: Truncation | None
    generate_parameters: Mapping[str, Any] | None


class TranslateOptions(MakeOptions, total=False):
    """Of `translation`: as `MakeOptions`, and

    Keys:
        src_lang, tgt_lang: Languages by the model's own codes, such as "en_XX"; both or none.
    """

    src_lang: str | None
    tgt_lang: str | None


class FillOptions(TaskOptions, total=False):
    """Of `fill_mask`.

    Keys:
        targets: Words to choose from.
        top_k: How many words to give, the likeliest first.
    """

    targets: Sequence[str] | None
    top_k: int | None


class GenerationOptions(TaskOptions, total=False):
    """Of `text_generation` and `stream_text`. What a provider does not know, it ignores or refuses.

    Keys:
        max_new_tokens: Longest continuation, in tokens.
        stop: Up to four texts that end it; they are not part of the text.
        temperature: Randomness; 0 where the provider takes it, small numbers elsewhere.
        top_p, top_k, typical_p: What is sampled from.
        repetition_penalty, frequency_penalty, presence_penalty: Against saying the same again.
        seed: For repeatable sampling, where the provider supports it.
        do_sample: Whether to sample at all (TGI).
        return_full_text: Whether the prompt is part of the text; by default it is not, nor of TGI's streams.
        truncate: Tokens to which the prompt is cut (TGI).
        best_of, watermark, adapter_id, grammar, details, decoder_input_details, top_n_tokens: Of TGI alone.
    """

    max_new_tokens: int | None
    stop: Sequence[str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    typical_p: float | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    seed: int | None
    do_sample: bool | None
    return_full_text: bool | None
    truncate: int | None
    best_of: int | None
    watermark: bool | None
    adapter_id: str | None
    grammar: Mapping[str, Any] | None
    details: bool | None
    decoder_input_details: bool | None
    top_n_tokens: int | None
