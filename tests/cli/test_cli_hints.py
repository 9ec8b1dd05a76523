"""What an error advises can be typed: an option, a command or a variable, and no Python."""

from __future__ import annotations

import re

import pytest

from shared_core import errors
from shared_core.cli.hints import in_a_shell
from shared_core.client.advice import advice

PYTHON = re.compile(r"\w+=`|`\w+=|`\.\w+|\w\(\)|\(\.\.\.\)|\brouter\.|api_key=|=True")
HINTED = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.RouterError) and kind.default_hint
]


@pytest.mark.parametrize("kind", HINTED, ids=lambda kind: kind.__name__)
def test_the_usual_hint_of_every_kind_holds_no_python(kind: type[errors.RouterError]) -> None:
    assert not PYTHON.search(in_a_shell(kind.default_hint))


@pytest.mark.parametrize(
    ("hint", "typed"),
    [
        (
            errors.TimedOut.default_hint,
            "Raise the limit with `--timeout` or HFROUTER_TIMEOUT (seconds), stream the answer, or pick a faster "
            "provider.",
        ),
        (errors.ModelLoading.default_hint, "Set HFROUTER_WAIT_FOR_MODEL=true to wait for it."),
        (
            advice(errors.Unauthorized("No."), "http://localhost:8000/v1", "my-model"),
            "Set HFROUTER_API_KEY to this server's key. HF_TOKEN is sent to hosts of Hugging Face's alone.",
        ),
        (
            "It begins anew tomorrow. More is allowed by `grant()`, or by a larger budget.",
            "It begins anew tomorrow. More is allowed by `hfrouter budget grant`, or by a larger budget.",
        ),
        ("Accept the model's terms on its Hub page.", "Accept the model's terms on its Hub page."),
    ],
    ids=[
        "a limit of time",
        "a model that loads",
        "another server's key",
        "a budget",
        "what needs no other words",
    ],
)
def test_hints_become_what_can_be_typed(hint: str, typed: str) -> None:
    assert in_a_shell(hint) == typed
