"""The results of a job: fetched again where the line breaks, and all of them or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared_core.client.downloads import Keep
from shared_core.errors import (
    ConnectionLost,
    JobFailed,
)
from shared_core.flow import Read
from shared_core.media.sink import MOST_BYTES
from shared_core.types import Job
from tests.client.jobs.conftest import DONE, FAL, FILM, MP4, RESULT, Reply, Stage


def test_a_result_is_fetched_again_when_the_line_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(retries=2)
    done = stage.resume(FAL, [DONE, RESULT, ConnectionLost("broke"), Reply(b"oops", 503), MP4])
    assert done.files[0].data == MP4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_host_that_refuses_is_no_matter_of_tokens_or_models(stage: Stage, status: int) -> None:
    with pytest.raises(JobFailed, match="not to be had from its host") as caught:
        stage.resume(FAL, [DONE, RESULT, Reply(b"no", status)])
    assert (caught.value.status, caught.value.job) == (status, FAL)
    assert caught.value.hint == "Fetch it again with `router.resume(error.job)`."


def test_a_result_without_a_job_that_cannot_be_fetched_is_not_lost_for_good(stage: Stage) -> None:
    with pytest.raises(ConnectionLost) as caught:
        stage.run([{"video": {"video_url": FILM}}, ConnectionLost("broke")], "novita")
    assert caught.value.job is None
    assert f"It is paid for: the provider has it for a while, it says at {FILM}" in caught.value.hint


@pytest.mark.parametrize("end", ["closed", "interrupted"])
def test_a_wait_that_ends_in_the_middle_of_a_file_leaves_none_of_it(
    stage: Stage, tmp_path: Path, end: str
) -> None:
    stage.keep = Keep("video", tmp_path, MOST_BYTES)
    flow = stage.job_run().resume(FAL)
    replies = iter([Reply(DONE), Reply(RESULT), Reply(MP4 + bytes(3 * 2**20))])
    unread: dict[int, bytes] = {}
    effect = next(flow)
    while not list(tmp_path.iterdir()):
        effect = flow.send(stage._perform(effect, replies, unread))
    assert isinstance(effect, Read)
    if end == "closed":
        flow.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            flow.throw(KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_of_several_results_of_which_one_cannot_be_had_none_stays(stage: Stage, tmp_path: Path) -> None:
    stage.keep = Keep("video", tmp_path / "boat.mp4", MOST_BYTES)
    job = Job("replicate", "text-to-video", "a/b", "7", "/replicate/v1/predictions/7")
    said = {"status": "succeeded", "output": [FILM, FILM + "2"]}
    with pytest.raises(JobFailed):
        stage.resume(job, [said, MP4, Reply(b"gone", 404)])
    assert list(tmp_path.iterdir()) == []
    assert len(stage.resume(job, [said, MP4, MP4]).files) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boat-2.mp4", "boat.mp4"]


def test_several_results_are_several_files(stage: Stage) -> None:
    job = Job("replicate", "text-to-video", "a/b", "7", "/replicate/v1/predictions/7")
    done = stage.resume(job, [{"status": "succeeded", "output": [FILM, FILM + "2"]}, MP4, MP4 + b"2"])
    assert [file.data for file in done.files] == [MP4, MP4 + b"2"]
