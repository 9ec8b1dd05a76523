"""What an agent's tool does around a call: arguments that cannot leave their lane, words that a model can act on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared_core import errors
from shared_core.errors import BudgetExceeded, ConfigError, RouterError
from shared_core.media import (
    TOOLS,
    Artifact,
    ArtifactStore,
    MediaFile,
    MediaReply,
    TranscriptReply,
    begin,
    told,
    told_error,
)
from shared_core.types import Blob, ReplyMeta


@pytest.fixture
def store() -> ArtifactStore:
    return ArtifactStore()


class Label(NamedTuple):
    label: str
    score: float


# the tools as they are described


@pytest.mark.parametrize("name", TOOLS)
def test_every_argument_is_described_and_bounded_and_none_is_a_path_or_an_address(name: str) -> None:
    fields = TOOLS[name].arguments.model_json_schema()["properties"]
    for key, schema in fields.items():
        assert schema["description"].endswith("."), key
        kinds = schema.get("anyOf", [schema])
        bounds = {bound for kind in kinds for bound in kind}
        assert bounds & {"maxLength", "maximum", "exclusiveMaximum"}, key
        assert not re.search(r"path|url|file|link|to\b", key)
    assert TOOLS[name].arguments.model_config["extra"] == "forbid"
    assert len(TOOLS[name].about) < 200


def test_each_tool_leads_to_a_method_of_the_client_with_the_arguments_it_has() -> None:
    from shared_core.client.media_asking import TASKS

    for tool in TOOLS.values():
        known = TASKS.get(tool.task)
        if known is None:
            continue
        own = {tool.says, f"{tool.takes}_id"}
        assert set(tool.arguments.model_fields) - own <= set(known.options.__annotations__), tool


# before the call


def test_a_prompt_goes_on_as_it_is_and_what_was_left_out_is_left_out(store: ArtifactStore) -> None:
    prompt = "  /etc/passwd https://example.org/x.png \n"
    errand = begin(store, "text_to_image", {"prompt": prompt, "width": 64, "seed": None}, model="a/b")
    assert (errand.method, errand.inputs) == ("text_to_image", (prompt,))
    assert errand.options == {"width": 64, "model": "a/b", "most_bytes": errand.place.most_bytes}


def test_an_id_becomes_the_bytes_it_stands_for(store: ArtifactStore, png: bytes, wav: bytes) -> None:
    picture, sound = store.add(png), store.add(wav)
    errand = begin(store, "image_to_video", {"image_id": picture.id, "prompt": "it rolls"})
    assert errand.inputs == (Blob(png, "image/png"),)
    assert errand.options == {"prompt": "it rolls", "most_bytes": 128 * 2**20}
    errand = begin(store, "transcribe", {"audio_id": sound.id, "language": "en"})
    assert (errand.inputs, errand.options) == ((Blob(wav, "audio/wav"),), {"language": "en"})


def test_a_question_about_a_picture_goes_beside_it(store: ArtifactStore, png: bytes) -> None:
    errand = begin(
        store, "ask_image", {"image_id": store.add(png).id, "question": "What is it?"}, model="a/b"
    )
    assert errand.inputs == (Blob(png, "image/png"), "What is it?")
    assert errand.options == {"model": "a/b"}


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        pytest.param(
            "text_to_image", {"prompt": "x", "to": "/tmp"}, "takes no to", id="no place to write to"
        ),
        pytest.param(
            "image_to_image", {"url": "https://x.org", "prompt": "x"}, "takes no url", id="no address"
        ),
        pytest.param("text_to_image", {"prompt": "x", "extra_body": {}}, "takes no extra_body", id="no keys"),
        pytest.param("image_to_image", {"prompt": "x"}, "needs image_id", id="what must be there"),
        pytest.param("image_to_image", {}, "needs image_id and prompt", id="all that must be there"),
        pytest.param("text_to_music", {}, "no media tool 'text_to_music'", id="only these tools"),
        pytest.param("image_to_image", {"image_id": "/x.png", "prompt": "x"}, "not the id", id="no path"),
    ],
)
def test_what_a_model_must_not_say_is_refused_before_anything_is_set_aside(
    store: ArtifactStore, name: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        begin(store, name, arguments)
    assert store.used == (0, 0, 0)


def test_limits_refuse_before_the_call(png: bytes) -> None:
    store = ArtifactStore(most_files=0)
    with pytest.raises(BudgetExceeded, match="Nothing was sent"):
        begin(store, "text_to_image", {"prompt": "x"})


# after it


def test_a_result_is_kept_and_told_in_a_few_words(store: ArtifactStore, png: bytes) -> None:
    reply = MediaReply(
        (MediaFile("image/png", png),), ReplyMeta("org/name", "fal-ai", url="https://x.org"), 7
    )
    with begin(store, "text_to_image", {"prompt": "a fox"}) as errand:
        text, artifact = errand.finish(reply)
    assert text == f"{artifact.id}: image/png, 3 x 2 pixels, 1 kB, seed 7, made by org/name at fal-ai"
    assert store.get(artifact.id) == artifact
    assert artifact.prompt == "a fox"
    assert store.used == (1, len(png), 0)


def test_what_is_unknown_of_an_artifact_is_not_told() -> None:
    film = Artifact("vid_1", "video", Path("vid_1.mp4"), "video/mp4", 5 * 2**20, duration=4.96)
    assert told(film) == "vid_1: video/mp4, 5.0 seconds, 5,120 kB"


def test_what_is_heard_and_judged_is_text(store: ArtifactStore, wav: bytes, png: bytes) -> None:
    sound, picture = store.add(wav).id, store.add(png).id
    heard = TranscriptReply("Good morning.", ReplyMeta("m"))
    assert begin(store, "transcribe", {"audio_id": sound}).finish(heard) == ("Good morning.", heard)
    silent = begin(store, "transcribe", {"audio_id": sound}).finish(TranscriptReply("", ReplyMeta("m")))
    assert silent.text == "Nothing is said in it."
    labels = [Label("cat", 0.1), Label("dog", 0.85)]
    judged = begin(store, "classify_image", {"image_id": picture}).finish(labels)
    assert judged == ("dog: 0.850\ncat: 0.100", labels)
    assert begin(store, "classify_text", {"text": "x"}).finish([]).text == "No label fits."


def test_a_long_transcript_is_cut_for_the_model_and_whole_for_the_program(
    store: ArtifactStore, wav: bytes
) -> None:
    reply = TranscriptReply("word " * 10_000, ReplyMeta("m"))
    text, result = begin(store, "transcribe", {"audio_id": store.add(wav).id}).finish(reply)
    assert len(text) < 20_100
    assert text.endswith("(30,000 characters more, which the program has)")
    assert result.text == reply.text


# errors

EVERY_KIND = [
    cause
    for name in errors.__all__
    if isinstance(cause := getattr(errors, name), type)
    and issubclass(cause, RouterError)
    and cause not in (errors.StreamInterrupted, errors.AllRoutesFailed)
]


@pytest.mark.parametrize("cause", EVERY_KIND, ids=lambda cause: cause.__name__)
def test_a_model_is_told_a_sentence_without_addresses_tokens_and_request_ids(
    cause: type[RouterError],
) -> None:
    words = "see ![x](https://evil.example/a.png?q=1) data:image/png;base64,AAAA with hf_abcdefghijklmnop"
    said = told_error(cause(words, request_id="req-1", status=400, retry_after=5, code="c"))
    assert not re.search(r"evil|://|base64|hf_abc|req-1", said)
    assert said[-1] in ".…"
    assert 20 < len(said) < 600


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.PaymentRequired("402"), "no credits left (HTTP 402). Do not try again: tell the user."),
        (errors.RateLimited("429", retry_after=7.4), "It asks to wait 7 seconds. Do something else first"),
        (errors.Refused("nsfw"), "withheld the result as not safe for work. Put it differently"),
        (errors.BadRequest("width must be 8n"), "refused as wrong: width must be 8n. Correct it"),
        (errors.JobFailed("out of memory"), "Nothing was made: out of memory. Try once more"),
    ],
    ids=["no money", "too many calls", "not safe for work", "wrong", "a job that failed"],
)
def test_the_sentence_says_what_to_do_next(error: RouterError, said: str) -> None:
    assert said in told_error(error)
