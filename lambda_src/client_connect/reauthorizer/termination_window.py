"""The connections that runs have ended within a window of time, which limits what they may still end."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client_connect.reauthorizer.scan import NOBODY, counted
from client_connect.reauthorizer.state import Terminations

if TYPE_CHECKING:
    from client_connect.reauthorizer.evaluation import Evaluation
    from client_connect.reauthorizer.scan import Candidate
    from client_connect.reauthorizer.settings import ReauthorizerSettings
    from client_connect.reauthorizer.state import ReauthorizerState


class TerminationWindow:
    """The connections that were ended, each remembered right before it is.

    So a run that is killed or superseded leaves at most one that was not ended, and no two runs end more than they
    may together.

    Args:
        state: Keeps them for later runs.
        settings: How long the window is, and how users are counted.
    """

    def __init__(self, state: ReauthorizerState, settings: ReauthorizerSettings) -> None:
        self._state = state
        self._settings = settings
        self._since = _now() - settings.window_s
        self._earlier = state.terminations(since=self._since)
        self._users: Counter[str] = Counter()
        self._by_limit = 0

    def by_policies(self, *, before: float) -> int:
        """Return how many that the policies denied were ended before a time, in seconds since 1970."""
        return sum(each.by_policies for each in self._all() if each.at < before)

    @property
    def by_limit(self) -> int:
        """How many were ended because their users had too many."""
        return sum(each.by_limit for each in self._all())

    def add(self, candidate: Candidate, evaluation: Evaluation) -> bool:
        """Remember that a connection is about to be ended; return whether it was not remembered before.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        if self._has(evaluation):
            self._state.require_lease()
            return False
        self._count(candidate, evaluation, 1)
        self._state.remember_terminations(self._all())
        return True

    def take_back(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Forget a connection that was not ended after all: it uses nothing up.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        self._count(candidate, evaluation, -1)
        self._state.remember_terminations(self._all())

    def _has(self, evaluation: Evaluation) -> bool:
        """Whether a connection was ended before, within the window, and EC2 still lists it."""
        before = evaluation.terminated
        return before is not None and before.timestamp() >= self._since

    def _count(self, candidate: Candidate, evaluation: Evaluation, number: int) -> None:
        if candidate.reason == "policies":
            self._users[evaluation.principal or NOBODY] += number
        elif candidate.reason == "connection-limit":
            self._by_limit += number

    def _all(self) -> list[Terminations]:
        denied = counted(self._users, shared_certificates=self._settings.shared_certificates)
        if not denied and not self._by_limit:
            return self._earlier
        return [*self._earlier, Terminations(_now(), denied, self._by_limit)]


def _now() -> float:
    return datetime.now(UTC).timestamp()
