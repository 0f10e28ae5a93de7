"""A run of the re-authorizer: it ends the open connections that are denied today.

Its rules: it terminates nothing before it has seen all connections; nothing that the policies deny when
they deny more than it may terminate; it decides each one once more right before it is terminated; and it terminates
only while it has the lease. Whatever interrupts it, the next run sees the connections that are left.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from client_connect.reauthorizer.client_vpn import (
    TERMINATED,
    EndpointMissing,
    Page,
    TerminationFailed,
    Throttled,
    TokenRefused,
)
from client_connect.reauthorizer.deadline import OutOfTime
from client_connect.reauthorizer.evaluation import BATCH, Evaluation, Evaluator, Verdict
from client_connect.reauthorizer.outcome import Outcome
from client_connect.reauthorizer.scan import Scan
from client_connect.reauthorizer.state import LeaseLost, LeaseTaken
from client_connect.reauthorizer.termination_window import TerminationWindow
from client_connect.sources.connection_registry import CompleteScan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from client_connect.reauthorizer.client_vpn import ClientVpn, Connection
    from client_connect.reauthorizer.deadline import Deadline
    from client_connect.reauthorizer.records import Records
    from client_connect.reauthorizer.scan import Candidate
    from client_connect.reauthorizer.settings import ReauthorizerSettings
    from client_connect.reauthorizer.state import ReauthorizerState
    from client_connect.sources.connection_registry import ConnectionTable

_Item = TypeVar("_Item")

# A connection that was allowed a moment ago may not be listed yet.
_ESTABLISHING = timedelta(minutes=2)

# How many are decided once more before they are terminated: a few seconds' worth.
_TERMINATED_AT_ONCE = 20


class Reauthorizer:
    """Runs once.

    Args:
        settings: What the construct configured.
        policies: The digest of the policies.
        vpn: The connections.
        registry: The connections that the handler allowed.
        state: What runs leave for each other.
        evaluator: Decides connections again.
        records: Where terminations are recorded.
        deadline: Until the run must end.
        counts_connections: Whether policies read how many connections a user has, so it must be known which
            of those in the registry were established.
    """

    _window: TerminationWindow

    def __init__(  # noqa: PLR0913 - one keyword per part
        self,
        settings: ReauthorizerSettings,
        *,
        policies: str,
        vpn: ClientVpn,
        registry: ConnectionTable,
        state: ReauthorizerState,
        evaluator: Evaluator,
        records: Records,
        deadline: Deadline,
        counts_connections: bool = False,
    ) -> None:
        self._settings = settings
        self._vpn = vpn
        self._registry = registry
        self._state = state
        self._evaluator = evaluator
        self._records = records
        self._deadline = deadline
        self._counts_connections = counts_connections
        self._policies = policies
        self._work_id = f"{policies} {settings.to_json()}"
        self._begun_again: set[str] = set()
        self._tokens: set[str] = set()
        self.outcome: Outcome = Outcome()

    def run(self) -> Outcome:
        """Scan, and terminate what is denied.

        Raises:
            Exception: When the connections or the registry cannot be read. Nothing was terminated on what is
                known then.
        """
        try:
            self._state.take_lease(seconds=self._deadline.until_killed, work=self._work_id)
        except LeaseTaken:
            self.outcome.state = "another run is at work"
            return self.outcome
        try:
            self._work()
        except OutOfTime:
            self.outcome.state = "unfinished"
        except LeaseLost:
            self.outcome.state = "superseded"
        finally:
            self.outcome.problems = self._evaluator.problems
            self._release()
        return self.outcome

    def _work(self) -> None:
        scan = self.outcome.scan = self._begun_scan() or self._new_scan()
        try:
            if scan.endpoints:
                self._see_all(scan)
            self._limit_terminations(scan)
            self._terminate(scan)
        except OutOfTime:
            self._state.save_scan(scan.to_json())
            raise
        if self._decided_nothing(scan):
            self.outcome.state = "nothing decided"

    def _decided_nothing(self, scan: Scan) -> bool:
        decided = sum(tally.decided for tally in scan.tallies.values())
        return (scan.open > 0 and not decided) or set(self.outcome.missing) >= set(self._settings.endpoints)

    def _limit_terminations(self, scan: Scan) -> None:
        """See how many connections may be ended, besides those that earlier scans have ended a while ago."""
        self._window = TerminationWindow(self._state, self._settings)
        outcome = self.outcome
        # Connections that this scan has ended in an earlier run are among its denials.
        outcome.recent = self._window.by_policies(before=scan.started)
        outcome.most = self._settings.most_terminations(scan.open + outcome.recent)
        outcome.counted = scan.counted_denials(shared_certificates=self._settings.shared_certificates)
        waits_until = self._state.policies_since(self._policies) + self._settings.wait_s
        if scan.denials > 0 and waits_until > datetime.now(UTC).timestamp():
            outcome.waits_until = waits_until
        outcome.cap_exceeded = scan.denials > 0 and outcome.counted + outcome.recent > outcome.most

    def _see_all(self, scan: Scan) -> None:
        while scan.endpoints:
            self._take_page(scan)
        self._complete(scan)

    def _release(self) -> None:
        try:
            self._state.release_lease()
        except LeaseLost:
            self.outcome.state = "superseded"

    def _new_scan(self) -> Scan:
        return Scan(
            settings=self._work_id,
            started=datetime.now(UTC).timestamp(),
            endpoints=list(self._settings.endpoints),
            keep=self._settings.maximum_terminations + 1,
            per_user=self._settings.connections_per_user,
        )

    def _begun_scan(self) -> Scan | None:
        """Return the scan that an earlier run has begun by the same policies and settings."""
        try:
            text = self._state.saved_scan()
            scan = None if text is None else Scan.from_json(text)
        except ValueError as error:  # of another version of this library, or damaged
            self.outcome.discarded = str(error)
            return None
        return scan if scan is not None and scan.is_part_of(self._new_scan()) else None

    def _take_page(self, scan: Scan) -> None:
        """Take a page in, or as much of it as there is time for."""
        endpoint, taken = scan.endpoints[0], set(scan.taken)  # EC2 may list one twice
        try:
            page = self._page(endpoint, scan.token)
        except TokenRefused:
            if endpoint in self._begun_again:
                raise
            self._begun_again.add(endpoint)
            self._tokens.clear()
            scan.begin_endpoint_again()
            return
        except EndpointMissing:
            self.outcome.missing.append(endpoint)
            page = Page()
        is_open = {each.connection_id: each for each in page.connections if each.is_open}
        found = [each for id_, each in is_open.items() if id_ not in taken]
        for batch in _batches(found, BATCH):
            for evaluation in self._evaluated(batch):
                _take(scan, evaluation)
                if evaluation.is_waived:
                    self._records.of_waived(evaluation)
            scan.taken.extend(each.connection_id for each in batch)
        scan.ended.extend(each.connection_id for each in page.connections if each.status == TERMINATED)
        if page.next_token is None:
            self._forget(sorted(set(scan.ended) - set(scan.taken)))
        scan.go_on(page.next_token)

    def _page(self, endpoint: str, token: str | None) -> Page:
        page = self._vpn.page(endpoint, token)
        if page.next_token is None:
            self._tokens.clear()
        elif page.next_token in self._tokens or page.next_token == token:
            raise TokenRefused(f"the pages of {endpoint} have no end: a token came again")
        else:
            self._tokens.add(page.next_token)
        return page

    def _forget(self, connection_ids: Sequence[str]) -> None:
        """Forget connections that have ended: what is removed cannot be decided again, should it be open after all."""
        for batch in _batches(connection_ids, BATCH):
            self._deadline.require()
            for connection_id in self._registry.find(batch):
                self._deadline.require()
                self._registry.remove(connection_id)

    def _evaluated(self, connections: Sequence[Connection]) -> list[Evaluation]:
        self._deadline.require()
        evaluations = self._evaluator.evaluate(connections)
        for evaluation in evaluations:
            if self._counts_connections and evaluation.unconfirmed:
                self._deadline.require()
                self._registry.confirm(evaluation.connection.connection_id)
        return evaluations

    def _complete(self, scan: Scan) -> None:
        """Say that every connection was seen, and confirmed if policies count them; forget where the scan was."""
        self._state.forget_scan()
        if self._counts_connections:
            self._registry.complete(
                CompleteScan(
                    valid_until=datetime.now(UTC) + 3 * timedelta(seconds=self._settings.interval_s),
                    endpoints=tuple(sorted(set(self._settings.endpoints))),
                    confirmed_before=datetime.fromtimestamp(scan.started, UTC) - _ESTABLISHING,
                )
            )
        self.outcome.scanned = True

    def _terminate(self, scan: Scan) -> None:
        """Terminate the candidates of a scan; those that are left are still in it."""
        for batch in _batches(self._chosen(scan), _TERMINATED_AT_ONCE):
            while left := [each for each in batch if each.connection.connection_id in scan.candidates]:
                with suppress(Throttled):  # what is left may not be due any more
                    self._terminate_batch(scan, left)
        self._state.forget_scan()

    def _terminate_batch(self, scan: Scan, batch: Sequence[Candidate]) -> None:
        """Terminate what is due of a batch, until EC2 throttles."""
        self._deadline.require()
        exceeding = self._still_exceeding(scan, batch)
        evaluations = self._evaluator.evaluate([each.connection for each in batch])
        found = {each.connection.connection_id: each for each in evaluations}
        for candidate in batch:
            connection_id = candidate.connection.connection_id
            if _is_due(candidate, found[connection_id], exceeding):
                self._terminate_one(candidate, found[connection_id])
            del scan.candidates[connection_id]

    def _chosen(self, scan: Scan) -> list[Candidate]:
        """Return the candidates that may be terminated: all that are blocked, and as many others as limits allow."""
        candidates = scan.candidates.values()
        blocked = [each for each in candidates if each.reason == "blocked"]
        denied = (
            []
            if self.outcome.cap_exceeded or self.outcome.waits_until
            else [each for each in candidates if each.reason == "policies"]
        )
        beyond = [each for each in candidates if each.reason == "connection-limit"]
        beyond.sort(key=lambda each: each.connection.established)
        most = self._settings.maximum_terminations - self._window.by_limit
        chosen = beyond[: max(0, most)]
        self.outcome.waiting = len(beyond) - len(chosen)
        return blocked + denied + chosen

    def _still_exceeding(self, scan: Scan, candidates: Sequence[Candidate]) -> frozenset[str]:
        """Return the ids of the connections whose users still have as many newer ones as they may."""
        beyond = [each for each in candidates if each.reason == "connection-limit"]
        kept = {each.principal: scan.kept(each.principal) for each in beyond}
        is_open = self._vpn.still_open(connection for newest in kept.values() for connection in newest)
        return frozenset(
            each.connection.connection_id
            for each in beyond
            if sum(newer.connection_id in is_open for newer in kept[each.principal]) == scan.per_user
        )

    def _terminate_one(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Terminate a connection, and record that."""
        is_dry = self._settings.dry_run and not (
            candidate.reason == "blocked" and self._settings.ends_blocked
        )
        failure = "" if is_dry else self._failure(candidate, evaluation)
        if failure is None:
            return
        self.outcome.terminated += not failure
        self.outcome.ended += not failure and not is_dry
        self.outcome.by_policies += not failure and not is_dry and candidate.reason == "policies"
        self.outcome.failures += bool(failure)
        self._records.of_connection(candidate, evaluation, failure=failure, dry_run=is_dry)

    def _failure(self, candidate: Candidate, evaluation: Evaluation) -> str | None:
        """Terminate a connection; return why that failed, if it did, and ``None`` when it is gone already."""
        connection = candidate.connection
        self._deadline.require()
        is_new = self._window.add(candidate, evaluation)
        # Before it is terminated, so no run does it twice while the service still shows it as active; if
        # this one is killed between the two, a later run does it once.
        self._registry.remember_termination(connection.connection_id, now=datetime.now(UTC))
        try:
            if self._vpn.terminate(connection):
                return ""
        except (OutOfTime, Throttled, TerminationFailed) as error:
            self._registry.forget_termination(connection.connection_id)
            if is_new:
                self._window.take_back(candidate, evaluation)
            if not isinstance(error, TerminationFailed):
                raise
            return str(error)
        self._registry.remove(connection.connection_id)
        if is_new:
            self._window.take_back(candidate, evaluation)
        return None


def _take(scan: Scan, evaluation: Evaluation) -> None:
    """Take an evaluation into a scan."""
    match evaluation.verdict:
        case Verdict.TERMINATING:
            return
        case Verdict.SKIPPED:
            scan.tally.left_alone += 1
        case Verdict.UNDECIDED:
            scan.tally.undecided += 1
        case _:
            scan.tally.decided += 1
    if evaluation.is_blocked:
        scan.block(evaluation.connection, evaluation.principal)
    elif evaluation.verdict is Verdict.DENIED and evaluation.decision is not None:
        scan.deny(evaluation.connection, evaluation.decision.determining, evaluation.principal)
    elif evaluation.principal is not None:
        scan.keep_newest(evaluation.principal, evaluation.connection)


def _is_due(candidate: Candidate, evaluation: Evaluation, exceeding: Collection[str]) -> bool:
    """Whether a connection must still be terminated, given what is known of it now."""
    verdict = evaluation.verdict
    if candidate.reason == "blocked":
        return evaluation.is_blocked
    if candidate.reason == "policies":
        return verdict is Verdict.DENIED
    return candidate.connection.connection_id in exceeding and verdict is not Verdict.TERMINATING


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
