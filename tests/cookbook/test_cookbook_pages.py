"""The README and the pages of the cookbook do what they say: every block runs, every shown output is real."""

from __future__ import annotations

import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from demo_models import chats, minilm
from run import blocks, main, play

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "cookbook").glob("[0-9]*.md"))
TEXTS = sorted({*ROOT.glob("*.md"), *(ROOT / "cookbook").glob("*.md"), *ROOT.glob("[!.]*/README.md")})

# LlamaIndex's agents look at their own fields in ways that pydantic and their workflows have given up.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The `__.*` attribute is deprecated"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance is deprecated"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key. memory"),
]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def pattern(shown: str) -> str:
    """What a page shows as a regular expression; an ellipsis stands for anything on its line, and a line of
    nothing but an ellipsis for any lines."""
    lines = shown.strip("\n").splitlines()
    return "\n".join("(?s:.+)" if line == "…" else re.escape(line).replace("…", ".*") for line in lines)


def test_the_cookbook_has_its_pages():
    assert [page.stem for page in PAGES] == [
        "01_first_chat",
        "02_rag_langchain",
        "03_rag_llamaindex",
        "04_agents",
        "05_local_embeddings",
        "06_remote_embeddings",
        "07_embedding_cache",
        "08_pictures_and_text",
        "09_whole_corpus",
        "10_pictures",
        "11_video_and_jobs",
        "12_speech",
        "13_classic_tasks",
        "14_agent_with_media",
        "15_fallback",
        "16_limits_and_budgets",
        "17_costs_and_usage",
        "18_shared_state",
        "19_finding_a_model",
        "20_dedicated_endpoint",
        "21_the_command",
        "22_moving_from_chat_hugging_face",
        "23_moving_from_hugging_face_inference_api",
        "24_moving_from_openai_clients",
        "25_tokens_and_permissions",
        "26_proxies_and_certificates",
        "27_notebooks",
        "28_comparing_on_own_prompts",
        "29_testing_in_ci",
        "30_comparing_embedding_models",
    ]


def test_the_contents_name_every_page():
    contents = (ROOT / "cookbook" / "README.md").read_text()
    named = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\)", contents, flags=re.MULTILINE)
    assert sorted(named) == [(page.stem, page.stem) for page in PAGES]


@pytest.mark.parametrize(("page", "following"), list(pairwise(PAGES)), ids=lambda page: page.name)
def test_each_page_ends_by_leading_to_the_next(page, following):
    assert f"]({following.name})" in page.read_text().splitlines()[-1]


@pytest.mark.parametrize(
    ("shown", "printed", "agrees"),
    [
        pytest.param("a (b)", "a (b)", True, id="what is shown is no pattern itself"),
        pytest.param("a … c", "a b c", True, id="an ellipsis is anything on its line"),
        pytest.param("a …", "a b\nc", False, id="and nothing on the next"),
        pytest.param("a\n…", "a\nb\nc", True, id="a line of an ellipsis is any lines"),
        pytest.param("a\n…", "a", False, id="but one at least"),
        pytest.param("a\n…\nd", "a\nb\nc", False, id="after which what is shown must come"),
    ],
)
def test_outputs_are_compared_line_by_line(shown, printed, agrees):
    assert bool(re.fullmatch(pattern(shown), printed)) is agrees


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_every_python_block_of_a_page_is_found(page):
    assert len(blocks(page)) == page.read_text().count("```python") >= 4


NEEDS_REDIS = "18_shared_state"
"""Runs with the services (tests/services), where there is a server."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem != NEEDS_REDIS], ids=lambda page: page.name
)
def test_a_page_runs_and_prints_what_it_shows(page):
    with chats() as who:
        assert not who.live
        for block, printed in play(page):
            where = f"{page.name}, line {block.line}"
            assert re.fullmatch(pattern(block.shown or ""), printed.strip("\n")), (
                f"{where} printed {printed!r}"
            )


@pytest.fixture
def a_hub_cache_with_minilm(tmp_path, monkeypatch):
    """The one model of the README that is run here, where a download would have put it."""
    snapshot = tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / ("0" * 40)
    shutil.copytree(minilm(), snapshot, copy_function=os.symlink)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(snapshot.name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))


@pytest.mark.usefixtures("a_hub_cache_with_minilm")
def test_the_readme_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("passages.jsonl").write_text('{"id": 1, "text": "A router routes."}\n')
    everything = ""
    with chats() as who:
        assert not who.live
        # The README names no address: the stand-in is the router itself here, and its Hub the Hub.
        monkeypatch.setattr("shared_core.client.vector_router.ROUTER_URL", who.base_url)
        monkeypatch.setenv("HF_ENDPOINT", who.base_url.removesuffix("/v1"))
        for block, printed in play(README):
            if block.shown:
                assert re.fullmatch(pattern(block.shown), printed.strip("\n")), (
                    f"line {block.line}: {printed!r}"
                )
            everything += printed
    assert everything.count("Hello! I am offline/tools") == 6  # three first chats, three streams
    assert "'name': 'multiply', 'args': {'a': 6, 'b': 7}" in everything
    assert "tool_kwargs={'a': 6, 'b': 7}" in everything
    assert everything.count("name='Ada Lovelace' born=1815") == 2
    assert "\n384 4096\n" in everything
    assert "(1, 384) 8 ()\nsentence-transformers/all-MiniLM-L6-v2 at 000000000000: " in everything
    assert "(2, 4096) scaleway\n1 rows, 1 texts embedded, " in everything
    assert Path("vectors.parquet").is_dir()
    assert Path("bicycle.jpg").is_file()
    assert "\nvideo/mp4 The train is late.\n" in everything
    assert "offline/tools 3\n" in everything, "the third attempt passes the two faults that were queued"


def test_a_page_can_be_run_from_a_shell(capsys):
    assert main([str(PAGES[0])]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("01_first_chat.md, answered offline\n")
    assert "line 13:\nHello! I am offline/tools" in printed


def test_the_command_without_a_page_says_how_it_is_used(capsys):
    assert main([]) == 2
    assert "python cookbook/run.py" in capsys.readouterr().out


def test_an_error_in_a_page_names_the_line_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n```python\nx = 1\n```\n\ntext\n\n```python\nx += 1\nraise LookupError(x)\n```\n"
    )
    with pytest.raises(LookupError) as caught:
        list(play(page))
    assert caught.traceback[-1].lineno + 1 == 11
    assert caught.value.args == (2,)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
