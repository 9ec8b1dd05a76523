"""`cache`: what lies in the caches of answers and of vectors, and emptying them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, get_args

import typer

from shared_core.cache import Contents, contents_of, empty
from shared_core.cache.contents import Kind
from shared_core.cache.opening import default_path
from shared_core.cli.clients import Json, settings, words
from shared_core.cli.out import complaining, confirm, show_json, somebody_is_here, tell
from shared_core.cli.usage import ledger_file
from shared_core.errors import ConfigError
from shared_core.observe.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)

_TASKS = {"answers": "chat", "vectors": "embed"}

Answers = Annotated[
    str | None,
    typer.Option("--answers", help="The cache of answers: a file, or a redis:// address.", metavar="PLACE"),
]
Vectors = Annotated[
    str | None,
    typer.Option("--vectors", help="The cache of vectors: a file, or a redis:// address.", metavar="PLACE"),
]


@dataclass(frozen=True, slots=True)
class _Cache:
    """Where one of the caches is, and what its settings say; `place` is None for the user's own vectors."""

    kind: Kind
    place: str | None = None
    ttl: float | None = None
    max_bytes: int | None = None
    absent: str = ""


@app.callback(invoke_without_command=True)
def cache(
    context: typer.Context, answers: Answers = None, vectors: Vectors = None, as_json: Json = False
) -> None:
    """Caches: what is remembered where, and forgetting it.

    How many answers and vectors, how large and how old they are.

    The caches are those of the settings (chat_cache, embedding_cache), or of the options.

    Examples:

      hfrouter cache

      hfrouter cache --answers redis://localhost:6379/0 --json

      hfrouter cache clear answers --yes
    """
    if context.invoked_subcommand is not None:
        return
    with complaining():
        found = [
            (each, None if each.absent else contents_of(each.place, each.kind, ttl=each.ttl))
            for each in _caches(answers, vectors)
        ]
        hits = _hits()
        if as_json:
            show_json([_as_dict(each, lies, hits) for each, lies in found])
            return
        for each, lies in found:
            _show(each, lies, hits)


@app.command()
def clear(
    which: Annotated[
        str,
        typer.Argument(
            help="answers, vectors or all.",
            metavar="WHICH",
            autocompletion=words(lambda: (*get_args(Kind), "all")),
        ),
    ],
    answers: Answers = None,
    vectors: Vectors = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: Json = False,
) -> None:
    """Forgets all that is in a cache. Limits, budgets and stores in the same place stay.

    Example:

      hfrouter cache clear vectors
    """
    with complaining():
        if which not in (*get_args(Kind), "all"):
            raise ConfigError(f"There is no cache of {which!r}.", hint="Say answers, vectors or all.")
        meant = [each for each in _caches(answers, vectors) if which in (each.kind, "all")]
        there = [each for each in meant if not each.absent]
        if not there:
            raise ConfigError(meant[0].absent)
        lies = [contents_of(each.place, each.kind) for each in there]
        if not yes:
            _confirm(there, lies)
        forgotten = [
            {"cache": each.kind, "place": one.place, "forgotten": empty(each.place, each.kind)}
            for each, one in zip(there, lies, strict=True)
        ]
        if as_json:
            show_json(forgotten)
        else:
            for told in forgotten:
                tell(f"{_counted(told['forgotten'], told['cache'])} forgotten in {told['place']}.")


def _confirm(there: list[_Cache], lies: list[Contents]) -> None:
    what = " and ".join(
        f"{_counted(one.entries, each.kind)} in {one.place}" for each, one in zip(there, lies, strict=True)
    )
    if not somebody_is_here():
        raise ConfigError(f"Nobody is there to be asked whether to forget {what}.", hint="Say --yes.")
    confirm(f"Forget {what}?")


def _caches(answers: str | None, vectors: str | None) -> list[_Cache]:
    written = settings()
    return [_answers(answers or written.chat_cache), _vectors(vectors or written.embedding_cache)]


def _answers(kept: Any) -> _Cache:
    told = dict(kept) if isinstance(kept, Mapping) else {"store": kept}
    place = told.get("store", True)
    if not kept:
        return _Cache(
            "answers", absent='No cache of answers is kept: chat_cache = "answers.sqlite" would keep one.'
        )
    if place is True:
        return _Cache(
            "answers", absent="Answers are remembered in the memory of each program, where nobody can look."
        )
    return _Cache("answers", str(place), told.get("ttl"), told.get("max_bytes"))


def _vectors(kept: Any) -> _Cache:
    if not kept and not default_path().exists():
        return _Cache("vectors", absent="No vectors are remembered: embedding_cache = true would do so.")
    return _Cache("vectors", None if kept in (None, True, False) else str(kept))


def _hits() -> dict[str, tuple[int, int]]:
    """By task: calls, and those that a cache answered; empty where no ledger says so."""
    try:
        with Ledger(ledger_file(None)) as ledger:
            return {line.name or "": (line.calls, line.remembered) for line in ledger.by("task")}
    except ConfigError:
        return {}


def _as_dict(each: _Cache, lies: Contents | None, hits: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    calls, remembered = hits.get(_TASKS[each.kind], (None, None)) if each.kind == "answers" else (None, None)
    told = {"cache": each.kind, "note": each.absent or None, "ttl": each.ttl, "max_bytes": each.max_bytes}
    return {**told, **(asdict(lies) if lies else {}), "calls": calls, "hits": remembered}


def _show(each: _Cache, lies: Contents | None, hits: Mapping[str, tuple[int, int]]) -> None:
    if lies is None:
        tell(f"{each.kind:<10}{each.absent}", hang=10)
        return
    most = f" of at most {_size(each.max_bytes)}" if each.max_bytes else ""
    file = "" if lies.file_bytes is None else f"; the file takes {_size(lies.file_bytes)}{most}"
    facts = [lies.place, f"{_counted(lies.entries, each.kind)}, {_size(lies.value_bytes)}{file}"]
    if lies.oldest is not None and lies.newest is not None:
        facts.append(f"written from {_when(lies.oldest)} to {_when(lies.newest)}")
    if each.ttl is not None:
        facts.append(f"forgotten after {each.ttl:,.0f} s")
    if each.kind == "answers" and (told := hits.get("chat")):
        facts.append(
            f"answered {told[1]:,} of {told[0]:,} chat calls of the ledger ({told[1] / told[0]:.0%})"
        )
    for number, fact in enumerate(facts):
        tell(f"{'' if number else each.kind:<10}{fact}", hang=10)


def _counted(count: Any, kind: Any) -> str:
    return f"{count:,} {kind if count != 1 else kind.removesuffix('s')}"


def _when(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def _size(size: float) -> str:
    for least, letter in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= least:
            return f"{size / least:.3g} {letter}"
    return f"{size:.0f} bytes"
