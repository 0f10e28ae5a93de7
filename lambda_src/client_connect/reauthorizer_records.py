"""What the re-authorizer records: a line for each connection that it ends, and a line for each run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect import record_log
from client_connect.record import as_logged, metric_definition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.reauthorizer import Outcome
    from client_connect.redeciding import Judgement
    from client_connect.scan import Candidate, Scan

_UNITS = {
    **dict.fromkeys(("Terminated", "TerminationFailures"), "Count"),
    "RunTime": "Milliseconds",
}
# Known only when all connections were seen.
_UNITS_OF_SCAN = dict.fromkeys(("Reauthorized", "LeftAlone", "Undecided", "CapExceeded"), "Count")


class Records:
    """Writes the records of a run.

    Args:
        function_name: The function's name.
        policies: The digest of the policies.
        dry_run: Whether nothing is terminated.
        request_id: The id of Lambda's invocation.
    """

    def __init__(
        self, *, function_name: str, policies: str, dry_run: bool, request_id: str | None = None
    ) -> None:
        self._function_name = function_name
        self._request_id = request_id
        self._policies = policies
        self._dry_run = dry_run

    def of_connection(self, candidate: Candidate, judgement: Judgement, *, failure: str = "") -> None:
        """Record a connection that was terminated, or would have been, or could not be."""
        connection = candidate.connection
        fields: dict[str, Any] = {
            "endpoint": connection.endpoint_id,
            "connection": connection.connection_id,
            "reason": candidate.reason,
            "policies": self._policies,
            "dryRun": self._dry_run,
        }
        if judgement.facts is not None and judgement.decision is not None:
            fields["facts"] = judgement.facts.to_record()
            fields["decision"] = judgement.decision.to_record()
        if judgement.registered and judgement.facts is not None:
            fields["request"] = judgement.facts.request.to_event()
        else:
            fields["told"] = {"username": connection.username, "commonName": connection.common_name}
        if failure:
            fields["failure"] = failure
        message = "could not be" if failure else "would be" if self._dry_run else "was"
        metrics = {"Terminated": int(not failure and not self._dry_run)}
        self._write(
            logging.WARNING if failure else logging.INFO,
            f"connection {message} terminated",
            fields | {"EndpointId": connection.endpoint_id},
            metrics,
            dimension="EndpointId",
        )

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
            "Terminated": 0 if self._dry_run else outcome.terminated,
            "TerminationFailures": outcome.failures,
            "RunTime": round(milliseconds, 3),
        }
        if scan is not None:
            fields["scan"] = _scan(scan, complete=outcome.scanned)
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
        is_doubtful = outcome.failures or outcome.missing or outcome.problems
        self._write(
            logging.ERROR if outcome.cap_exceeded else logging.WARNING if is_doubtful else logging.INFO,
            "more connections are denied than may be terminated, so none was"
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
            "Terminated": 0 if self._dry_run or outcome is None else outcome.terminated,
            "TerminationFailures": 0 if outcome is None else outcome.failures,
            "RunTime": round(milliseconds, 3),
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
        units = {name: unit for name, unit in (_UNITS | _UNITS_OF_SCAN).items() if name in metrics}
        definition = metric_definition(units, dimensions=(dimension,))
        record_log.log.write(
            level,
            message,
            {
                "at": now.isoformat(timespec="milliseconds"),
                "FunctionName": self._function_name,
                **as_logged(fields),
                **metrics,
                "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [definition]},
            },
            exception=exception,
            request_id=self._request_id,
        )


def _scan(scan: Scan, *, complete: bool) -> dict[str, Any]:
    return {
        "started": datetime.fromtimestamp(scan.started, UTC).isoformat(timespec="milliseconds"),
        "complete": complete,
        "denied": scan.denials,
        "left": len(scan.candidates),
        "deniedBy": scan.denied,
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
