"""Films that were paid for and came too late for the tool that asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared_core import HFRouter, JobFailed, MediaReply, ProviderFailed
from shared_core.media import ArtifactStore, begin
from shared_core.testing import MediaQuirks, OfflineRouter, Status
from shared_core.types import Job

JOB = Job("fal-ai", "text-to-video", "org/m", "7", "/fal-ai/m/requests/7/status", submitted_at=2.0)


def film(store: ArtifactStore, router: HFRouter) -> Any:
    with begin(store, "text_to_video", {"prompt": "a boat"}, model="offline/animator:fal-ai") as errand:
        reply = getattr(router, errand.method)(*errand.inputs, **errand.options)
        return errand.finish(reply)


def test_a_film_that_nobody_waits_for_any_longer_is_fetched_by_the_program_later(
    tmp_path: Path, settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(500), path="/fal-ai/*/status", times=5)  # so many in a row are not waited out
    router, store = HFRouter(**settings, max_retries=0), ArtifactStore(tmp_path)
    with pytest.raises(ProviderFailed):
        film(store, router)
    (job,) = ArtifactStore(tmp_path).jobs  # another program opens the folder
    reply = router.resume(job)
    assert isinstance(reply, MediaReply)
    assert store.put(reply, prompt="a boat").kind == "video"
    assert store.jobs == ()
    assert len([each for each in offline_url.requests if each.method == "POST"]) == 1


def test_a_film_that_failed_is_no_job_to_wait_for(
    tmp_path: Path, settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(fails="out of memory"), path="/fal-ai/*")
    store = ArtifactStore(tmp_path)
    with pytest.raises(JobFailed):
        film(store, HFRouter(**settings))
    assert store.jobs == ()


def test_files_that_are_no_jobs_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "job_1.json").write_text("{")
    (tmp_path / "job_2.json").write_bytes(b"\xff")
    (tmp_path / "job_3.json").write_text(JOB.to_json().replace("/fal-ai/m", "/../api"))
    (tmp_path / "job_4.json").symlink_to("/etc/passwd")
    (tmp_path / "job_5.json").write_text(JOB.to_json())
    assert ArtifactStore(tmp_path).jobs == (JOB,)
