"""How a model is named: `org/name[:suffix]`."""

from __future__ import annotations

from dataclasses import dataclass

from shared_core.types.addresses import ENDPOINT

__all__ = ["POLICIES", "ModelRef"]

POLICIES = frozenset({"fastest", "cheapest", "preferred"})
"""Suffixes that ask the router to choose; any other suffix names a provider.

Source: Hugging Face documentation, "Inference Providers", section on provider selection (August 2026).
"""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model id and how its provider is chosen.

    Args:
        repo: The model's id, mostly a Hub repository such as "openai/gpt-oss-120b".
        suffix: A policy ("fastest", "cheapest", "preferred"), a provider's name, or "" for the default.

    Example:
        >>> ModelRef.parse("openai/gpt-oss-120b:groq").provider
        'groq'
    """

    repo: str
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Splits at the first colon, as the router does; the address of a dedicated endpoint has none to split at."""
        if text.startswith(ENDPOINT):
            return cls(text)
        repo, _, suffix = text.partition(":")
        return cls(repo, suffix)

    @property
    def provider(self) -> str | None:
        """The provider that was asked for by name; None when the router chooses."""
        return self.suffix if self.suffix and self.suffix not in POLICIES else None

    def __str__(self) -> str:
        return f"{self.repo}:{self.suffix}" if self.suffix else self.repo
