"""Asking everybody everything, several times over: one flow, resumable, with an end to what it may cost.

Lives here: the run. Not here: what is made of its answers (`comparing`, `cases`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from shared_core.client.batch_file import BatchFile, read_reply
from shared_core.errors import ConfigError, RouterError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.subjects import Subject
from shared_core.flow import Flow, gather, offload
from shared_core.wire.json import dump

__all__ = ["Asked", "Run"]

Progress = Callable[[int, int | None], object]
Place = tuple[int, int, int]
"""Which prompt, which subject, which time."""


class Asked(NamedTuple):
    """One question to one subject, and what came of it.

    Args:
        subject: Its name.
        prompt: The prompt's name.
        repeat: Which time it was, from 0.
        answer: Or failure.
        kept: Whether the answer is one of an earlier run.
    """

    subject: str
    prompt: str
    repeat: int
    answer: Answer
    kept: bool = False


@dataclass(slots=True)
class Run:
    """One run on its way. Rounds go over all prompts and subjects before any is repeated, so that a run which is broken
    off has seen all of them alike.

    Args:
        subjects: Who is asked.
        prompts: What.
        repeats: How often each.
        at_once: How many questions are under way, at most.
        path: Where answers are kept; None for memory alone. Failures are not kept: they are asked again.
        progress: Told (done, total).
    """

    subjects: Sequence[Subject]
    prompts: Sequence[Prompt]
    repeats: int
    at_once: int
    path: Path | None = None
    progress: Progress | None = None
    _found: dict[Place, Asked] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def answers(self) -> Flow[list[Asked]]:
        """All answers, by prompt, then subject, then repeat.

        Raises:
            ConfigError: The file cannot be used.
        """
        path = self.path
        file = None if path is None else (yield from offload(lambda: BatchFile(path)))
        try:
            yield from gather(self._questions(file), at_once=self.at_once)
            # A budget refuses also what calls in flight hold the money for; now that they are done, it may do.
            if missed := self._missed() if self.at_once > 1 else []:
                yield from gather((self._question(place, file) for place in missed), at_once=1)
        finally:
            if file is not None:
                file.close()
        return [self._found[place] for place in sorted(self._found)]

    def _questions(self, file: BatchFile | None) -> Iterator[Flow[None]]:
        for repeat in range(self.repeats):
            for p in range(len(self.prompts)):
                for s in range(len(self.subjects)):
                    yield self._question((p, s, repeat), file)

    def _missed(self) -> list[Place]:
        """Where nobody was asked, in the order of the run."""
        missed = [place for place, asked in self._found.items() if not asked.answer.asked]
        return sorted(missed, key=lambda place: (place[2], place[0], place[1]))

    def _question(self, place: Place, file: BatchFile | None) -> Flow[None]:
        prompt, subject = self.prompts[place[0]], self.subjects[place[1]]
        try:
            key = "" if file is None else _key(subject, prompt, place[2])
        except RouterError as error:  # it cannot be written as JSON, so that nobody can be asked it
            return self._enter(place, Asked(subject.name, prompt.name, place[2], Answer.from_error(error)))
        if file is not None and (known := file.known.get(key)) is not None:
            kept = yield from offload(lambda: _kept(file.path, known))
            if kept is not None:
                return self._enter(place, Asked(subject.name, prompt.name, place[2], kept, kept=True))
        answer = yield from self._ask(subject, prompt)
        if file is not None and answer.ok:
            whole = answer.to_dict()
            yield from offload(lambda: file.add(key, whole))
        return self._enter(place, Asked(subject.name, prompt.name, place[2], answer))

    def _ask(self, subject: Subject, prompt: Prompt) -> Flow[Answer]:
        started = time.monotonic()
        try:
            return (yield from subject.ask(prompt.messages, prompt.options))
        except RouterError as error:
            return Answer.from_error(error, time.monotonic() - started)

    def _enter(self, place: Place, asked: Asked) -> None:
        with self._lock:
            self._found[place] = asked
            if self.progress is not None:
                total = len(self.subjects) * len(self.prompts) * self.repeats
                self.progress(len(self._found), total)


def _kept(path: Path, place: int) -> Answer | None:
    """The answer of an earlier run; None where the file holds something else there, and it is asked again."""
    try:
        answer = Answer.from_dict(read_reply(path, place))
    except ConfigError:
        return None
    return answer if answer.ok else None


def _key(subject: Subject, prompt: Prompt, repeat: int) -> str:
    """What an answer is known by: whom it is of, what was asked, and which time."""
    asked = [dict(subject.key), list(prompt.messages), dict(sorted(prompt.options.items())), repeat]
    return blake2b(dump(asked), digest_size=16).hexdigest()
