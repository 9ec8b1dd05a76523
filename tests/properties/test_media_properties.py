"""What holds of every JSON that a provider may send, every path, and every file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared_core.client.jobs import Finished
from shared_core.client.transcripts import transcript_reply
from shared_core.errors import RouterError
from shared_core.media import kind_of, sniff
from shared_core.media.probe import measure
from shared_core.providers.dialects import DIALECTS, PLAIN
from shared_core.providers.dialects.values import path_below
from shared_core.types import Call, Job, Progress, Target, TaskRequest, Timeouts, Waits
from shared_core.types.jobs import is_path_of
from shared_core.types.secret import ApiKey

quick = settings(max_examples=300, deadline=None, derandomize=True)

WORDS = [
    "id",
    "request_id",
    "response_url",
    "urls",
    "get",
    "cancel",
    "status",
    "output",
    "error",
    "data",
    "outputs",
    "url",
    "b64_json",
    "video_url",
    "video",
    "images",
    "image",
    "audio",
    "text",
    "chunks",
    "timestamp",
    "segments",
    "has_nsfw_concepts",
    "has_nsfw_contents",
    "task_status",
    "image_result",
    "logs",
    "message",
    "queue_position",
    "seed",
    "input",
    "language",
    "start",
    "end",
    "COMPLETED",
    "IN_QUEUE",
    "succeeded",
    "processing",
    "completed",
    "failed",
    "SUCCESS",
    "PROCESSING",
    "created",
    "starting",
    "data:image/png;base64,AAAA",
    "data:x",
    "https://a.example/b/c",
    "https://[",
    "//",
]
words = st.sampled_from(WORDS) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.just(10**400) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=15,
)


@pytest.mark.parametrize("provider", [*DIALECTS, "nscale"])
@quick
@given(reply=values)
@example(reply={"status": ["a"], "task_status": {}, "data": {"status": []}})
def test_no_reply_makes_a_dialect_raise_anything_but_our_errors(provider: str, reply: Any) -> None:
    dialect = DIALECTS.get(provider, PLAIN)
    for read in (dialect.places, dialect.read):
        try:
            found = read(reply)
        except RouterError:
            continue
        if read == dialect.places and found is not None:
            # What it says is a job can be kept, and stays below the provider.
            job = Job(provider, "t", "m", found.id, found.status, found.result, found.cancel)
            assert Job.from_json(job.to_json()) == job
            assert is_path_of(found.status, provider)


@quick
@given(reply=values)
def test_no_transcript_raises_anything_but_our_errors(reply: Any) -> None:
    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    request = TaskRequest("automatic-speech-recognition", b"", "a/b")
    call = Call(request, Target("https://router.huggingface.co/v1", ApiKey("")), waits, Progress(0.0))
    try:
        found = transcript_reply(reply, call, Finished(reply, (), {}))
    except RouterError:
        return
    assert isinstance(found.text, str)


@quick
@given(path=st.text(alphabet="/.%2eE5cC\\@#?;:&=a-z\n ﬁ．", max_size=24))
def test_no_address_leads_out_of_its_provider(path: str) -> None:
    for address in (f"https://q.example/{path}", path):
        try:
            below = path_below("fal-ai", address)
        except RouterError:
            continue
        assert below.startswith("/fal-ai/")
        assert "//" not in below
        assert not {".", "..", ""} & set(below.split("/")[1:])
        assert not set(below) & set("%\\@#?;\n ")


@quick
@given(text=st.text(max_size=60) | values.map(str))
def test_no_text_makes_reading_a_job_raise_anything_but_our_errors(text: str) -> None:
    with pytest.raises(RouterError):
        Job.from_json(text)


BEGINNINGS = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\0\0\0\0WAVEfmt ",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"RIFF\0\0\0\0WEBPVP8L",
    b"RIFF\0\0\0\0WEBPVP8X",
    b"BM\0\0\0\0\0\0\0\0",
    b"fLaC",
    b"\0\0\0\x18ftypmp42",
    b"\0\0\0\x08ftypmoov",
    b"",
]


@quick
@given(beginning=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=200))
def test_no_bytes_make_recognising_or_measuring_raise(beginning: bytes, rest: bytes) -> None:
    data = beginning + rest
    assert kind_of(sniff(data)) in ("image", "audio", "video", "")
    for each in measure(data):
        assert each is None or each >= 0


@quick
@given(
    boxes=st.lists(
        st.tuples(
            st.integers(0, 60),
            st.sampled_from([b"moov", b"mvhd", b"trak", b"tkhd", b"free"]),
            st.binary(max_size=30),
        ),
        max_size=6,
    )
)
def test_no_boxes_make_measuring_a_film_raise_or_run_for_ever(boxes: list[tuple[int, bytes, bytes]]) -> None:
    data = b"\0\0\0\x10ftypmp42\0\0\0\0" + b"".join(
        size.to_bytes(4, "big") + name + inside for size, name, inside in boxes
    )
    measure(data)
