"""Calls that may take long, run so that none of them delays an answer beyond its time."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A call that hangs keeps its thread. Each name has its own threads, so other calls go on.
_THREADS = 4
_LONGEST_PROBLEM = 500
_TIMED_OUT = TimeoutError()


class Described(Exception):
    """A failure whose text is all that may be recorded of it."""


class Deadlines:
    """Runs calls in threads of this process."""

    def __init__(self) -> None:
        self._executors: dict[str, Executor] = {}

    def run(
        self, calls: Mapping[str, Callable[[], Any]], *, seconds: float, threads: str | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Run calls at once.

        Args:
            calls: What to call, by name.
            seconds: How long to wait for all of them together. What hangs is left behind, and not waited for.
            threads: The name whose threads run them. Default: each its own name's.

        Returns:
            The results of those that returned, and why each of the others did not, by name.
        """
        deadline = monotonic() + seconds
        futures = {name: self._start(threads or name, call) for name, call in calls.items()}
        answers, problems = {}, {}
        for name, future in futures.items():
            problem = _problem(future, max(0.0, deadline - monotonic()))
            if problem is _TIMED_OUT:
                problems[name] = f"TimeoutError: no answer within {seconds:.1f} s"
            elif problem is not None:
                problems[name] = _described(problem)[:_LONGEST_PROBLEM]
            else:
                answers[name] = future.result()
        return answers, problems

    def _start(self, name: str, call: Callable[[], Any]) -> Future[Any]:
        executor = self._executors.get(name)
        if executor is None:
            executor = self._executors[name] = ThreadPoolExecutor(_THREADS, thread_name_prefix=name)
        try:
            return executor.submit(call)
        except RuntimeError as error:  # no thread can be started
            future: Future[Any] = Future()
            future.set_exception(error)
            return future


def _problem(future: Future[Any], seconds: float) -> BaseException | None:
    try:
        return future.exception(seconds)
    except TimeoutError:
        future.cancel()
        return _TIMED_OUT


def _described(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, Described):
        return str(error)
    try:
        return f"{name}: {error}"
    except BaseException:  # noqa: BLE001 - a foreign error may not even be able to describe itself
        return name
