"""What retrieval is judged by: queries, documents, and which of these each query should find.

Pairs come from a list, a file or a folder:

    [("How far?", "Forty miles."), ("When?", ["At noon.", "At twelve."])]
    {"query": "How far?", "relevant": "Forty miles."}       JSON lines, JSON or YAML; `relevant` may be a list, or a
    {"document": "A further one that nobody asks for."}     mapping of documents to grades
    query,relevant,grade                                    CSV or TSV: a row for each judgement, the grade optional;
    How far?,Forty miles.,2                                 without a query it is a further document
    corpus.jsonl, queries.jsonl, qrels/test.tsv             a folder in BEIR's form

Lives here: reading them. Not here: what is made of them (`run`, `retrieval`).
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from shared_core.errors import ConfigError
from shared_core.evaluate.prompts import read_list, read_text

__all__ = ["Judgements", "judgements_of"]

_LARGEST = 1e9  # of grades
_PAIR_WORDS = {"query", "relevant", "document"}
_NO_PAIR = 'Write ("query", "document"), or {"query": ..., "relevant": ...}.'


@dataclass(frozen=True, slots=True)
class Judgements:
    """Queries, documents, and what is relevant to what.

    Args:
        queries: Texts by name.
        documents: Texts by name.
        relevant: For each query's name the grades of its documents, by their names; all above 0.

    Raises:
        ConfigError: A query has no relevant document, or one that is not there or has no grade.

    Example:
        >>> Judgements({"q": "How far?"}, {"d": "Forty miles."}, {"q": {"d": 1}}).queries["q"]
        'How far?'
    """

    queries: Mapping[str, str]
    documents: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        if not self.queries:
            raise ConfigError("There are no queries to search with.", hint=_NO_PAIR)
        for name in self.queries:
            if not self.relevant.get(name):
                raise ConfigError(
                    f"No document is relevant to query {_short(name)}.",
                    hint="Leave it out, or name one with a grade above 0.",
                )
        grades: Iterable[Any] = (each for judged in self.relevant.values() for each in judged.values())
        for grade in grades:
            if not isinstance(grade, Real) or not 0 < float(grade) < _LARGEST:
                raise ConfigError(
                    f"A relevant document has the grade {grade!r}, which is no number above 0.",
                    hint="Leave out what is not relevant.",
                )
        gone = [one for grades in self.relevant.values() for one in grades if one not in self.documents]
        if gone:
            raise ConfigError(
                f"{len(gone)} relevant documents are not among the documents, such as {_short(gone[0])}.",
                hint="Give them too, or leave those judgements out.",
            )


def judgements_of(pairs: Any, documents: Any = None, split: str = "test") -> Judgements:
    """The judgements that are meant.

    Args:
        pairs: A list, the path of a file or of a folder, or `Judgements`; see the head of this module.
        documents: Further documents: a list of texts, or a mapping of names to texts, by which pairs then name what is
            relevant; or the path of a file of texts, or of `{"_id": ..., "text": ...}`. A text that pairs and list both
            have is one document.
        split: Which file of a folder's `qrels` holds the judgements.

    Raises:
        ConfigError: Something cannot be read, or is something else.
    """
    if isinstance(pairs, Judgements):
        if documents is not None:
            raise ConfigError("Judgements have their documents.", hint="Leave `documents` out.")
        return pairs
    if not isinstance(pairs, str | os.PathLike):
        return _paired(pairs, documents, "")
    path = Path(pairs).expanduser()
    if not path.is_dir():
        return _paired(_items(path), documents, f"{path}: ")
    if documents is not None:
        raise ConfigError(f"{path} has its documents in corpus.jsonl.", hint="Leave `documents` out.")
    return _folder(path, split)


def _paired(items: Any, documents: Any, where: str) -> Judgements:
    if isinstance(items, Mapping) or not isinstance(items, Iterable):
        raise ConfigError(f"{where}Pairs are a {type(items).__name__}.", hint=_NO_PAIR)
    named, corpus = _further(documents)
    judged: dict[str, dict[str, float]] = {}
    for number, item in enumerate(items, 1):
        query, grades = _pair(item, f"{where}Pair {number}")
        if not named:
            corpus.update((text, text) for text in grades)
        if query is not None:
            known = judged.setdefault(query, {})
            for name, grade in grades.items():
                if known.setdefault(name, grade) != grade:
                    raise ConfigError(
                        f"{where}Pair {number} grades {_short(name)} with {grade:g}, "
                        f"an earlier one with {known[name]:g}.",
                        hint="Judge each document once for each query.",
                    )
    return Judgements({query: query for query in judged}, corpus, _relevant(judged))


def _relevant(judged: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Those judgements that are above 0."""
    return {
        query: {name: grade for name, grade in grades.items() if grade > 0}
        for query, grades in judged.items()
    }


def _further(documents: Any) -> tuple[bool, dict[str, str]]:
    """Whether documents go by names of their own, and the documents."""
    if isinstance(documents, str | os.PathLike):
        path = Path(documents)
        listed = read_list(path)
        if all(isinstance(one, Mapping) for one in listed):
            return True, _identified(listed, path)
        documents = listed
    if isinstance(documents, Mapping):
        return True, {str(name): _text(text, f"Document {name!r}") for name, text in documents.items()}
    if not isinstance(documents, Iterable | None):
        raise ConfigError(f"The documents are a {type(documents).__name__}.", hint="Give a list of texts.")
    listed = [] if documents is None else list(documents)
    return False, {text: text for n, one in enumerate(listed, 1) for text in [_text(one, f"Document {n}")]}


def _pair(item: Any, where: str) -> tuple[str | None, dict[str, float]]:
    """A query, None for a document alone, and the grades of its documents."""
    if isinstance(item, Mapping):
        if unknown := sorted(map(str, item.keys() - _PAIR_WORDS)):
            raise ConfigError(f"{where} has {unknown[0]!r}.", hint=_NO_PAIR)
        if item.keys() == {"document"}:
            return None, {_text(item["document"], where): 0.0}
        if item.keys() != {"query", "relevant"}:
            raise ConfigError(f"{where} needs a query and what is relevant to it.", hint=_NO_PAIR)
        query, relevant = item["query"], item["relevant"]
    elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
        query, relevant = item
    else:
        raise ConfigError(f"{where} is no pair.", hint=_NO_PAIR)
    if isinstance(relevant, str):
        relevant = [relevant]
    if isinstance(relevant, Mapping):
        grades = {_text(text, where): _grade(grade, where) for text, grade in relevant.items()}
    elif isinstance(relevant, Iterable):
        grades = {_text(text, where): 1.0 for text in relevant}
    else:
        raise ConfigError(f"{where} names a {type(relevant).__name__} as relevant.", hint=_NO_PAIR)
    return _text(query, where), grades


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where} has a {type(value).__name__} in place of a text.", hint=_NO_PAIR)
    return value


def _grade(value: Any, where: str) -> float:
    try:
        grade = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        grade = math.nan
    if not abs(grade) < _LARGEST:  # NaN is not, either; sums of what is larger are infinite
        raise ConfigError(f"{where} has the grade {value!r}.", hint="A grade is a number; 0 is not relevant.")
    return grade


# -- files -------------------------------------------------------------------------------------------------


def _items(path: Path) -> list[Any]:
    if path.suffix.lower() not in (".csv", ".tsv"):
        return read_list(path)
    rows = _rows(path, "," if path.suffix.lower() == ".csv" else "\t")
    head = rows[0] if rows else []
    if not {"query", "relevant"} <= set(head) <= {"query", "relevant", "grade"}:
        raise ConfigError(
            f"{path} has the columns {', '.join(head) or 'of an empty file'}.",
            hint="Its first line must be: query,relevant or query,relevant,grade.",
        )
    items: list[Any] = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise ConfigError(f"{path}: row {number} has {len(row)} cells, and the head {len(head)}.")
        cells = dict(zip(head, row, strict=True))
        grade = cells.get("grade", "") or 1
        if cells["query"]:
            items.append({"query": cells["query"], "relevant": {cells["relevant"]: grade}})
        else:
            items.append({"document": cells["relevant"]})
    return items


def _rows(path: Path, delimiter: str) -> list[list[str]]:
    text = read_text(path)
    if delimiter == "\t":  # has no quotes, so that a text may begin with one
        lines = (line.removesuffix("\r") for line in text.split("\n"))
        return [line.split(delimiter) for line in lines if line]
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # the module stops at 131,072 letters a cell
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise ConfigError(
            f"{path} cannot be read as a table: {error}.", hint="Texts with odd quotes go into JSON lines."
        ) from None


def _folder(path: Path, split: str) -> Judgements:
    """BEIR's form. Queries that the split does not judge are left out: the file holds those of all splits."""
    documents = _identified(read_list(path / "corpus.jsonl"), path / "corpus.jsonl")
    queries = _identified(read_list(path / "queries.jsonl"), path / "queries.jsonl")
    judged = path / "qrels" / f"{split}.tsv"
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(_rows(judged, "\t"), 1):
        if len(row) != 3:
            raise ConfigError(f"{judged}: row {number} has {len(row)} cells.", hint="It takes 3, with tabs.")
        if number == 1 and row[2] == "score":
            continue
        # As BEIR reads it: of two rows about the same, the last one counts.
        found.setdefault(row[0], {})[row[1]] = _grade(row[2], f"{judged}: row {number}")
    relevant = {query: grades for query, grades in _relevant(found).items() if grades}
    if gone := sorted(relevant.keys() - queries.keys()):
        raise ConfigError(f"{judged} judges {_short(gone[0])}, which is not in queries.jsonl.")
    return Judgements({name: queries[name] for name in sorted(relevant)}, documents, relevant)


def _identified(items: Sequence[Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        name = item.get("_id", item.get("id")) if isinstance(item, Mapping) else None
        if not isinstance(name, str | int) or not isinstance(item.get("text"), str):
            raise ConfigError(f"{path}: item {number} needs an _id and a text.")
        if str(name) in found:
            raise ConfigError(f"{path}: {_short(str(name))} is there twice.", hint="Give each its own _id.")
        # As BEIR and MTEB join them.
        found[str(name)] = f"{item.get('title') or ''} {item['text']}".strip()
    return found


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else f"{name[:59]}…")
