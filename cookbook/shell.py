"""The command `hfrouter` as a page shows it: the line that is typed, and what it prints."""

from __future__ import annotations

import shlex

from typer.testing import CliRunner

from shared_core.cli.app import app
from shared_core.observe.ledger.ledger import _living

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
    for ledger in list(_living):  # the command's own process would end here, and its ledger write what waits
        ledger.flush()
    print(f"$ {line}")
    for printed in done.output.splitlines():
        print(printed.rstrip())
