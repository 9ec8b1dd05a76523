"""Two spellings of one argument."""

from __future__ import annotations

from shared_core.errors import ConfigError

__all__ = ["model_named"]


def model_named(model_name: str | None, model: str | None) -> str:
    """The model under either of its names; "" for none.

    Raises:
        ConfigError: They name two models.
    """
    if model_name and model and model_name != model:
        raise ConfigError(f"model_name={model_name!r} and model={model!r} are two names for one argument.")
    return model_name or model or ""
