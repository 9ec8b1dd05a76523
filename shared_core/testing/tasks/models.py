"""The models for tasks other than chat and embeddings, and who serves them under which name: data.

Who serves what follows the adapters of huggingface_hub 2.4.0, ids look as the providers' own do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared_core.testing.embedding.models import Served

__all__ = ["CLASSIC_TASKS", "TASK_MODELS", "TaskModel", "by_provider_id", "task_model"]


@dataclass(frozen=True, slots=True)
class TaskModel:
    """One stand-in: its name on the Hub, its task, and who serves it in the order of preference."""

    id: str
    task: str
    providers: Mapping[str, Served]
    listed: bool = False

    @property
    def pipeline_tag(self) -> str:
        """The task on its page."""
        return self.task

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags on its page."""
        return (self.task, "transformers")

    def served_by(self, provider: str) -> str | None:
        """The provider's name for it, None where that provider does not serve it."""
        served = self.providers.get(provider)
        return None if served is None or served.status == "error" else served.id or self.id


_VERSION = "5599ed30703defd1d160a25a63321b4dec97101d98b4674bcc56e41f62f35637"

CLASSIC_TASKS = (
    "text-classification",
    "zero-shot-classification",
    "token-classification",
    "audio-classification",
    "image-classification",
    "object-detection",
    "zero-shot-image-classification",
    "image-to-text",
    "visual-question-answering",
    "document-question-answering",
    "question-answering",
    "table-question-answering",
    "summarization",
    "translation",
    "fill-mask",
    "sentence-similarity",
    "audio-to-audio",
    "tabular-classification",
    "tabular-regression",
)
"""Tasks that hf-inference alone serves."""


def _model(name: str, task: str, *, listed: bool = False, **ids: str) -> TaskModel:
    """A model, and the id each provider has for it; `""` for the Hub's."""
    served = {provider.replace("_", "-"): Served(pid, task=task) for provider, pid in ids.items()}
    return TaskModel(f"offline/{name}", task, served, listed)


TASK_MODELS: dict[str, TaskModel] = {
    model.id: model
    for model in (
        _model(
            "painter",
            "text-to-image",
            fal_ai="fal-ai/offline/painter",
            replicate="offline/painter",
            wavespeed="wavespeed-ai/offline-painter",
            together="offline/painter",
            nscale="offline/painter",
            zai_org="offline-painter",
            hf_inference="",
        ),
        _model(
            "sketcher", "text-to-image", replicate=f"offline/sketcher:{_VERSION}", fal_ai="fal-ai/sketcher"
        ),
        TaskModel(
            "offline/painter-lora",
            "text-to-image",
            {
                "fal-ai": Served("fal-ai/offline-lora", task="text-to-image", adapter="painter.safetensors"),
                "replicate": Served(
                    "offline/painter-lora", task="text-to-image", adapter="painter.safetensors"
                ),
            },
        ),
        _model(
            "editor",
            "image-to-image",
            listed=True,
            fal_ai="fal-ai/offline/editor",
            replicate="offline/editor",
            wavespeed="wavespeed-ai/offline-editor",
            together="offline/editor",
            hf_inference="",
        ),
        _model("kontext", "image-to-image", together="offline/FLUX.1-kontext"),
        _model(
            "animator",
            "text-to-video",
            fal_ai="fal-ai/offline/animator/text-to-video",
            replicate="offline/animator",
            wavespeed="wavespeed-ai/offline-animator/t2v",
            together="offline/animator",
            novita="offline-animator-t2v",
        ),
        _model(
            "filmer",
            "image-to-video",
            fal_ai="fal-ai/offline/filmer/image-to-video",
            wavespeed="wavespeed-ai/offline-filmer/i2v",
            together="offline/filmer",
        ),
        _model(
            "speaker",
            "text-to-speech",
            fal_ai="fal-ai/offline/speaker",
            deepinfra="offline/speaker",
            replicate=f"offline/speaker:{_VERSION[::-1]}",
            together="offline/speaker",
            hf_inference="",
        ),
        _model("musician", "text-to-audio", fal_ai="fal-ai/offline/musician"),
        _model(
            "listener",
            "automatic-speech-recognition",
            fal_ai="fal-ai/offline-listener",
            deepinfra="offline/listener",
            replicate="offline/listener",
            hf_inference="",
        ),
        _model("segmenter", "image-segmentation", fal_ai="fal-ai/offline/segmenter", hf_inference=""),
        _model(
            "writer",
            "text-generation",
            hf_inference="",
            deepinfra="offline/writer",
            featherless_ai="offline/writer",
            together="offline/Writer-Turbo",
            novita="offline/writer",
        ),
        *(_model(task, task, hf_inference="") for task in CLASSIC_TASKS),
    )
}


def task_model(name: str, aliases: Mapping[str, str]) -> TaskModel | None:
    """The model of that name, or that an alias of that name stands for; None when there is none.

    A provider without an id of its own for a model knows it by the name that was asked for.
    """
    known = TASK_MODELS.get(aliases.get(name, name))
    return known if known is None or known.id == name else replace(known, id=name)


def by_provider_id(provider: str, pid: str, aliases: Mapping[str, str]) -> TaskModel | None:
    """The model that a provider serves under an id; aliases count where the provider keeps the Hub's names."""
    for model in TASK_MODELS.values():
        if model.served_by(provider) == pid:
            return model
    named = task_model(pid, aliases)
    return named if named is not None and named.served_by(provider) == pid else None
