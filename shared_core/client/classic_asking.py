"""From the arguments of a classic task to its input and parameters, each checked before anything is sent."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from shared_core.client.checks import checked_body, checked_count, checked_options, checked_texts
from shared_core.client.media_asking import Asked, checked_prompt
from shared_core.errors import ConfigError
from shared_core.media.inputs import AUDIO, IMAGE, blob_from, link_from
from shared_core.types import classic
from shared_core.types.tasks import Blob, TaskOptions

__all__ = ["ask_classic", "checked_image"]

_OF_CALL = frozenset({*TaskOptions.__annotations__, "on_progress", "most_bytes"})
_MOST_LABELS = 1_000
_MOST_TEXTS = 10_000


class _Form(NamedTuple):
    """A task's input, what belongs to it among the parameters, and beside them in the body."""

    inputs: Any
    parameters: dict[str, Any] = {}  # noqa: RUF012  # read only
    body: dict[str, Any] = {}  # noqa: RUF012


class _Task(NamedTuple):
    options: type
    form: Callable[[Mapping[str, Any]], _Form]


def _base64(blob: Blob) -> str:
    return base64.b64encode(blob.data).decode()


def _alone(name: str) -> Callable[[Mapping[str, Any]], _Form]:
    return lambda given: _Form(given[name])


def _labelled(name: str) -> Callable[[Mapping[str, Any]], _Form]:
    return lambda given: _Form(given[name], {"candidate_labels": given["candidate_labels"]})


def _table_alone(given: Mapping[str, Any]) -> _Form:
    return _Form(None, {}, {"table": given["table"]})


def _asked_of_table(given: Mapping[str, Any]) -> _Form:
    # Models of this kind (TAPAS) know texts alone: a number in a cell is refused by the server.
    cells = {name: [str(cell) for cell in column] for name, column in given["table"].items()}
    return _Form({"query": given["query"], "table": cells})


_TASKS: Mapping[str, _Task] = {
    "text-classification": _Task(classic.ClassifyOptions, _alone("text")),
    "zero-shot-classification": _Task(classic.ZeroShotOptions, _labelled("text")),
    "token-classification": _Task(classic.EntityOptions, _alone("text")),
    "audio-classification": _Task(classic.ClassifyOptions, _alone("audio")),
    "image-classification": _Task(classic.ClassifyOptions, _alone("image")),
    "object-detection": _Task(classic.DetectOptions, _alone("image")),
    "image-segmentation": _Task(classic.SegmentOptions, _alone("image")),
    "zero-shot-image-classification": _Task(classic.PictureLabelOptions, _labelled("image")),
    "image-to-text": _Task(TaskOptions, _alone("image")),
    # The picture twice: so does huggingface_hub, whose adapter wants it as the input.
    "visual-question-answering": _Task(
        classic.SightOptions,
        lambda given: _Form(
            given["image"], {}, {"question": given["question"], "image": _base64(given["image"])}
        ),
    ),
    "document-question-answering": _Task(
        classic.DocumentOptions,
        lambda given: _Form({"question": given["question"], "image": _base64(given["image"])}),
    ),
    "question-answering": _Task(
        classic.QuestionOptions,
        lambda given: _Form({"question": given["question"], "context": given["context"]}),
    ),
    "table-question-answering": _Task(classic.TableOptions, _asked_of_table),
    "summarization": _Task(classic.MakeOptions, _alone("texts")),
    "translation": _Task(classic.TranslateOptions, _alone("texts")),
    "fill-mask": _Task(classic.FillOptions, _alone("text")),
    "sentence-similarity": _Task(
        TaskOptions,
        lambda given: _Form({"source_sentence": given["sentence"], "sentences": given["other_sentences"]}),
    ),
    "audio-to-audio": _Task(TaskOptions, _alone("audio")),
    "tabular-classification": _Task(TaskOptions, _table_alone),
    "tabular-regression": _Task(TaskOptions, _table_alone),
    "text-generation": _Task(classic.GenerationOptions, _alone("prompt")),
}

_COUNTS = frozenset(
    {
        "top_k",
        "stride",
        "doc_stride",
        "max_answer_len",
        "max_question_len",
        "max_seq_len",
        "max_new_tokens",
        "truncate",
        "best_of",
        "top_n_tokens",
    }
)
_RANGES: Mapping[str, tuple[int, float]] = {
    **dict.fromkeys(("threshold", "mask_threshold", "overlap_mask_area_threshold"), (0, 1)),
    **dict.fromkeys(("frequency_penalty", "presence_penalty"), (-2, 2)),
    **dict.fromkeys(("temperature", "top_p", "typical_p", "repetition_penalty"), (0, inf)),
}
_FLAGS = frozenset(
    {
        "multi_label",
        "handle_impossible_answer",
        "align_to_words",
        "sequential",
        "clean_up_tokenization_spaces",
        "do_sample",
        "return_full_text",
        "watermark",
        "details",
        "decoder_input_details",
    }
)
_TEXTS = frozenset({"hypothesis_template", "lang", "src_lang", "tgt_lang", "adapter_id"})
_LISTS = frozenset({"ignore_labels", "targets", "stop"})
_OBJECTS = frozenset({"generate_parameters", "grammar"})
_WORDS: Mapping[str, tuple[str, ...]] = {
    "function_to_apply": ("sigmoid", "softmax", "none"),
    "aggregation_strategy": ("none", "simple", "first", "average", "max"),
    "subtask": ("instance", "panoptic", "semantic"),
    "padding": ("do_not_pad", "longest", "max_length"),
    "truncation": ("do_not_truncate", "longest_first", "only_first", "only_second"),
}


def ask_classic(task: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> Asked:
    """The call, checked. Files are read here.

    Args:
        task: The Hub's name of the task.
        given: The task's own arguments, by the names that its method gives them.
        options: The caller's keyword arguments.

    Raises:
        ConfigError: An argument cannot work.
    """
    checked_options(options, _TASKS[task].options.__annotations__)
    form = _TASKS[task].form(_inputs(task, given))
    parameters = {
        name: _checked(task, name, value) for name, value in options.items() if name not in _OF_CALL
    }
    _check_pair(parameters)
    of_call: Any = {name: value for name, value in options.items() if name in _OF_CALL}
    if form.body:
        of_call["extra_body"] = {**form.body, **checked_body(options.get("extra_body"))}
    return Asked(form.inputs, {**form.parameters, **parameters}, of_call)


def checked_image(image: object, url: str | None) -> Any:
    """The picture that a user gave, or its address: one of the two.

    Raises:
        ConfigError: Neither, both, or no picture.
    """
    if (image is None) == (url is None):
        raise ConfigError("Give the image or its url=, one of the two. Nothing was sent.")
    return blob_from(image, IMAGE, "image") if url is None else link_from(url)


def _inputs(task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if "url" in given:  # a task that takes a picture's address as well
        return {"image": checked_image(given["image"], given["url"])}
    return {name: _input(task, name, value) for name, value in given.items()}


def _input(task: str, name: str, value: Any) -> Any:
    if name in ("image", "audio"):
        return _medium(name, value)
    if name == "candidate_labels":
        return _labels(value, 2 if task == "zero-shot-image-classification" else 1)
    if name == "other_sentences":
        return _listed(value, name, _MOST_TEXTS)
    if name == "table":
        return _table(value)
    if name == "texts":
        return (
            checked_prompt(value, "text") if isinstance(value, str) else _listed(value, "text", _MOST_TEXTS)
        )
    return checked_prompt(value, name)


def _medium(name: str, value: Any) -> Any:
    return blob_from(value, IMAGE if name == "image" else AUDIO, name)


def _labels(value: Any, least: int) -> list[str]:
    labels = _listed(value, "candidate_labels", _MOST_LABELS)
    if len(set(labels)) < least:
        raise ConfigError(
            f"candidate_labels needs {least} different labels to choose from. Nothing was sent."
        )
    return labels


def _listed(value: Any, name: str, most: int) -> list[str]:
    texts = checked_texts(value, name)
    if not texts:
        raise ConfigError(f"{name} is empty. Nothing was sent.")
    if len(texts) > most:
        raise ConfigError(
            f"{name} has {len(texts):,} texts, more than the {most:,} that are taken. Nothing was sent."
        )
    for place, text in enumerate(texts):
        if not text.strip():
            raise ConfigError(f"Text {place} of {name} is empty. Nothing was sent.")
    return texts


def _table(value: Any) -> dict[str, list[Any]]:
    """Columns by name, each a list; of a data frame, its columns."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict("list")
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(
            f"table is {'empty' if value == {} else f'a {type(value).__name__}'}. Nothing was sent.",
            hint='Write {"column": [cell, cell], ...}, or pass a pandas DataFrame.',
        )
    columns: dict[str, list[Any]] = {}
    for name, cells in value.items():
        if not isinstance(name, str) or isinstance(cells, str | bytes) or not isinstance(cells, Sequence):
            raise ConfigError(
                f"The column {name!r} of table is no list of cells under a name. Nothing was sent."
            )
        columns[name] = list(cells)
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) != 1 or not lengths.pop():
        raise ConfigError("The columns of table are empty, or not of one length. Nothing was sent.")
    return columns


def _checked(task: str, name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _COUNTS:
        return checked_count(value, name)
    if name in _TEXTS:
        return _text(name, value)
    if name in _LISTS:
        texts = checked_texts([value] if name == "stop" and isinstance(value, str) else value, name)
        return texts or None
    if (wanted := _missed(task, name, value)) is not None:
        raise ConfigError(f"{name}={value!r} is not {wanted}. Nothing was sent.")
    return value


def _missed(task: str, name: str, value: Any) -> str | None:
    """What an argument should be and is not; None where it is that, or nothing is known of it."""
    if name in _FLAGS or (name == "truncation" and task == "table-question-answering"):
        return None if isinstance(value, bool) else "True or False"
    if name in _WORDS:
        return None if value in _WORDS[name] else f"one of {', '.join(_WORDS[name])}"
    if name in _OBJECTS:
        return None if isinstance(value, Mapping) else "a dictionary"
    if name == "word_boxes":
        return None if isinstance(value, list | tuple) else "a list of words and boxes"
    if name == "seed":
        return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    if name in _RANGES:
        least, most = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            return f"a number from {least} on" if most == inf else f"a number from {least} to {most}"
        return "finite" if value == inf else None
    return None


def _text(name: str, value: Any) -> str:
    text = checked_prompt(value, name)
    if name == "hypothesis_template" and "{}" not in text:
        raise ConfigError(
            f"hypothesis_template={text!r} has no {{}} for the label. Nothing was sent.",
            hint='Write such as "This text is about {}."',
        )
    return text


def _check_pair(parameters: Mapping[str, Any]) -> None:
    """A translation names both of its languages, or none: so do models, and huggingface_hub."""
    source, target = parameters.get("src_lang"), parameters.get("tgt_lang")
    if (source is None) != (target is None):
        missing = "tgt_lang" if target is None else "src_lang"
        raise ConfigError(f"src_lang and tgt_lang go together, and {missing} is missing. Nothing was sent.")
