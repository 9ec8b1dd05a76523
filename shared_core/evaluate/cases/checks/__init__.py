"""What an answer must fulfil: checks, by the words that promptfoo has made known.

A check is a value: what it asks for, in which words. Written down it is a mapping of one word, and of more where the
check takes them; `not-` before the word turns it round:

    contains: Paris            icontains, starts-with, equals: in the answer's text; space around it does not count
    contains-any: [a, b]       contains-all, icontains-any, icontains-all: several texts
    regex: "\\d{4}"             Python's `re.search`; the pattern is your own, and no time limit stops it
    is-json: true              the whole answer is JSON; or, in place of true, a JSON schema that it must fulfil
    json-schema: {type: …}     the JSON in the answer (all of it, or its first code fence) fulfils the schema
    tool-call: add             a tool of that name is called; {name: add, arguments: {a: 2}} with these arguments
    finish-reason: stop        why the answer ended
    max-cost: 0.001            US dollars; a cost that nobody knows fails
    max-latency: 5             seconds to the whole answer
    max-first-token: 0.5       seconds to the first content; an answer that came in one piece fails
    similar: text              cosine of the embeddings, at least `threshold: 0.75`; needs an embedder
    llm-rubric: what is wanted   another model judges; needs a judge
    python: checks.py:polite   your own function of an `Answer`, from a file beside the cases or an importable module

Lives here: checks and what they say of one answer. Not here: cases (`cases`), asking embedders and judges (`grading`).
"""

from __future__ import annotations

from shared_core.evaluate.cases.checks.check import Check, check_of
from shared_core.evaluate.cases.checks.verdict import Verdict

__all__ = ["Check", "Verdict", "check_of"]
