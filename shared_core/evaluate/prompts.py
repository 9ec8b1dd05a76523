"""What is asked: prompts from values and from files.

A prompt is a text, or a mapping:

    name: greeting                      # what it is called; else its number
    prompt: Hello!                      # or messages: [{role: user, content: Hello!}]
    system: Answer in one word.         # before the prompt
    options: {temperature: 0}           # chat parameters for it alone

A file holds one prompt a line (JSONL: mappings or texts; otherwise plain text), or a YAML list. What else a mapping
holds belongs to who reads it (`cases`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.types import Message

__all__ = ["Prompt", "once", "prompt_of", "prompts_of", "read_file", "read_list", "read_text"]

_MOST_VALUES = 1_000_000
PROMPT_WORDS = frozenset({"name", "prompt", "messages", "system", "options"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question.

    Args:
        name: What it is called; no two in one run are called alike.
        messages: OpenAI-format messages.
        options: Chat parameters for it alone.
    """

    name: str
    messages: Sequence[Message]
    options: Mapping[str, Any] = field(default_factory=dict)


def prompts_of(prompts: str | os.PathLike[str] | Sequence[Any]) -> list[Prompt]:
    """The prompts that are meant.

    Args:
        prompts: A list of texts, mappings and `Prompt`s, or the path of a file.

    Raises:
        ConfigError: There are none, one is no prompt, two are called alike, or the file cannot be read.
    """
    if isinstance(prompts, str | os.PathLike):
        items, where = read_list(Path(prompts)), f"{prompts}: "
    elif isinstance(prompts, Iterable) and not isinstance(prompts, Mapping):
        items, where = list(prompts), ""
    else:  # of a mapping, the keys would be asked
        raise ConfigError(f"Prompts are a {type(prompts).__name__}.", hint='Give a list: ["Hello!", ...].')
    found = []
    for number, item in enumerate(items, 1):
        unknown = sorted(map(str, item.keys() - PROMPT_WORDS)) if isinstance(item, Mapping) else []
        if unknown:
            raise ConfigError(
                f"{where}Prompt {number} has {unknown[0]!r}.",
                hint=f"A prompt has {', '.join(sorted(PROMPT_WORDS))}.",
            )
        found.append(prompt_of(item, number, where))
    return distinct(found, where)


def distinct(found: list[Any], where: str) -> list[Any]:
    """The same list, once it is sure that there are some and each has its own name."""
    if not found:
        raise ConfigError(f"{where}There is nothing to ask.", hint="Give at least one prompt.")
    names: set[str] = set()
    for one in found:
        if one.name in names:
            raise ConfigError(f"{where}{one.name!r} is there twice.", hint="Give each its own name.")
        names.add(one.name)
    return found


def prompt_of(item: Any, number: int, where: str = "") -> Prompt:
    """One prompt from a text or a mapping; see the head of this module.

    Args:
        item: It.
        number: Which one it is, from 1: its name where it has none.
        where: What an error begins with.

    Raises:
        ConfigError: It is none.
    """
    if isinstance(item, Prompt):
        return item
    if isinstance(item, str):
        item = {"prompt": item}
    if not isinstance(item, Mapping):
        raise ConfigError(
            f"{where}Prompt {number} is a {type(item).__name__}.", hint="Write a text or a mapping."
        )
    text, messages = item.get("prompt"), item.get("messages")
    if (text is None) == (messages is None) or not isinstance(text, str | None):
        raise ConfigError(
            f"{where}Prompt {number} needs a text as its prompt, or messages, and not both.",
            hint='Write "prompt": "Hello!" or "messages": [{"role": "user", "content": "Hello!"}].',
        )
    if messages is None:
        messages = [{"role": "user", "content": text}]
    if (
        not isinstance(messages, Sequence)
        or not all(isinstance(one, Mapping) for one in messages)
        or not messages
    ):
        raise ConfigError(f"{where}The messages of prompt {number} are no list of mappings.")
    if (system := item.get("system")) is not None:
        messages = [{"role": "system", "content": str(system)}, *messages]
    options = item.get("options") or {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise ConfigError(f"{where}The options of prompt {number} are no mapping of names.")
    name = item.get("name")
    return Prompt(str(number if name is None else name), list(messages), dict(options))


def read_list(path: Path) -> list[Any]:
    """What a file lists: a line each, or the items of a YAML or JSON list. Empty lines are passed over.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    listed = read_file(path)
    if not isinstance(listed, list):
        raise ConfigError(
            f"{path} holds no list.", hint="Begin each prompt with a dash, or write JSON lines."
        )
    return listed


def read_text(path: Path) -> str:
    """A file's text, in UTF-8.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        not_text = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "this is no path"
        why = error.strerror if isinstance(error, OSError) else not_text
        hint = "Give its whole path." if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{path} cannot be read: {why}.", hint=hint) from None


def read_file(path: Path) -> Any:
    """What a file holds: the value of YAML or JSON, or a list of its lines, those of .jsonl as JSON.

    Raises:
        ConfigError: It cannot be read, or says something twice.
    """
    text = read_text(path.expanduser())
    match path.suffix.lower():
        case ".yaml" | ".yml":
            return _yaml(text, path)
        case ".json":
            return _json(text, f"{path}")
        case ".jsonl" | ".ndjson":
            lines = enumerate(text.split("\n"), 1)
            return [_json(line, f"{path}, line {number}") for number, line in lines if line.strip()]
        case _:
            # Not splitlines: a page break, or U+2028, stands within a text.
            return [line for line in text.split("\n") if line.strip()]


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not JSON: {error}.") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key stands twice, of which a reader would keep one in silence.

    Raises:
        ValueError: One does.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _yaml(text: str, path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML in which no key stands twice: PyYAML would keep the last, and drop a check in silence."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            # A key that is merged in by `<<` may be said again.
            keys = [each.value for each, _ in node.value if each.tag != "tag:yaml.org,2002:merge"]
            for key in keys:
                if isinstance(key, str) and keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key!r} is there twice", node.start_mark
                    )
            return super().construct_mapping(node, deep)

    try:
        value = yaml.load(text, Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        count = _written_out(value, {})
    except RecursionError:
        raise ConfigError(f"{path}: What is written there leads round in circles.") from None
    # Without aliases there are fewer values than characters.
    if count > max(_MOST_VALUES, len(text)):
        raise ConfigError(
            f"{path} holds more than {_MOST_VALUES:,} values, written out.", hint="Use fewer aliases (*name)."
        )
    return value


def _written_out(value: Any, known: dict[int, int]) -> int:
    """How many values there are once each alias is written out: a few lines may stand for more than a memory holds.

    Raises:
        RecursionError: One holds itself.
    """
    if not isinstance(value, dict | list | set | tuple):
        return 1
    if id(value) not in known:
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(value)]
