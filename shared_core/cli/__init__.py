"""The command `hfrouter`: what the package can do, from a terminal. Needs the extra `cli`.

Lives here: commands, tables, exit codes. Not here: anything that a program could not do with the clients and the hub.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The entry point."""
    try:
        _run()
    except KeyboardInterrupt:  # while its libraries are loaded
        raise SystemExit(130) from None


def _run() -> None:
    try:
        import typer  # noqa: F401  (only to say what is missing)
    except ImportError:
        sys.stderr.write('hfrouter: the command needs its libraries: pip install "hfrouter[cli]"\n')
        raise SystemExit(2) from None
    from shared_core.cli.app import run

    run()
