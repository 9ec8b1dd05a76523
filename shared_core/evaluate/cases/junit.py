"""Results as a JUnit report: a suite a model, a test a case.

There is no standard but what readers take. This keeps to what Jenkins' schema (junit-10.xsd of its xUnit plugin),
GitLab and the usual GitHub actions have in common: counts and times on the suites; failure, error or skipped, then
system-out, in the tests. Answers stand in it as they are; what XML 1.0 cannot hold is replaced by U+FFFD.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from shared_core.evaluate.cases.results import CaseResult, CaseResults
from shared_core.evaluate.cases.words import rate_of, runs_of

__all__ = ["as_junit"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no Char of XML 1.0 (section 2.2)."""

_TAGS = {"failed": "failure", "error": "error", "not asked": "skipped"}


def as_junit(results: CaseResults) -> str:
    """The report."""
    root = ET.Element("testsuites", _counts(results.results) | {"name": _clean(results.name)})
    root.set("time", f"{results.seconds:.3f}")
    for model in results.models:
        own = [result for result in results.results if result.model == model]
        suite = ET.SubElement(root, "testsuite", _counts(own) | {"name": _clean(model)})
        suite.set("skipped", str(sum(result.outcome == "not asked" for result in own)))
        suite.set("time", f"{sum(map(_seconds, own)):.3f}")
        suite.set("timestamp", datetime.fromtimestamp(results.started, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        for result in own:
            _add(suite, result)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(results: list[CaseResult] | tuple[CaseResult, ...]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(result.outcome == "failed" for result in results)),
        "errors": str(sum(result.outcome == "error" for result in results)),
    }


def _add(suite: ET.Element, result: CaseResult) -> None:
    about = {"name": _clean(result.case.name), "classname": _clean(result.model)}
    test = ET.SubElement(suite, "testcase", about | {"time": f"{_seconds(result):.3f}"})
    if (tag := _TAGS.get(result.outcome)) is not None:
        reasons = result.reasons
        befell = ET.SubElement(test, tag, {"message": _clean(f"{rate_of(result)}: {reasons[0]}")})
        if tag != "skipped":
            befell.set("type", result.outcome)
        befell.text = _clean("\n".join(reasons))
    ET.SubElement(test, "system-out").text = _clean("\n\n".join([rate_of(result), *runs_of(result)]))


def _seconds(result: CaseResult) -> float:
    return sum(run.asked.answer.seconds for run in result.runs)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
