"""One contender's process: builds the turn, then answers each line on stdin with one round's times.

`worker.py NAME SETUP.json`. A round goes through the questions once; for each, the whole turn and its parts are timed
one after another, another one first each time; what goes over the framework's own store, which is slow, for one of
them. Values are seconds, wall and this process's CPU (all threads).

The process keeps to one core, so that libraries take one thread each: threads that wait for each other would be
counted as CPU time, and differently each time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import contenders

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # what all benchmarks share
import worker_loop


def build(name: str, setup: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """The contender's round."""
    import bare
    import numpy as np
    import turns

    contender = contenders.BY_NAME[name]
    names: dict[str, Any] = {"PLAIN": setup["plain"], "URL": setup["url"], "MODEL": setup["model"]}
    exec(contender.imports, names)
    embeddings, chat = eval(contender.embeddings, names), eval(contender.chat, names)
    vectors, texts = np.load(setup["vectors"]), setup["texts"]
    parts = turns.FRAMEWORKS[contender.framework](embeddings, chat, texts, vectors)
    questions = setup["questions"]
    known = {question: parts.embed(question) for question in questions}  # also loads the model
    forward = bare.forward_of(contender.engine, embeddings, setup["plain"], questions)
    post = bare.Post(setup["url"], setup["model"])
    prompts = {
        question: turns.PROMPT.format(
            context="\n".join(parts.matrix.search(known[question])), question=question
        )
        for question in questions
    }
    checked(parts, forward, known)

    timed: dict[str, Callable[[str], Any]] = {
        "turn": parts.matrix.whole,
        "turn, own store": parts.own.whole,
        "embed": parts.embed,
        "search": lambda question: parts.matrix.search(known[question]),
        "search, own store": lambda question: parts.own.search(known[question]),
        "answer": lambda question: parts.answer(prompts[question]),
        "bare forward": forward,
        "bare search": lambda question: turns.nearest(vectors, known[question]),
        "bare post": lambda question: post(prompts[question]),
    }
    order, rounds = list(timed), 0

    def round_() -> dict[str, Any]:
        wall: dict[str, list[float]] = {part: [] for part in order}
        cpu: dict[str, list[float]] = {part: [] for part in order}
        nonlocal rounds
        slow = questions[rounds % len(questions)]
        rounds += 1
        post.reopened(prompts[slow])
        for number, question in enumerate(questions):
            first = number % len(order)
            for part in order[first:] + order[:first]:
                if part.endswith("own store") and question != slow:
                    continue
                work = timed[part]
                began, used = time.perf_counter(), time.process_time()
                work(question)
                cpu[part].append(time.process_time() - used)
                wall[part].append(time.perf_counter() - began)
        return {"wall": wall, "cpu": cpu}

    def answers() -> dict[str, Any]:
        return {"answers": [parts.matrix.whole(question) for question in questions]}

    names["round"], names["answers"] = round_, answers
    return lambda line: names[line]()


def checked(parts: Any, forward: Callable[[str], Any], known: dict[str, Any]) -> None:
    """Stops where a part is not what it is taken for: its time would mean nothing."""
    import numpy as np

    for question, vector in known.items():
        cosine = float(np.dot(np.asarray(vector, np.float32), np.asarray(forward(question), np.float32)))
        assert cosine > 0.9999, f"the bare forward pass gives another vector (cosine {cosine})"
        assert parts.own.search(vector) == parts.matrix.search(vector), "the stores find different texts"
        assert parts.matrix.whole(question) not in ("", "Empty Response"), "no answer"


def main() -> None:
    name, setup_file = sys.argv[1:]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with open(setup_file) as file:
        setup = json.load(file)
    worker_loop.serve(name, lambda: build(name, setup), lambda work, line: work(line))


if __name__ == "__main__":
    main()
