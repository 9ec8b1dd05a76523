"""Settings from four places, the nearest first: arguments, environment, `.env`, `hfrouter.toml`.

Apart from `settings`, because pydantic-settings takes longer to import than the rest of the client: it is loaded when
there is something to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from shared_core.client import config_file
from shared_core.client.settings import DOTENV, PREFIX, dotenv, variable

__all__ = ["ARGUMENT", "DEFAULT", "Layered", "Origin", "layers_of"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from; as a text, in words for its reader.

    Args:
        said: In words.
        distance: How far from the program: 0 for an argument, 4 for a default.
        doubtful: Whether a file said it that was found in the folders of a project, whoever wrote that.
    """

    said: str
    distance: int = 0
    doubtful: bool = False

    def __str__(self) -> str:
        return self.said


ARGUMENT = Origin("argument")
DEFAULT = Origin("default", 4)


class Layered(BaseSettings):
    """A settings class whose values were put together by `layers_of`: pydantic-settings looks for nothing else."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (pydantic-settings' signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def layers_of(
    kind: type[Layered], arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Origin], config_file.ConfigFile | None]:
    """What is written where: values by field, the origin of each, and the file.

    Raises:
        ConfigError: A file cannot be read.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    path = given.pop("config", None) or variable(f"{PREFIX}CONFIG", in_dotenv=False)
    file = config_file.read(path) if path else config_file.find()
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}

    def enter(layer: Mapping[str, Any], said: str, distance: int, *, doubtful: bool = False) -> None:
        for name, value in layer.items():
            if name not in values:
                values[name], origins[name] = value, Origin(said.format(name.upper()), distance, doubtful)

    enter(given, ARGUMENT.said, 0)
    enter(_variables(kind), f"{PREFIX}{{}}", 1)
    if hub := variable("HF_ENDPOINT", in_dotenv=False):
        enter({"hub_url": hub}, "HF_ENDPOINT", 1)
    if found := dotenv():
        enter(_variables(kind, found), f"{PREFIX}{{}} in {DOTENV}", 2, doubtful=True)
    if file is not None:
        enter(file.values, str(file.path).replace("{", "{{").replace("}", "}}"), 3, doubtful=not file.trusted)
        said = "found" if not path else ARGUMENT.said if arguments.get("config") else f"{PREFIX}CONFIG"
        enter({"config": file.path}, said, 0)
    return values, origins, file


def _variables(kind: type[Layered], found: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings in the environment, or in variables that were read elsewhere: lists and tables as JSON."""
    source = EnvSettingsSource(kind, env_prefix=PREFIX, env_ignore_empty=True)
    if found is not None:
        source.env_vars = {name.lower(): value for name, value in found.items()}
    return {name: value for name, value in source().items() if name not in ("config", "origins")}
