"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from shared_core._version import __version__
from shared_core.cli import budgets, caches
from shared_core.cli.chatting import chat
from shared_core.cli.comparing import compare
from shared_core.cli.doctor import doctor
from shared_core.cli.embed_comparing import embed_compare
from shared_core.cli.embedding import embed
from shared_core.cli.endpoints import endpoints
from shared_core.cli.finding import info, models, recommend
from shared_core.cli.media import image, speak, transcribe, video
from shared_core.cli.offline import offline
from shared_core.cli.out import ready
from shared_core.cli.testing_cases import run_cases
from shared_core.cli.usage import usage

__all__ = ["app", "run"]

app = typer.Typer(
    name="hfrouter",
    help="Every Hugging Face inference provider, from a terminal.",
    epilog="Exit codes: 0 done; 1 failed; 2 wrong arguments or settings; 3 token, permission or credits; 4 no such "
    "model, or nobody serves it; 5 too busy, too slow or unreachable, worth another try later; 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with locals could show a token
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    chat,
    models,
    info,
    compare,
    recommend,
    run_cases,
    embed,
    embed_compare,
    image,
    video,
    speak,
    transcribe,
    usage,
    offline,
    doctor,
)
_NAMES: dict[object, str] = {run_cases: "test"}  # a function of that name would be taken for a test of ours
for command in _COMMANDS:
    app.command(_NAMES.get(command))(command)
app.add_typer(endpoints)
app.add_typer(budgets.app, name="budget")
app.add_typer(caches.app, name="cache")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hfrouter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Every Hugging Face inference provider, from a terminal."""


def run() -> None:
    """Runs the command line."""
    ready()
    app()
