"""Calls that may take long, run so that none of them delays an answer beyond its time."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A call that hangs keeps its thread; the others go on.
_THREADS = 8


class Deadlines:
    """Runs calls in threads of this process."""

    def __init__(self) -> None:
        self._executor: Executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="client-connect")

    def run(
        self, calls: Mapping[str, Callable[[], Any]], *, seconds: float
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Run calls at once.

        Args:
            calls: What to call, by name.
            seconds: How long to wait for all of them together. What hangs is left behind, and not waited for.

        Returns:
            What they returned, and why each of the others did not, by name.
        """
        futures = {name: self._start(call) for name, call in calls.items()}
        wait(futures.values(), timeout=seconds)
        answers, problems = {}, {}
        for name, future in futures.items():
            problem = _problem(future, seconds)
            if problem is None:
                answers[name] = future.result()
            else:
                problems[name] = problem
        return answers, problems

    def _start(self, call: Callable[[], Any]) -> Future[Any]:
        try:
            return self._executor.submit(call)
        except RuntimeError as error:  # no thread can be started
            future: Future[Any] = Future()
            future.set_exception(error)
            return future


def _problem(future: Future[Any], seconds: float) -> str | None:
    if not future.done():
        future.cancel()
        return f"TimeoutError: no answer within {seconds:.1f} s"
    error = future.exception()
    return None if error is None else f"{type(error).__name__}: {error}"
