"""The model that a task takes when none is named: data, dated, for tasks whose live models are documented.

Reading that one packaged file is the only I/O here, at the first look-up.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

__all__ = ["TaskDefault", "default_model"]


@dataclass(frozen=True, slots=True)
class TaskDefault:
    """A model that was live for a task.

    Args:
        model: Its id on the Hub.
        source: Who said so.
        date: When, as an ISO date.
    """

    model: str
    source: str
    date: str


def default_model(task: str) -> TaskDefault | None:
    """The model for a task by the Hub's name; None where none is documented.

    Example:
        >>> default_model("text-to-video").model
        'Wan-AI/Wan2.2-TI2V-5B'
    """
    return _defaults().get(task)


@functools.cache
def _defaults() -> dict[str, TaskDefault]:
    import json
    from importlib import resources

    text = resources.files("shared_core.catalog").joinpath("data/tasks.json").read_text(encoding="utf-8")
    return {task: TaskDefault(**row) for task, row in json.loads(text)["models"].items()}
