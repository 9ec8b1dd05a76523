"""Media that agents name by ids: one folder, one index, limits that hold before a call is made.

A model writes `img_3f9a2c0d4e1`, and never a path or an address: what is no id of this store is refused, and
nothing is opened. Not here: how files are opened (`artifact_files`), the limits (`allowance`), calls (the client), what
a model is told (`for_agents`).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared_core._locks import new_rlock
from shared_core.errors import ConfigError, RouterError
from shared_core.media.allowance import Allowance, Taken, Used, task_of
from shared_core.media.artifact_files import (
    AS_IT_IS,
    ID,
    PREFIXES,
    Artifact,
    artifact_of,
    read_file,
    unwritable,
    write_file,
)
from shared_core.media.inputs import Limits, MediaInput, blob_from
from shared_core.media.kinds import EXTENSIONS
from shared_core.media.late_jobs import drop_job, jobs_in, keep_job, went_on
from shared_core.media.reply import MediaFile, MediaReply
from shared_core.media.sink import MOST_BYTES
from shared_core.types.jobs import Job
from shared_core.types.tasks import Blob

__all__ = ["ArtifactStore", "Place"]

_WORDS = {"image": "a picture", "video": "a video", "audio": "a sound"}
_INDEX = "index.jsonl"
_OWN = Limits("", MOST_BYTES, 64_000_000)


class Place:
    """What a store has set aside for one call; made by `ArtifactStore.reserve`, used with `with`.

    Attributes:
        most_bytes: What the result may have.
    """

    def __init__(self, store: ArtifactStore, taken: Taken) -> None:
        self._store = store
        self._taken: Taken | None = taken
        self.most_bytes = taken.bytes

    def put(
        self, made: MediaReply | MediaFile, *, prompt: str = "", cost: float | Decimal | None = None
    ) -> Artifact:
        """Keeps the result; see `ArtifactStore.put`."""
        taken, self._taken = self._taken, None
        if taken is None:
            raise ConfigError("This place was used already.", hint="Reserve one for each call.")
        return self._store._keep(made, prompt, cost, taken)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (job := went_on(error)) is not None:
            keep_job(self._store.folder, job)
        if self._taken is not None:
            self._store._allowance.give_back(self._taken, error)
            self._taken = None


class ArtifactStore:
    """One folder of media that agents make and use.

    Making one opens nothing; the folder is made when it is first needed. Safe to share between threads; the
    limits are those of one run: files from before, and those that you `add`, do not count.

    Args:
        folder: Where the files lie; None for a fresh private one that goes with the store unless it is kept. A
            folder of an earlier store is opened again, with everything in it.
        most_files: How many files may be made; default 100.
        most_bytes: How large they may be together; default 4 GiB. A call is refused while less is left than its
            result may need: 16 MiB for a picture, 32 MiB for a sound, 128 MiB for a video.
        most_usd: What the calls may cost together, in US dollars; None for no limit. Needs `prices`.
        prices: What one call is reckoned to cost, in US dollars, by task.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> store = ArtifactStore(most_files=2, most_usd=0.10, prices={"text_to_image": 0.04})
        >>> picture = store.add(b"GIF89a" + bytes([44, 1, 200, 0]))
        >>> picture.id[:4], picture.width, picture.height
        ('img_', 300, 200)
        >>> store.get(picture.id) == picture
        True
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        most_files: int = 100,
        most_bytes: int = 4 * 2**30,
        most_usd: float | Decimal | None = None,
        prices: Mapping[str, float | Decimal] | None = None,
    ) -> None:
        if folder is not None and not isinstance(folder, Path | str):
            raise ConfigError(f"folder={folder!r} is neither a path nor a string.")
        self._allowance = Allowance(most_files, most_bytes, most_usd, prices)
        self._given = None if folder is None else Path(folder)
        self._start()

    def _start(self) -> None:
        self._folder: Path | None = None
        self._removal: weakref.finalize[..., Any] | None = None
        self._known: dict[str, Artifact] = {}
        self._read_to = 0
        self._lock = new_rlock()

    # -- the folder ---------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """Where the files lie; made now if it is not there."""
        with self._lock:
            if self._folder is None:
                try:
                    if self._given is None:
                        self._folder = Path(tempfile.mkdtemp(prefix="hfrouter-")).resolve()
                        self._removal = weakref.finalize(
                            self, shutil.rmtree, self._folder, ignore_errors=True
                        )
                    else:
                        self._given.mkdir(mode=0o700, parents=True, exist_ok=True)
                        self._folder = self._given.resolve()
                except OSError as error:
                    where = "a temporary folder" if self._given is None else self._given
                    raise ConfigError(f"{where} cannot be made: {error.strerror or error}.") from None
            return self._folder

    def keep(self) -> Path:
        """Lets the folder stay when the store goes; returns it."""
        folder = self.folder
        if self._removal is not None:
            self._removal.detach()
        return folder

    # -- limits -------------------------------------------------------------------------------------------

    @property
    def used(self) -> Used:
        """What this run has made and spent, calls under way included."""
        return self._allowance.used

    def check(self, task: str) -> None:
        """Says whether a call may still be made.

        Args:
            task: Such as "text-to-image".

        Raises:
            BudgetExceeded: The run may make or spend no more.
            ConfigError: There is a limit of money, and nobody has said what such a call costs.
        """
        self._allowance.check(task)

    def reserve(self, task: str) -> Place:
        """Sets aside what a call may take, before it is made.

        Args:
            task: Such as "text-to-image".

        Raises:
            BudgetExceeded, ConfigError: As of `check`.

        Example:
            >>> with store.reserve("text-to-image") as place:  # doctest: +SKIP
            ...     reply = router.text_to_image(prompt, most_bytes=place.most_bytes)
            ...     picture = place.put(reply, prompt=prompt)
        """
        return Place(self, self._allowance.take(task))

    # -- in and out ---------------------------------------------------------------------------------------

    def put(
        self,
        made: MediaReply | MediaFile,
        *,
        prompt: str = "",
        cost: float | Decimal | None = None,
        task: str = "",
    ) -> Artifact:
        """Keeps what was made.

        Args:
            made: A reply, whose first file is kept, or a file.
            prompt: What it was made from.
            cost: In US dollars, where it is known.
            task: Names its price, where the cost is not known and money is limited.

        Raises:
            BudgetExceeded: The run may make no more.
            ConfigError: It cannot be written.
        """
        kind = _file_of(made).kind
        with Place(self, self._allowance.take(task_of(task), kind)) as place:
            return place.put(made, prompt=prompt, cost=cost)

    def add(self, given: MediaInput, *, prompt: str = "") -> Artifact:
        """Takes in a file of your own, for an agent to use by its id. It counts against no limit.

        Args:
            given: bytes, a `pathlib.Path`, an open file or a Pillow picture; a string is refused.
            prompt: What it shows, for your own records.

        Raises:
            ConfigError: It cannot be read, or is neither picture, video nor sound.
        """
        blob = blob_from(given, _OWN, "the file")
        return self._written(MediaFile(blob.mime_type, blob.data), prompt, {})

    def get(self, name: str, kind: str | None = None) -> Artifact:
        """The artifact of an id.

        Args:
            name: The id, as a model wrote it.
            kind: What it must be: "image", "video" or "audio"; None for any.

        Raises:
            ConfigError: It is no id, none of this store, or one of another kind. Nothing was opened.
        """
        artifact = None
        if isinstance(name, str) and ID.fullmatch(name):
            with self._lock:
                artifact = self._known.get(name) or self._read_on().get(name)
        if artifact is None:
            raise ConfigError(
                f"{_quoted(name)} is not the id of anything here. Nothing was opened.",
                hint=self._choices(kind),
            )
        if kind is not None and artifact.kind != kind:
            raise ConfigError(
                f"{name} is {_WORDS[artifact.kind]}, and {_WORDS[kind]} is wanted. Nothing was opened.",
                hint=self._choices(kind),
            )
        return artifact

    def read(self, name: str, kind: str | None = None) -> Blob:
        """The bytes of an id, as every media call takes them.

        Raises:
            ConfigError: As of `get`; or its file is gone, or a link stands in its place.
        """
        artifact = self.get(name, kind)
        if artifact.path.parent.resolve() != self.folder:
            raise ConfigError(f"The file of {name} lies no longer in the store's folder. Nothing was opened.")
        return Blob(read_file(artifact.path), artifact.mime_type)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that went on when a tool had waited long enough, the oldest first.

        Example:
            >>> for job in store.jobs:  # doctest: +SKIP
            ...     store.put(router.resume(job))
        """
        return jobs_in(self.folder)

    def __iter__(self) -> Iterator[Artifact]:
        """Everything here, the oldest first."""
        with self._lock:
            return iter(list(self._read_on().values()))

    def __len__(self) -> int:
        with self._lock:
            return len(self._read_on())

    def __repr__(self) -> str:
        where = self._folder or self._given or "not made yet"
        return f"ArtifactStore({str(where)!r})"

    # -- their parts --------------------------------------------------------------------------------------

    def _keep(
        self, made: MediaReply | MediaFile, prompt: str, cost: float | Decimal | None, taken: Taken
    ) -> Artifact:
        reply = made if isinstance(made, MediaReply) else None
        try:
            file = _file_of(made)
            size = file.path.stat().st_size if file.path is not None else len(file.data)
            taken = self._allowance.settle(taken, size, cost)
            about: dict[str, Any] = {"cost": None if taken.usd is None else float(taken.usd)}
            if reply is not None:
                about |= {"provider": reply.provider, "model": reply.model, "seed": reply.seed}
            artifact = self._written(file, prompt, about)
            if reply is not None and reply.job is not None:
                drop_job(self.folder, reply.job)
            return artifact
        except BaseException as error:
            self._allowance.give_back(taken, None)  # the money is gone: the call was made
            if isinstance(error, RouterError) and reply is not None:
                error.job = reply.job  # its result may be fetched again
            raise

    def _written(self, file: MediaFile, prompt: str, about: Mapping[str, Any]) -> Artifact:
        if file.kind not in PREFIXES or file.mime_type not in EXTENSIONS:
            raise ConfigError(f"{file.mime_type or 'This'} is neither picture, video nor sound.")
        # It begins with a digit, so that it is no word.
        name = f"{PREFIXES[file.kind]}_{secrets.randbelow(10)}{secrets.token_hex(5)}"
        path = self.folder / (name + EXTENSIONS[file.mime_type])
        size = write_file(path, file)
        artifact = Artifact(
            name,
            file.kind,
            path,
            file.mime_type,
            size,
            file.width,
            file.height,
            file.duration,
            prompt,
            **about,
        )
        try:
            with self._lock:
                self._note(artifact)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise unwritable(self.folder / _INDEX, error) from None
        return artifact

    def _note(self, artifact: Artifact) -> None:
        """One line of the index, in one write: other processes write into it too."""
        row = {**asdict(artifact), "path": artifact.path.name}
        line = (json.dumps(row, ensure_ascii=True) + "\n").encode()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | AS_IT_IS
        place = os.open(self.folder / _INDEX, flags, 0o600)
        try:
            size = os.fstat(place).st_size
            os.lseek(place, max(size - 1, 0), os.SEEK_SET)
            if size and os.read(place, 1) != b"\n":  # a full disk once cut a line off
                line = b"\n" + line
            if os.write(place, line) != len(line):
                raise OSError(28, "No space left on device")
        finally:
            os.close(place)
        self._read_on()

    def _read_on(self) -> dict[str, Artifact]:
        """What is known, with what the index has gained since it was last read."""
        if self._folder is None and (self._given is None or not self._given.is_dir()):
            return self._known
        try:
            place = os.open(self.folder / _INDEX, os.O_RDONLY | AS_IT_IS)
        except FileNotFoundError:
            return self._known
        except OSError as error:
            raise ConfigError(f"The index of {self.folder} cannot be read: {error.strerror}.") from None
        with os.fdopen(place, "rb") as file:
            file.seek(self._read_to)
            whole, end, _ = file.read().rpartition(b"\n")  # the last line may still be written
        self._read_to += len(whole) + len(end)
        for line in whole.splitlines():
            artifact = artifact_of(line, self.folder)
            if artifact is not None:
                self._known.setdefault(artifact.id, artifact)
        return self._known

    def _choices(self, kind: str | None) -> str:
        latest = [each.id for each in self if kind in (None, each.kind)][-5:]
        if latest:
            return f"Name one by its id, such as {', '.join(reversed(latest))}."
        return f"There is {'nothing' if kind is None else 'no ' + _WORDS[kind][2:]} here yet: make or add one first."

    # -- copies -------------------------------------------------------------------------------------------

    def __copy__(self) -> ArtifactStore:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ArtifactStore:
        """A tool that is copied goes on in the same folder, under the same limits."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """The folder and the limits: another process opens the same files, and counts its own run from there."""
        return {"_allowance": self._allowance, "_given": self._folder or self._given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()


def _file_of(made: object) -> MediaFile:
    file = made.file if isinstance(made, MediaReply) else made
    if not isinstance(file, MediaFile):
        raise ConfigError(
            f"A {type(made).__name__} is no result that could be kept.",
            hint="Put a MediaReply or a MediaFile; `add` takes files of your own.",
        )
    return file


def _quoted(name: object) -> str:
    shown = repr(name) if isinstance(name, str) else f"A {type(name).__name__}"
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
