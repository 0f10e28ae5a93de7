"""The record of a run: a line of JSON, with metrics that CloudWatch takes from it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from client_connect_devices.errors import CredentialsRejected, InvalidSecret, RunInProgress, SyncFailed

if TYPE_CHECKING:
    from client_connect_devices.outcome import Outcome

NAMESPACE = "ClientConnect"
_UNITS = {
    "DevicesListed": "Count",
    "DevicesMatched": "Count",
    "DevicesWritten": "Count",
    "DevicesUnchanged": "Count",
    "DevicesMissing": "Count",
    "DevicesRejected": "Count",
    "DevicesDuplicated": "Count",
    "SyncComplete": "Count",
    "SyncBrakeEngaged": "Count",
    "SyncCredentialsRejected": "Count",
    "SyncSecretDaysToExpiry": "Count",
    "SyncTime": "Milliseconds",
}
_LONGEST_PROBLEM = 1000

_logger = logging.getLogger("client_connect_devices")


def write_record(  # noqa: PLR0913 - one keyword per part of a record
    outcome: Outcome,
    *,
    function_name: str,
    milliseconds: float,
    error: BaseException | None,
    problem: str,
    requests: int,
    retries: int,
    days_to_expiry: float | None,
) -> None:
    """Write the record of a run.

    Args:
        outcome: What the run found and did.
        function_name: The dimension of the metrics.
        milliseconds: How long it took.
        error: Why it failed; ``None`` where it did not.
        problem: The same as a text without credentials.
        requests: How many requests the device manager received.
        retries: How many of them were repetitions.
        days_to_expiry: When the credentials expire; ``None`` where that is not known.
    """
    metrics = _metrics(outcome, error) | {"SyncTime": round(milliseconds, 3)}
    if days_to_expiry is not None:
        metrics["SyncSecretDaysToExpiry"] = round(days_to_expiry, 2)
    fields: dict[str, Any] = {"sync": outcome.to_record(), "requests": requests, "retries": retries}
    if error is not None:
        fields["error"] = {"type": type(error).__name__, "detail": problem[:_LONGEST_PROBLEM]}
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in metrics],
    }
    _logger.log(
        _level(outcome, error),
        _message(outcome, error),
        extra={
            **fields,
            **metrics,
            "FunctionName": function_name,
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]},
        },
    )


def _metrics(outcome: Outcome, error: BaseException | None) -> dict[str, float]:
    metrics: dict[str, float] = {
        "SyncComplete": int(outcome.is_complete),
        "SyncCredentialsRejected": int(isinstance(error, CredentialsRejected | InvalidSecret)),
        "DevicesWritten": outcome.written.total(),
    }
    if outcome.listing is not None and outcome.braked is not None:
        metrics |= {
            "SyncBrakeEngaged": int(outcome.braked.is_engaged),
            "DevicesListed": outcome.listing.listed,
            "DevicesMatched": outcome.matched,
            "DevicesUnchanged": outcome.unchanged,
            "DevicesMissing": outcome.missing,
            "DevicesRejected": outcome.listing.rejected.total(),
            "DevicesDuplicated": len(outcome.listing.duplicates),
        }
    return metrics


def _level(outcome: Outcome, error: BaseException | None) -> int:
    if isinstance(error, RunInProgress):
        return logging.WARNING
    if error is not None or (outcome.braked is not None and outcome.braked.is_engaged):
        return logging.ERROR
    return logging.INFO if outcome.is_complete else logging.WARNING


def _message(outcome: Outcome, error: BaseException | None) -> str:
    if isinstance(error, SyncFailed):
        return "device sync not complete"
    if error is not None:
        return "device sync failed"
    if outcome.braked is not None and outcome.braked.is_engaged:
        return "device sync held changes back: too many devices would be missing or no longer compliant"
    return (
        "device sync complete" if outcome.is_complete else "device sync ran out of time; the next run goes on"
    )
