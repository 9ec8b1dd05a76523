"""The command `hfrouter` as a page shows it: the line that is typed, and what it prints."""

from __future__ import annotations

import gc
import shlex

from typer.testing import CliRunner

from shared_core.cli.app import app

__all__ = ["shell"]


def shell(line: str, piped: str = "") -> None:
    """Runs a command line in this process, and prints it with its output.

    Args:
        line: "hfrouter models"; what would be piped in stands in front of a "|" for the reader alone.
        piped: What is piped in.
    """
    arguments = shlex.split(line.rpartition("| ")[2])[1:]
    done = CliRunner().invoke(app, arguments, input=piped, prog_name="hfrouter", env={"COLUMNS": "80"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    gc.collect()  # the command's own process would end here, and its ledger write what waits
    print(f"$ {line}")
    for printed in done.output.splitlines():
        print(printed.rstrip())
