"""One contender's process: loads it, then runs one round of one measure whenever a line asks for it.

Lives here: loading a contender from its row, forking for measures that want a fresh start.
Not here: what is measured (`measures`), the loop over the lines (`worker_loop`).
Only the standard library is imported before the contender.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from typing import Any

import calls
import canned
import contenders
import measures
import worker_loop

PATIENCE = 40  # seconds for one forked round


def load(name: str, server: str) -> measures.Subject:
    """Import the contender of that name and return it ready to be built."""
    contender = contenders.BY_NAME[name]
    names: dict[str, Any] = {"MODEL": canned.MODEL, "KEY": "x"}
    if contender.group == "floor":
        import floors

        names |= {"langchain_floor": floors.langchain_floor, "llama_index_floor": floors.llama_index_floor}
    exec(contender.imports, names)
    code = compile(contender.build, f"<{name}>", "eval")
    return measures.Subject(
        name, server, calls.FAMILIES[contender.family], lambda url: eval(code, {**names, "url": url})
    )


def answer(subject: measures.Subject, name: str) -> dict[str, Any]:
    """One round, in a child where its measure asks for that."""
    measure = measures.BARE if name == measures.BARE.name else measures.MEASURES[name]
    return forked(measure, subject) if measure.forked else measure.work(subject)


def forked(measure: measures.Measure, subject: measures.Subject) -> dict[str, Any]:
    """The same in a child: nothing was called in this process yet, so pools are cold and the loop is new."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)  # its default action ends a child that hangs
        faulthandler.dump_traceback_later(PATIENCE - 2)
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(worker_loop.attempted(lambda: measure.work(subject)), pipe)
        os._exit(0)  # no atexit handlers of libraries that believe they are in the parent
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else {"failed": f"no answer in {PATIENCE} s, or it died"}


def memory(name: str, server: str) -> None:
    """Print the resident megabytes of a program that imported the contender and made one call."""
    subject = load(name, server)
    it = subject.at("plain")
    reply = it.call() if hasattr(it, "call") else calls.run(it.acall())
    measures.expect("reply", it.text(reply), canned.REPLY)
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS:"))
    print(json.dumps({"rss": int(line.split()[1]) / 1024}))


def main() -> None:
    """`worker.py NAME SERVER`: say what was loaded, then answer lines until stdin closes."""
    name, server, *probe = sys.argv[1:]
    if probe == ["memory"]:
        memory(name, server)
        return
    worker_loop.serve(name, lambda: load(name, server), answer)


if __name__ == "__main__":
    main()
