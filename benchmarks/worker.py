"""One contender's process: loads it, then runs one round of one measure whenever a line asks for it.

Lives here: the pipe (names of measures in on stdin, JSON lines out on the real stdout), loading a
contender from its row, forking for measures that want a fresh start.
Not here: what is measured (`measures`). Only the standard library is imported before the contender.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import traceback
from typing import Any

import calls
import canned
import contenders
import measures

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
    """One round; an exception becomes the reason why the row is empty."""
    measure = measures.BARE if name == measures.BARE.name else measures.MEASURES[name]
    try:
        return measure.work(subject)
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]}


def forked(subject: measures.Subject, name: str) -> dict[str, Any]:
    """The same in a child: nothing was called in this process yet, so pools are cold and the loop is new."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)  # its default action ends a child that hangs
        faulthandler.dump_traceback_later(PATIENCE - 2)
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer(subject, name), pipe)
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
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between our lines

    def say(value: dict[str, Any]) -> None:
        pipe.write(json.dumps(value) + "\n")
        pipe.flush()

    try:
        subject = load(name, server)
    except Exception as error:
        traceback.print_exc()
        say({"failed": f"{type(error).__name__}: {error}"[:200]})
        return
    say({"ready": name})
    for line in sys.stdin:
        job = line.strip()
        measure = measures.MEASURES.get(job)
        say(forked(subject, job) if measure is not None and measure.forked else answer(subject, job))


if __name__ == "__main__":
    main()
