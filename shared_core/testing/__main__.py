"""`python -m shared_core.testing --port 8899`: run the offline router until interrupted."""

from __future__ import annotations

import argparse
import errno
import json
import signal
import sys
import textwrap
import threading
from collections.abc import Iterable, Sequence

from shared_core._version import __version__

from .catalogue import MODELS
from .embedding.models import EMBEDDING_MODELS, RERANK_MODELS
from .server import offline_router
from .tasks.models import TASK_MODELS

_WIDEST = 80  # columns, as of every screen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="offline_router",
        description="Hugging Face's inference router, imitated on 127.0.0.1: no token, no network.",
    )
    parser.add_argument(
        "--port", type=int, default=8899, help="port on 127.0.0.1, 0 for a free one (default 8899)"
    )
    parser.add_argument("--token", help="require this token; by default any or none is accepted")
    parser.add_argument(
        "--embedder",
        default="auto",
        help="where vectors come from: auto, words, or a sentence-transformers folder",
    )
    parser.add_argument(
        "--alias",
        action="append",
        default=[],
        metavar="ID=MODEL",
        help="answer to another id too, as in openai/gpt-oss-120b=offline/tools; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="say where it is as one line of JSON")
    chosen = parser.parse_args(arguments)
    aliases = dict(item.partition("=")[::2] for item in chosen.alias)
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    try:
        with offline_router(
            chosen.port, token=chosen.token, embedder=chosen.embedder, aliases=aliases
        ) as url:
            where = {"base_url": str(url), "hub_url": url.root}
            sys.stdout.write(f"{json.dumps(where)}\n" if chosen.json else _greeting(url, chosen.token))
            sys.stdout.flush()
            stopped.wait()
    except (ImportError, OSError, ValueError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        following = "\nNext: Take another with --port; 0 is a free one." if taken else ""
        said = f"Port {chosen.port} is in use already." if taken else str(error)
        sys.stderr.write(f"{textwrap.fill(f'offline_router: {said}', _WIDEST)}{following}\n")
        return 1
    return 0


def _greeting(url: str, token: str | None) -> str:
    models = "\n".join(
        textwrap.fill(f"  {model.id:<20} {model.about}", _WIDEST, subsequent_indent=" " * 23)
        for model in MODELS.values()
    )
    bearer = f'    -H "Authorization: Bearer {token}" \\\n' if token else ""
    vectors = _filled("for vectors", [*EMBEDDING_MODELS, "offline/embed-N", *RERANK_MODELS])
    tasks = _filled("for media and tasks", TASK_MODELS)
    body = '{"model":"offline/echo","messages":[{"role":"user","content":"hello"}]}'
    return (
        f"Offline router (hfrouter {__version__}) at {url}\n{models}\n{vectors}\n{tasks}\n"
        f"Try:\n  curl {url}/chat/completions \\\n{bearer}"
        f"    -H 'Content-Type: application/json' \\\n    -d '{body}'\n"
        "Stop with Ctrl-C.\n"
    )


def _filled(what: str, models: Iterable[str]) -> str:
    """Ids one after another, none of them broken."""
    return textwrap.fill(
        f"{what}: {', '.join(models)}",
        _WIDEST,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    raise SystemExit(main())
