"""What the page on CI shows beside Python: a workflow that GitHub would take, and commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from shared_core.cli.app import app

PAGE = (Path(__file__).parents[2] / "cookbook" / "29_testing_in_ci.md").read_text(encoding="utf-8")
(WORKFLOW,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(SHELL,) = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
STEPS = yaml.safe_load(WORKFLOW)["jobs"]["cases"]["steps"]
COMMANDS = [
    line
    for line in [*SHELL.splitlines(), *(step.get("run", "") for step in STEPS)]
    if "hfrouter test" in line
]


def test_each_step_of_the_workflow_uses_or_runs_something() -> None:
    told = yaml.safe_load(WORKFLOW)
    assert set(told) == {"name", True, "jobs"}  # YAML 1.1 reads `on` as true; GitHub does not
    assert told["jobs"]["cases"]["runs-on"]
    assert all(("uses" in step) != ("run" in step) for step in STEPS)
    assert [step["with"]["path"] for step in STEPS if "upload-artifact" in step.get("uses", "")] == [
        "junit.xml"
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_the_command_exist(command: str) -> None:
    shown = CliRunner().invoke(app, ["test", "--help"], terminal_width=200).output
    words = shlex.split(command)
    assert words[:2] == ["hfrouter", "test"]
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(^|[\s,]){option}\b", shown), option
