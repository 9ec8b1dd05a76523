"""What media tasks give: files with their measures, shown by notebooks; transcripts with their times."""

from __future__ import annotations

import base64
import contextlib
import html
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.media.kinds import kind_of
from shared_core.media.probe import Measures, measure
from shared_core.media.sink import Sink, written
from shared_core.types import ReplyMeta
from shared_core.types.jobs import Job

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MediaFile", "MediaReply", "TranscriptChunk", "TranscriptReply"]

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # no reader that runs another program
_SHOWN = 32 * 2**20  # bytes that a notebook page is given at most


class MediaFile:
    """One picture, video or sound, in memory or in a file.

    Args:
        mime_type: Told by its first bytes.
        data: Its bytes; None where they are in a file.
        path: The file; None where they are in memory.
        measures: Where they are known already.
        head: The file's first bytes, for measuring it.
        temporary: Whether the file goes with this object.

    Attributes:
        width, height: In pixels; None where the file's head does not say.
        duration: In seconds, likewise.
    """

    def __init__(
        self,
        mime_type: str,
        data: bytes | None = None,
        path: Path | None = None,
        measures: Measures | None = None,
        *,
        head: bytes = b"",
        temporary: bool = False,
    ) -> None:
        self.mime_type = mime_type
        self.path = path
        self.width, self.height, self.duration = measures or measure(data if data is not None else head)
        self._data = data
        self._temporary = temporary
        if temporary and path is not None:
            weakref.finalize(self, _removed, path, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of what is in a temporary file holds the bytes: the file goes with this object."""
        if self._temporary:
            return type(self), (self.mime_type, self.data)
        return type(self), (
            self.mime_type,
            self._data,
            self.path,
            Measures(self.width, self.height, self.duration),
        )

    @classmethod
    def of(cls, sink: Sink, mime_type: str, *, temporary: bool) -> MediaFile:
        """What a sink has taken in."""
        path = sink.close(mime_type)
        return cls(mime_type, sink.data, path, head=sink.head, temporary=temporary)

    @property
    def data(self) -> bytes:
        """The bytes, read from the file where they are in one."""
        if self._data is not None:
            return self._data
        assert self.path is not None
        return self.path.read_bytes()

    def discard(self) -> None:
        """Nothing will come of it: its file, where it is in one, is removed."""
        if self.path is not None:
            _removed(self.path, os.getpid())

    @property
    def kind(self) -> str:
        """ "image", "audio" or "video"."""
        return kind_of(self.mime_type)

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Writes the file.

        Args:
            path: Folder, or the file's name; the right end is added where it has none.
            overwrite: Whether a file of that name may be replaced.

        Returns:
            The file that was written.

        Raises:
            ConfigError: It exists, or cannot be written.
        """
        return written(self.data, Path(path), self.mime_type, overwrite=overwrite)

    def image(self) -> Image:
        """The picture, opened by Pillow.

        Raises:
            ImportError: Pillow is not installed.
            ConfigError: It is no picture, or a damaged one.
        """
        if self.kind != "image":
            raise ConfigError(f"This is {self.mime_type}, not a picture.")
        try:
            from PIL import Image, UnidentifiedImageError
        except ImportError as error:
            raise ImportError('`.image()` needs Pillow: run `pip install "hfrouter[media]"`.') from error
        import io

        try:
            picture = Image.open(io.BytesIO(self.data), formats=_FORMATS)
            picture.load()
        except (
            UnidentifiedImageError,
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
        ) as error:
            raise ConfigError(f"The picture cannot be read: {type(error).__name__}.") from None
        return picture

    def __repr__(self) -> str:
        size = f", {self.width} x {self.height}" if self.width else ""
        length = f", {self.duration:.1f} s" if self.duration else ""
        where = f", {str(self.path)!r}" if self.path else ""
        return f"MediaFile({self.mime_type}{size}{length}{where})"

    def _repr_html_(self) -> str:
        """For notebooks."""
        data = self.data
        if len(data) > _SHOWN:
            return (
                f"<p>{html.escape(repr(self))}: too large to be shown here; use <code>.save(...)</code>.</p>"
            )
        address = f"data:{html.escape(self.mime_type)};base64,{base64.b64encode(data).decode()}"
        if self.kind == "image":
            return f'<img src="{address}" style="max-width:100%">'
        if self.kind in ("audio", "video"):
            return f'<{self.kind} controls src="{address}" style="max-width:100%"></{self.kind}>'
        return f"<p>{html.escape(repr(self))}</p>"


def _removed(path: Path, process: int) -> None:
    if os.getpid() != process:  # after a fork the file is still the parent's
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class MediaReply:
    """What was made: most often one file, whose attributes stand here too.

    Args:
        files: The results, at least one.
        meta: Who made them, and how long it took.
        seed: Of the result, where the provider says it.
        job: The job, where it was one.
        raw: The provider's last JSON; empty where it answered with bytes.

    Example:
        >>> reply = router.text_to_image("a red bicycle", width=512, height=512)  # doctest: +SKIP
        >>> reply.mime_type, reply.width, reply.meta.provider  # doctest: +SKIP
        ('image/png', 512, 'fal-ai')
        >>> reply.save("bicycle")  # doctest: +SKIP
        PosixPath('bicycle.png')
    """

    files: tuple[MediaFile, ...]
    meta: ReplyMeta
    seed: int | None = None
    job: Job | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def file(self) -> MediaFile:
        """The first file."""
        return self.files[0]

    @property
    def data(self) -> bytes:
        return self.file.data

    @property
    def path(self) -> Path | None:
        return self.file.path

    @property
    def mime_type(self) -> str:
        return self.file.mime_type

    @property
    def width(self) -> int | None:
        return self.file.width

    @property
    def height(self) -> int | None:
        return self.file.height

    @property
    def duration(self) -> float | None:
        return self.file.duration

    @property
    def provider(self) -> str | None:
        return self.meta.provider

    @property
    def model(self) -> str:
        return self.meta.model

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Writes the first file; see `MediaFile.save`."""
        return self.file.save(path, overwrite=overwrite)

    def image(self) -> Image:
        """The first file as a Pillow picture; see `MediaFile.image`."""
        return self.file.image()

    def _repr_png_(self) -> bytes | None:
        return self.data if self.mime_type == "image/png" and len(self.files) == 1 else None

    def _repr_html_(self) -> str:
        return "\n".join(file._repr_html_() for file in self.files)


@dataclass(frozen=True, slots=True)
class TranscriptChunk:
    """A piece of a transcript.

    Args:
        text: What was said.
        start, end: In seconds from the beginning; None where the provider does not say.
    """

    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class TranscriptReply:
    """What was said in a recording.

    Args:
        text: All of it.
        meta: Who listened, and how long it took.
        chunks: Its pieces with their times; empty where the provider gives none.
        language: As the provider names it; "" where it does not.
        job: The job, where it was one.
        raw: The provider's JSON.
    """

    text: str
    meta: ReplyMeta
    chunks: tuple[TranscriptChunk, ...] = ()
    language: str = ""
    job: Job | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
