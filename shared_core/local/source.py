"""What is known of a model before anything of it is loaded: folder, recipe, prompts, identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from shared_core.catalog import prompts_for
from shared_core.errors import ConfigError
from shared_core.local.arguments import Arguments
from shared_core.local.download import commit_of, hub_id_of
from shared_core.local.files import json_of
from shared_core.local.folder import Unknown, find, prompts, read
from shared_core.local.recipe import Recipe
from shared_core.types.embeddings import Kind

__all__ = ["Source", "look_up"]


@dataclass(frozen=True, slots=True)
class Source:
    """A model's files, read but not loaded.

    Args:
        folder: Where they are.
        facts: What the fast engines can follow, or why they cannot.
        revision: Commit of a Hub model; "" for a folder of the user's own.
        prompts: What is put before queries and before documents.
        notes: What a user should know of the prompts, a sentence each.
        unasked: What a user should know of prompts that neither the arguments nor the files name, by kind.
    """

    folder: Path
    facts: Recipe | Unknown
    revision: str
    prompts: Mapping[Kind, str]
    notes: tuple[str, ...] = ()
    unasked: Mapping[Kind, str] = field(default_factory=dict)

    def identity(self) -> str:
        """Tells these files from any others: the commit, or names, sizes and times of the files."""
        if self.revision:
            return self.revision
        digest = blake2b(digest_size=16)
        for file in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            facts = file.stat()
            digest.update(f"{file.relative_to(self.folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
        return digest.hexdigest()


def look_up(arguments: Arguments) -> Source:
    """The files of an embedder's model.

    Args:
        arguments: The embedder's.

    Raises:
        ConfigError: There is no such model, it is damaged, or its code lies in another repository.
    """
    trusted = arguments.trust_remote_code
    folder = find(arguments.model, arguments.revision, code=trusted)
    if trusted:
        _refuse_foreign_code(folder)
    facts = Unknown("Its own code was asked for.") if trusted else read(folder)
    return Source(folder, facts, commit_of(folder), *_prompts_of(arguments, folder))


def _prompts_of(
    arguments: Arguments, folder: Path
) -> tuple[dict[Kind, str], tuple[str, ...], dict[Kind, str]]:
    """The fields of `Source` that are about prompts: the user's word goes before the files', and that before ours."""
    own = prompts(folder)
    # sentence-transformers writes both into every model that it saves: two empty ones say nothing.
    said = own if own.get("query") or own.get("document") else {}
    known = prompts_for(hub_id_of(folder))
    chosen: dict[Kind, str] = {}
    unasked: dict[Kind, str] = {}
    given: dict[Kind, str | None] = {"query": arguments.query_prompt, "document": arguments.document_prompt}
    for kind, prompt in given.items():
        if prompt is None and kind not in said and known is not None:
            prompt, unasked[kind] = known.of(kind), known.note(kind)
        chosen[kind] = said.get(kind, "") if prompt is None else prompt
    # sentence-transformers 5 and 6 say that encode_document falls back on these, but give every model an
    # empty "document" prompt, which wins. The same vectors matter more than the better intention.
    notes = tuple(
        f"The model's prompt {name!r} is left out, as sentence-transformers does: "
        f"document_prompt={own[name]!r} uses it."
        for name in ("passage", "corpus")
        if own.get(name) and "document" not in own and given["document"] is None and not chosen["document"]
    )
    return chosen, notes, unasked


def _refuse_foreign_code(folder: Path) -> None:
    """A commit pins the code of its own repository only."""
    config = json_of(folder / "config.json", missing={})
    for name in (config.get("auto_map") or {}).values():
        if "--" in str(name):
            raise ConfigError(
                f"The model runs code of another repository, {str(name).split('--')[0]!r}, at whatever state that "
                "is in: the revision does not pin it.",
                hint="Take a model whose code lies beside its weights.",
            )
