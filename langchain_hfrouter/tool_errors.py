"""What goes wrong in a tool, as LangChain's `ToolException`: a sentence for the model, the error for the program.

Lives here: the class, and the one place that makes it. Not here: the sentences (the core's `told_error`).
"""

from __future__ import annotations

from langchain_core.tools import ToolException
from pydantic import ValidationError
from pydantic.v1 import ValidationError as OldValidationError

from langchain_hfrouter.complaints import in_words
from langchain_hfrouter.errors import as_langchain
from shared_core.errors import RouterError
from shared_core.media import told_error

__all__ = ["HFToolError", "as_tool_error", "bad_arguments"]


class HFToolError(ToolException):
    """A media tool could not do it. Its text is a sentence that the model can act on.

    Attributes:
        error: What happened, with provider, request id, status, and `.job` where a job may go on at the provider.
    """

    error: RouterError | None = None


def as_tool_error(error: RouterError) -> HFToolError:
    """The error of a tool, to be raised `from` what this holds as `.error`."""
    failure = HFToolError(told_error(error))
    failure.error = as_langchain(error)
    return failure


def bad_arguments(error: ValidationError | OldValidationError) -> str:
    """What is wrong with a model's arguments; none is quoted."""
    said = in_words(error) if isinstance(error, ValidationError) else "These arguments cannot work"
    return f"{said.replace('These settings', 'These arguments', 1)}. Nothing was sent."
