"""What to do next about a refusal, where the target tells more than the reply does.

Lives here: hints that depend on whom a call went to. Not here: what a status or a body means (`wire.errors`).
"""

from __future__ import annotations

import difflib

from shared_core.errors import ModelNotServed, RouterError, Unauthorized
from shared_core.routing import is_hugging_face
from shared_core.types import POLICIES, ModelRef

__all__ = ["advice"]

_ITS_OWN_KEY = (
    "Pass this server's own key as `api_key=`, or set HFROUTER_API_KEY. HF_TOKEN is sent to hosts of Hugging Face's "
    "alone."
)


def advice(error: RouterError, base_url: str, model: str | None) -> str:
    """A better hint than the error's own; "" where there is none.

    Args:
        error: What the target answered.
        base_url: The target's address.
        model: The model's id as it was asked for, with its suffix.

    Example:
        >>> advice(ModelNotServed("Not served."), "https://router.huggingface.co/v1", "org/name:cheepest")
        'Did you mean `:cheapest`? A suffix is fastest, cheapest, preferred, or a provider that serves the model.'
    """
    if isinstance(error, Unauthorized) and not is_hugging_face(base_url):
        return _ITS_OWN_KEY
    suffix = ModelRef.parse(model).suffix if model and isinstance(error, ModelNotServed) else ""
    near = difflib.get_close_matches(suffix, POLICIES, n=1, cutoff=0.7) if suffix not in POLICIES else ()
    if near:
        return (
            f"Did you mean `:{near[0]}`? A suffix is fastest, cheapest, preferred, or a provider that serves the "
            "model."
        )
    return ""
