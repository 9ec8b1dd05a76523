"""Every environment variable that this package heeds, as a settings class.

Apart from `settings`, because pydantic-settings takes longer to import than the rest of the client: it is
loaded when a variable is first asked for.
"""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Environment"]

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY")


class Environment(BaseSettings):
    """Every environment variable that this package heeds.

    Args:
        token: `HF_TOKEN`, `HUGGINGFACEHUB_API_TOKEN`, `HUGGINGFACE_API_KEY` or `HUG_API_KEY`, the first set one.
        base_url: `HFROUTER_BASE_URL`, in place of the router's address.
        hub_url: `HF_ENDPOINT`, in place of the Hub's address.
    """

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    token: SecretStr | None = Field(default=None, validation_alias=AliasChoices(*TOKEN_VARIABLES))
    base_url: str | None = Field(default=None, validation_alias=AliasChoices("HFROUTER_BASE_URL"))
    hub_url: str | None = Field(default=None, validation_alias=AliasChoices("HF_ENDPOINT"))
