"""Jobs that went on at a provider when nobody waited any longer: kept beside the artifacts, one small file each.

What was paid for is not lost because an agent's tool gave up: the program resumes it later, here or elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from pathlib import Path

from shared_core.errors import ConfigError, JobFailed, Refused
from shared_core.media.artifact_files import read_file
from shared_core.types.jobs import Job

__all__ = ["drop_job", "jobs_in", "keep_job", "went_on"]


def went_on(error: BaseException | None) -> Job | None:
    """The job that an error leaves at work; None where it is over, or there is none."""
    return None if isinstance(error, JobFailed | Refused) else getattr(error, "job", None)


def keep_job(folder: Path, job: Job) -> Path:
    """Writes the job down, and says where. A disk that is full loses it here alone: the error and the log have it
    too."""
    path = _file(folder, job)
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "w", encoding="utf-8") as file:
            file.write(job.to_json())
    return path


def drop_job(folder: Path, job: Job) -> None:
    """Its result is there."""
    with contextlib.suppress(OSError):
        _file(folder, job).unlink()


def jobs_in(folder: Path) -> tuple[Job, ...]:
    """The jobs that were kept, the oldest first; files that are none are passed over."""
    found = []
    for path in folder.glob("job_*.json"):
        with contextlib.suppress(ConfigError, UnicodeDecodeError):
            found.append(Job.from_json(read_file(path).decode()))
    return tuple(sorted(found, key=lambda job: job.submitted_at))


def _file(folder: Path, job: Job) -> Path:
    name = blake2b(f"{job.provider} {job.status}".encode(), digest_size=8).hexdigest()
    return folder / f"job_{name}.json"
