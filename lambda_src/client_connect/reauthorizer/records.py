"""The records of the re-authorizer: a line for each connection that it ends, and a line for each run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect import record_log
from client_connect.record import as_logged, metric_definition, used_waivers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.reauthorizer.evaluation import Evaluation
    from client_connect.reauthorizer.outcome import Outcome
    from client_connect.reauthorizer.scan import Candidate, Scan

_UNITS = {
    **dict.fromkeys(("Terminated", "TerminationFailures", "MissingEndpoints"), "Count"),
    "RunTime": "Milliseconds",
}
# Known only when all connections were seen.
_UNITS_OF_SCAN = dict.fromkeys(("Reauthorized", "LeftAlone", "Undecided", "CapExceeded"), "Count")

# Counted only when it happens, so its alarm looks at nothing else: a newest connection that wins is no incident.
_BY_POLICIES = "TerminatedByPolicies"
_EVERY_UNIT = _UNITS | _UNITS_OF_SCAN | {_BY_POLICIES: "Count"}

# How many policies and users with the most denials a record lists.
_LISTED = 20


class Records:
    """Writes the records of a run.

    Args:
        function_name: The function's name.
        policies: The digest of the policies.
        dry_run: Whether nothing is terminated.
        request_id: The id of Lambda's invocation.
        function_version: The version of the function.
    """

    def __init__(
        self,
        *,
        function_name: str,
        policies: str,
        dry_run: bool,
        request_id: str | None = None,
        function_version: str | None = None,
    ) -> None:
        self._function_name = function_name
        self._function_version = function_version
        self._request_id = request_id
        self._policies = policies
        self._dry_run = dry_run

    def of_connection(
        self, candidate: Candidate, evaluation: Evaluation, *, failure: str = "", dry_run: bool | None = None
    ) -> None:
        """Record a connection that was terminated, or would have been, or could not be.

        Args:
            candidate: The connection, and why it was to be terminated.
            evaluation: What was found of it.
            failure: Why it could not be.
            dry_run: Whether it only would have been. Default: as all others of the run.
        """
        dry_run = self._dry_run if dry_run is None else dry_run
        connection = candidate.connection
        fields: dict[str, Any] = {
            "endpoint": connection.endpoint_id,
            "connection": connection.connection_id,
            "reason": candidate.reason,
            "policies": self._policies,
            "dryRun": dry_run,
        }
        if evaluation.facts is not None and evaluation.facts.block is not None:
            fields["block"] = evaluation.facts.block.to_record()
        if evaluation.facts is not None and evaluation.decision is not None:
            fields["facts"] = evaluation.facts.to_record()
            fields["decision"] = evaluation.decision.to_record()
        if evaluation.registered and evaluation.facts is not None:
            fields["request"] = evaluation.facts.request.to_event()
        else:
            fields["told"] = {"username": connection.username, "commonName": connection.common_name}
        if failure:
            fields["failure"] = failure
        message = "could not be" if failure else "would be" if dry_run else "was"
        metrics = {"Terminated": int(not failure and not dry_run)}
        self._write(
            logging.WARNING if failure else logging.INFO,
            f"connection {message} terminated",
            fields | {"EndpointId": connection.endpoint_id},
            metrics,
            dimension="EndpointId",
        )

    def of_waived(self, evaluation: Evaluation) -> None:
        """Record a connection that stays only because of a waiver."""
        assert evaluation.facts is not None  # noqa: S101 - it was decided
        assert evaluation.decision is not None  # noqa: S101
        connection, decision = evaluation.connection, evaluation.decision
        fields: dict[str, Any] = {
            "endpoint": connection.endpoint_id,
            "connection": connection.connection_id,
            "reason": "waiver",
            "policies": self._policies,
            "waiversUsed": [each.to_record() for each in used_waivers(decision.waived, evaluation.waivers)],
            "decision": decision.to_record(),
            "request": evaluation.facts.request.to_event(),
            "facts": evaluation.facts.to_record(),
        }
        self._write(logging.INFO, "connection stays because of a waiver", fields, {})

    def of_run(self, outcome: Outcome, *, milliseconds: float) -> None:
        """Record what a run did."""
        scan = outcome.scan
        fields: dict[str, Any] = {
            "run": outcome.state,
            "policies": self._policies,
            "dryRun": self._dry_run,
            "terminated": outcome.terminated,
        }
        metrics: dict[str, float] = {
            "Terminated": outcome.ended if self._dry_run else outcome.terminated,
            "TerminationFailures": outcome.failures,
            "MissingEndpoints": len(outcome.missing),
            "RunTime": round(milliseconds, 3),
            **_by_policies(outcome),
        }
        if scan is not None:
            fields["scan"] = _scan(scan, complete=outcome.scanned)
        if outcome.most is not None:
            fields["cap"] = {"most": outcome.most, "recent": outcome.recent, "counted": outcome.counted}
        if outcome.waits_until is not None:
            until = datetime.fromtimestamp(outcome.waits_until, UTC)
            fields["waitsUntil"] = until.isoformat(timespec="seconds")
        if outcome.discarded:
            fields["discardedScan"] = outcome.discarded
        if scan is not None and outcome.scanned:
            metrics |= {
                "Reauthorized": sum(tally.decided for tally in scan.tallies.values()),
                "LeftAlone": sum(tally.left_alone for tally in scan.tallies.values()),
                "Undecided": sum(tally.undecided for tally in scan.tallies.values()),
                "CapExceeded": int(outcome.cap_exceeded),
            }
        if outcome.missing:
            fields["missingEndpoints"] = outcome.missing
        if outcome.problems:
            fields["unavailable"] = outcome.problems
        self._write(
            _level(outcome),
            "more connections are denied than may be terminated, so none of these was"
            if outcome.cap_exceeded
            else f"re-authorization: {outcome.state}",
            fields,
            metrics,
        )

    def of_error(self, error: BaseException, outcome: Outcome | None, *, milliseconds: float) -> None:
        """Record that a run failed, and what it had done by then."""
        fields: dict[str, Any] = {
            "run": "failed",
            "policies": self._policies,
            "error": {"type": type(error).__name__, "detail": str(error)},
            "terminated": 0 if outcome is None else outcome.terminated,
        }
        metrics: dict[str, float] = {
            "Terminated": 0 if outcome is None or self._dry_run else outcome.terminated,
            "TerminationFailures": 0 if outcome is None else outcome.failures,
            "RunTime": round(milliseconds, 3),
            **({} if outcome is None else _by_policies(outcome)),
        }
        self._write(logging.ERROR, "re-authorization failed", fields, metrics, exception=error)

    def _write(  # noqa: PLR0913 - one keyword per part of a record
        self,
        level: int,
        message: str,
        fields: Mapping[str, Any],
        metrics: Mapping[str, float],
        *,
        dimension: str = "FunctionName",
        exception: BaseException | None = None,
    ) -> None:
        now = datetime.now(UTC)
        milliseconds = int(now.timestamp() * 1000)
        units = {name: unit for name, unit in _EVERY_UNIT.items() if name in metrics}
        definition = metric_definition(units, dimensions=(dimension,))
        record_log.log.write(
            level,
            message,
            {
                "at": now.isoformat(timespec="milliseconds"),
                "FunctionName": self._function_name,
                **({} if self._function_version is None else {"functionVersion": self._function_version}),
                **as_logged(fields),
                **metrics,
                **(
                    {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [definition]}}
                    if metrics
                    else {}
                ),
            },
            exception=exception,
            request_id=self._request_id,
        )


def _by_policies(outcome: Outcome) -> dict[str, float]:
    """Return how many connections the policies ended, if any."""
    return {_BY_POLICIES: outcome.by_policies} if outcome.by_policies else {}


def _level(outcome: Outcome) -> int:
    """Return how bad a run is: that nothing stops decisions is seen by its records, too."""
    tallies = () if outcome.scan is None else outcome.scan.tallies.values()
    undecided = any(tally.undecided for tally in tallies)
    decides_nothing = outcome.state == "nothing decided"
    # On the first day, before the registry knows the connections, they are left alone; nothing is wrong then.
    if outcome.cap_exceeded or (decides_nothing and (undecided or outcome.missing)):
        return logging.ERROR
    if (
        decides_nothing
        or undecided
        or outcome.failures
        or outcome.missing
        or outcome.problems
        or outcome.discarded
        or outcome.waiting
        or outcome.waits_until is not None
    ):
        return logging.WARNING
    return logging.INFO


def _scan(scan: Scan, *, complete: bool) -> dict[str, Any]:
    return {
        "started": datetime.fromtimestamp(scan.started, UTC).isoformat(timespec="milliseconds"),
        "complete": complete,
        "denied": scan.denials,
        "left": len(scan.candidates),
        "beyondLimit": scan.limit.denials,
        "blocked": scan.blocked.denials,
        "deniedBy": _most(scan.denied),
        "deniedOf": _most(scan.denied_users),
        "endpoints": {
            id_: {
                "reauthorized": tally.decided,
                "leftAlone": tally.left_alone,
                "undecided": tally.undecided,
                "denied": tally.denials,
            }
            for id_, tally in scan.tallies.items()
        },
    }


def _most(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the first of counts that are sorted, so a record fits into a line of the log."""
    return dict(list(counts.items())[:_LISTED])
