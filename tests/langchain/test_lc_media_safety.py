"""Tools keep the token to themselves, open nothing that a model names, and ask nobody but the router and its files."""

from __future__ import annotations

import copy
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from langchain_core.load import dumps

sys.path.insert(0, str(Path(__file__).parent))

from media_models import MODELS, called, here

from langchain_hfrouter import HFImageToImage, HFRouterToolkit, HFTextToImage, HFTextToSpeech
from shared_core.media import ArtifactStore
from shared_core.testing import Status

CANARY = "hf_canary0123456789abcdefghij"
COOKIE = "canary-of-a-cookie"

pytestmark = pytest.mark.usefixtures("jobs_at_once")

# the token

SAID: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "dumps": dumps,
    "JSON": lambda it: it.model_dump_json(exclude={"args_schema", "handle_validation_error"}),
    "dump": lambda it: str(it.model_dump()),
    "pickle": lambda it: pickle.dumps(it).decode("latin-1"),
    "deep copy": lambda it: str(pickle.dumps(vars(copy.deepcopy(it)))),
    "the key field": lambda it: f"{it.api_key!r} {it.api_key}",
    "the fields": lambda it: str(vars(it)),
}


def one_tool(url: Any) -> Any:
    return HFTextToImage("offline/painter:fal-ai", **secret(url))


def toolkit(url: Any) -> Any:
    return HFRouterToolkit(**secret(url))


def tool_of_a_toolkit(url: Any) -> Any:
    return toolkit(url).get_tools()[0]


def secret(url: Any) -> dict[str, Any]:
    return here(url, api_key=CANARY, default_headers={"Cookie": COOKIE})


@pytest.mark.parametrize("make", [one_tool, toolkit, tool_of_a_toolkit], ids=lambda make: make.__name__)
@pytest.mark.parametrize("way", SAID)
def test_the_token_shows_nowhere(way: str, make: Callable[[Any], Any], offline_url: Any) -> None:
    said = SAID[way](make(offline_url))
    assert said or way == "str"  # of what has its defaults alone, pydantic's str is empty
    assert CANARY not in said
    if way != "the fields":  # the object itself has the headers that it sends
        assert COOKIE not in said


@pytest.mark.parametrize("handled", [True, False])
def test_a_token_that_a_provider_quotes_is_not_told(handled: bool, offline_url: Any) -> None:
    offline_url.queue(
        Status(400, {"error": f"wrong token {CANARY}, see https://evil.example"}), path="/fal-ai/*"
    )
    tool = HFTextToImage("offline/painter:fal-ai", **secret(offline_url), handle_tool_error=handled)
    try:
        said = str(tool.invoke(called(tool, {"prompt": "a fox"})))
    except Exception as error:
        assert not handled
        said = "".join(traceback.format_exception(error))
    assert "wrong token" in said
    assert CANARY not in said


def test_the_token_is_in_no_message_and_no_artifact(offline_url: Any) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **secret(offline_url))
    message = tool.invoke(called(tool, {"prompt": "a fox"}))
    for said in (str(message), message.model_dump_json(), pickle.dumps(message).decode("latin-1")):
        assert CANARY not in said
    index = (tool.store.folder / "index.jsonl").read_text()
    assert CANARY not in index
    assert "http" not in index


def test_a_pickled_tool_misses_its_token_loudly_and_takes_no_other(
    offline_url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    for made in (one_tool(offline_url), tool_of_a_toolkit(offline_url)):
        arrived = pickle.loads(pickle.dumps(made))
        assert "api_key" in arrived.invoke({"prompt": "a fox"})
    assert offline_url.requests == []


def test_one_without_a_token_travels_whole_and_keeps_its_folder(offline_url: Any) -> None:
    made = HFTextToImage("offline/painter:fal-ai", **here(offline_url, api_key=""))
    first = made.invoke(called(made, {"prompt": "a fox"})).artifact
    for arrived in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), made.model_copy()):
        assert arrived.store.get(first.id) == first
        second = arrived.invoke(called(arrived, {"prompt": "a fox"})).artifact
        assert made.store.get(second.id) == second


# files and hosts


class Watch:
    """What the process opens, and whom it connects to, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.opened: list[tuple[str, Any, int]] = []
        self.hosts: set[tuple[str, int]] = set()
        sys.addaudithook(self._tell)

    def _tell(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and not isinstance(arguments[0], int):
            self.opened.append((str(arguments[0]), arguments[1], arguments[2]))
        elif event == "socket.connect":
            self.hosts.add(arguments[1][:2])


@pytest.fixture(scope="session")
def hook() -> Watch:
    """An audit hook cannot be taken away again: there is one for the session."""
    return Watch()


@pytest.fixture
def watch(hook: Watch) -> Iterator[Watch]:
    hook.opened.clear()
    hook.hosts.clear()
    yield hook
    hook.on = False


PROMPTS = [
    "/etc/passwd",
    "file:///etc/passwd",
    "../../../../etc/passwd",
    "https://evil.example/x.png",
    "http://169.254.169.254/latest/meta-data",
    "data:image/png;base64,AAAA",
    "~/.ssh/id_rsa",
    "C:\\Windows\\win.ini",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_that_spells_a_path_or_an_address_is_only_a_prompt(
    prompt: str, offline_url: Any, watch: Watch, tmp_path: Path, small_files: dict[str, bytes]
) -> None:
    store = ArtifactStore(tmp_path / "media")
    ours = here(offline_url, store=store)
    tools = {tool.name: tool for tool in HFRouterToolkit(models=MODELS, **ours).get_tools()}
    picture = store.add(small_files["png"])
    warm = (("text_to_image", {"prompt": "x"}), ("image_to_image", {"image_id": picture.id, "prompt": "x"}))
    for name, arguments in (*warm, ("text_to_speech", {"text": "x"})):
        tools[name].invoke(arguments)  # what is imported and connected is

    watch.on = True
    said = [
        tools["text_to_image"].invoke({"prompt": prompt}),
        tools["image_to_image"].invoke({"image_id": picture.id, "prompt": prompt}),
        tools["text_to_speech"].invoke({"text": prompt}),
        tools["image_to_image"].invoke({"image_id": prompt, "prompt": prompt}),
    ]
    watch.on = False

    assert [each[:4] for each in said[:3]] == ["img_", "img_", "aud_"]
    assert "Nothing was opened" in said[3]
    elsewhere = [each for each in watch.opened if not Path(each[0]).is_relative_to(store.folder)]
    assert [path for path, mode, flags in elsewhere if not path.startswith(sys.prefix)] == []
    origins = {urlsplit(each).port for each in (str(offline_url), offline_url.files_root)}
    assert {host for host, _ in watch.hosts} <= {"127.0.0.1"}
    assert {port for _, port in watch.hosts} <= origins
    assert [each.prompt for each in store][-3:] == [prompt] * 3


def test_the_watch_sees_what_is_opened(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "seen").touch()
    watch.on = True
    (tmp_path / "seen").read_bytes()
    watch.on = False
    assert str(tmp_path / "seen") in {path for path, _, _ in watch.opened}


def test_tools_without_one_store_between_them_do_not_share(offline_url: Any) -> None:
    made = HFTextToImage("offline/painter:fal-ai", **here(offline_url))
    spoken = HFTextToSpeech("offline/speaker:fal-ai", **here(offline_url))
    edit = HFImageToImage("offline/editor:hf-inference", **here(offline_url))
    assert len({made.store.folder, spoken.store.folder, edit.store.folder}) == 3
    picture = made.invoke(called(made, {"prompt": "a fox"})).artifact
    assert "no picture here yet" in edit.invoke({"image_id": picture.id, "prompt": "x"})
