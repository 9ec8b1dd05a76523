"""Sabotages of media tasks: what is paid for, where a token goes, which files are touched, who is still waiting."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["MEDIA"]

_FLOW = ("tests/client/jobs",)

MEDIA = (
    Mutant(
        "What may have been made and paid for is asked for again",
        "shared_core/policy/retry.py",
        "if self.only_unsent and not _was_refused(error) and not call.waits.opening:",
        "if self.only_unsent and _was_refused(error) and not call.waits.opening:",
        ("tests/faults/test_paid_once.py::test_what_may_have_run_is_sent_once_and_said_to_be_billed",),
    ),
    Mutant(
        "Nobody is told that what failed may be billed",
        "shared_core/client/jobs.py",
        "                raise paid_for(error) from None\n            raise",
        "                raise\n            raise",
        ("tests/faults/test_paid_once.py::test_what_may_have_run_is_sent_once_and_said_to_be_billed",),
    ),
    Mutant(
        "An error after a job was accepted forgets the job",
        "shared_core/client/jobs.py",
        "            error.job = job\n            error.provider",
        "            error.job = None\n            error.provider",
        _FLOW,
    ),
    Mutant(
        "The waits between two questions never grow",
        "shared_core/client/jobs.py",
        "wait = min(wait * _LONGER, _LONGEST_WAIT)",
        "wait = min(wait, _LONGEST_WAIT)",
        _FLOW,
    ),
    Mutant(
        "One question that fails ends the wait for a film",
        "shared_core/client/jobs.py",
        "_MOST_FAILURES = 5",
        "_MOST_FAILURES = 1",
        _FLOW,
    ),
    Mutant(
        "A call whose job was cancelled asks once more",
        "shared_core/client/jobs.py",
        "            if self.waiter.stopped:\n",
        "            if self.waiter is None:\n",
        _FLOW,
    ),
    Mutant(
        "A job that is done without a result is an empty reply",
        "shared_core/client/jobs.py",
        "if self.keep is not None and not report.outputs:",
        "if self.keep is None and not report.outputs:",
        _FLOW,
    ),
    Mutant(
        "A task that is cancelled leaves its job running at the provider",
        "shared_core/client/media_calls.py",
        "if farewell and waiter.job is not None and not waiter.stopped:",
        "if not farewell and waiter.job is not None and not waiter.stopped:",
        (
            "tests/faults/test_media_cancel.py::test_a_task_that_is_cancelled_tells_the_provider_where_it_can_and_asks_no_more",
        ),
    ),
    Mutant(
        "Whoever waits on a socket is not woken when the job is cancelled",
        "shared_core/client/media_calls.py",
        "            run.hang_up()",
        "            nap.wake()",
        ("tests/faults/test_media_cancel.py::test_a_call_that_reads_what_never_comes_gets_up_at_once",),
    ),
    Mutant(
        "The token goes to whoever has the file",
        "shared_core/client/downloads.py",
        'b"", NO_KEY)',
        'b"", call.target.key)',
        ("tests/media/test_downloads.py::test_the_token_goes_to_the_router_alone",),
    ),
    Mutant(
        "The token follows a job's path out of its provider",
        "shared_core/types/jobs.py",
        'return path.startswith(f"/{provider}/") and _PATH.fullmatch(path) is not None',
        'return path.startswith(f"/{provider}/")',
        ("tests/providers/test_dialects.py",),
    ),
    Mutant(
        "A page that is called a picture is taken for one",
        "shared_core/client/downloads.py",
        "_TYPE.fullmatch(declared) and not _is_text(head)",
        "_TYPE.fullmatch(declared)",
        ("tests/media/test_downloads.py::test_a_result_that_is",),
    ),
    Mutant(
        "A stranger's name may lead into this network",
        "shared_core/transport/backend.py",
        "            if timeout.public:\n",
        "            if timeout.public and not host:\n",
        ("tests/faults/test_public_addresses.py::test_a_name_that_leads_here_is_refused",),
    ),
    Mutant(
        "A connection that was opened to this network serves a stranger's address",
        "shared_core/transport/blocking.py",
        'return f"public {origin}" if waits.public else origin',
        "return origin",
        (
            "tests/faults/test_public_addresses.py::test_a_connection_that_somebody_else_opened_to_this_machine_is_no_way_in",
        ),
    ),
    Mutant(
        "A result overwrites the file that took its name meanwhile",
        "shared_core/media/sink.py",
        "            os.link(part, name)",
        "            os.link(os.replace(part, name) or name, part)",
        ("tests/media/test_sink.py::test_what_took_the_name_meanwhile_is_not_touched",),
    ),
    Mutant(
        "A result that is given up leaves its half behind",
        "shared_core/media/sink.py",
        "for path in filter(None, (self._part, self._name)):",
        "for path in filter(None, (self._name,)):",
        ("tests/media/test_sink.py",),
    ),
    Mutant(
        "A small file that unfolds to gigabytes is taken",
        "shared_core/media/inputs.py",
        "if limits.most_pixels and width * height > limits.most_pixels:",
        "if limits.most_pixels < 0 and width * height > limits.most_pixels:",
        ("tests/media/test_inputs.py::test_a_picture_that_is",),
    ),
)
