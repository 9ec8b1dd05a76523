"""Many calls at once, for threads and for event loops: arguments in, flow run, replies out.

What a batch needs is loaded with the first of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.client.checks import checked_count
from shared_core.client.progress import Bar
from shared_core.client.task_router import TaskRouter
from shared_core.errors import ConfigError
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun

if TYPE_CHECKING:
    from shared_core.client.batch import Batch, BatchReplies
    from shared_core.client.batch_requests import BatchRequest
    from shared_core.transport import AsyncTransport, Transport

__all__ = ["AsyncBatchCalls", "BatchCalls"]


class BatchCalls(TaskRouter):
    """Batches, blocking."""

    def batch(
        self,
        requests: Iterable[BatchRequest],
        *,
        max_concurrency: int = 8,
        path: str | os.PathLike[str] | None = None,
        progress: bool | Callable[[int, int | None], object] = False,
        stop_on_error: bool = False,
    ) -> BatchReplies:
        """Many calls of any kind, several at a time, each under all policies of this client.

        A request is a dictionary: the "task" by the name of this client's method ("chat", "embed", "rerank",
        "text_to_image", ...) or of the Hub, and the arguments of that method. With "messages", the task is a chat.

        Args:
            requests: Taken one by one, as their turn comes: a generator may make them.
            max_concurrency: Calls under way at one time, at most.
            path: A file (JSON lines, and media in a folder beside it) where each answer is kept as soon as it is
                there. The same call made again, after a crash or a failure, sends only what is missing. An answer is
                known by what was asked and of whom, wherever it stands in the list. The file holds answers: keep it
                as you would them.
            progress: True draws a bar on a terminal's stderr; a function is called with (done, total), the total
                None for a generator.
            stop_on_error: Raises the first error, in place of going on with the others.

        Returns:
            In the order of the requests, for each its reply or the error that befell it.

        Raises:
            ConfigError: An argument cannot work, or the file cannot be used.
            RouterError: With `stop_on_error`.

        Example:
            >>> replies = router.batch(  # doctest: +SKIP
            ...     [
            ...         {"messages": [{"role": "user", "content": "Hello!"}], "model": "org/name:cheapest"},
            ...         {"task": "embed", "texts": ["A cat sat on the mat."], "model": "BAAI/bge-m3"},
            ...     ],
            ...     path="answers.jsonl",
            ...     progress=True,
            ... )
            >>> replies[0].text, replies[1].vectors.shape, replies.failed  # doctest: +SKIP
            ('Hi there.', (1, 1024), [])
        """
        flow = _batch(self, requests, max_concurrency, path, progress, stop_on_error=stop_on_error).run()
        return BlockingRun(flow, self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> Transport: ...


class AsyncBatchCalls(TaskRouter):
    """The same for event loops. A batch that is cancelled keeps what was answered; jobs at providers go on."""

    async def batch(
        self,
        requests: Iterable[BatchRequest],
        *,
        max_concurrency: int = 8,
        path: str | os.PathLike[str] | None = None,
        progress: bool | Callable[[int, int | None], object] = False,
        stop_on_error: bool = False,
    ) -> BatchReplies:
        """See `HFRouter.batch`."""
        flow = _batch(self, requests, max_concurrency, path, progress, stop_on_error=stop_on_error).run()
        return await AsyncRun(flow, self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> AsyncTransport: ...


def _batch(
    client: TaskRouter, requests: Any, max_concurrency: int, path: Any, progress: Any, *, stop_on_error: bool
) -> Batch:
    """The batch, each argument checked."""
    from shared_core.client.batch import Batch

    if isinstance(requests, dict | str | bytes) or not isinstance(requests, Iterable):
        raise ConfigError(
            f"requests must be a list of dictionaries, not {type(requests).__name__}. Nothing was sent.",
            hint="A single request goes into a list of one.",
        )
    if not isinstance(path, str | os.PathLike | None):
        raise ConfigError(f"path={path!r} is no path. Nothing was sent.")
    if not callable(progress) and progress not in (True, False, None):
        raise ConfigError(f"progress={progress!r} is neither a function nor True. Nothing was sent.")
    return Batch(
        client,
        requests,
        checked_count(max_concurrency, "max_concurrency"),
        None if path is None else Path(path).expanduser().absolute(),
        progress if callable(progress) else Bar(of="requests") if progress else None,
        stop_on_error,
    )
