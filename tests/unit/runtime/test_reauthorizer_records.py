"""The records of the re-authorizer, in the form of Lambda's own formatter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import ConnectionRequest, Decision, Facts
from client_connect.reauthorizer.client_vpn import Connection
from client_connect.reauthorizer.evaluation import Evaluation, Verdict
from client_connect.reauthorizer.records import Records
from client_connect.reauthorizer.run import Outcome
from client_connect.reauthorizer.scan import Candidate, Scan, Tally
from tests.support.events import event

if TYPE_CHECKING:
    from client_connect.reauthorizer.scan import Reason
    from tests.support.log_lines import Log

CONNECTION = Connection(connection_id="c", endpoint_id="e", username="bob", common_name="laptop")
CANDIDATE = Candidate(connection=CONNECTION, reason="policies")
DECISION = Decision(allowed=False, determining=("no",))
# The fields that Lambda adds, and the placeholder for the time of the record.
OF_THE_LINE = ("timestamp", "logger", "at", "_aws")


def records(*, dry_run: bool = False) -> Records:
    """Return where a run of the function records."""
    return Records(function_name="f", policies="a1b2", dry_run=dry_run)


def facts(**changes: object) -> Facts:
    """Return the facts of a registered connection."""
    return Facts(ConnectionRequest.from_event(event(**changes)))


def evaluation(**fields: Any) -> Evaluation:
    """Return what was found of the connection."""
    return Evaluation(connection=CONNECTION, verdict=Verdict.DENIED, **fields)


def read(log: Log, *, dimension: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the record without what each has, and the units of its metrics."""
    record = log.record()
    (definition,) = record["_aws"]["CloudWatchMetrics"]
    assert (definition["Namespace"], definition["Dimensions"]) == ("ClientConnect", [[dimension]])
    at = datetime.fromisoformat(record["at"])
    assert record["at"].endswith("+00:00")
    assert record["_aws"]["Timestamp"] == round(at.timestamp() * 1000)
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    units = {metric["Name"]: metric["Unit"] for metric in definition["Metrics"]}
    assert units.keys() <= record.keys()
    return {name: value for name, value in record.items() if name not in OF_THE_LINE}, units


@pytest.mark.parametrize(
    ("dry_run", "failure", "level", "message", "terminated"),
    [
        (False, "", "INFO", "connection was terminated", 1),
        (True, "", "INFO", "connection would be terminated", 0),
        (False, "throttled", "WARNING", "connection could not be terminated", 0),
    ],
)
def test_a_terminated_connection_has_a_record(  # noqa: PLR0913 - the columns of the table
    log: Log, *, dry_run: bool, failure: str, level: str, message: str, terminated: int
) -> None:
    """Its request, and why it is denied today: enough to answer whoever asks."""
    seen = facts()
    found = evaluation(registered=True, facts=seen, decision=DECISION)
    records(dry_run=dry_run).of_connection(CANDIDATE, found, failure=failure)
    record, units = read(log, dimension="EndpointId")
    decision = DECISION.to_record()
    assert record == {
        "level": level,
        "message": message,
        "FunctionName": "f",
        "EndpointId": "e",
        "endpoint": "e",
        "connection": "c",
        "reason": "policies",
        "policies": "a1b2",
        "dryRun": dry_run,
        "facts": seen.to_record(),
        "decision": {
            name: list(each) if isinstance(each, tuple) else each for name, each in decision.items()
        },
        "request": seen.request.to_event(),
        "Terminated": terminated,
        **({"failure": failure} if failure else {}),
    }
    assert units == {"Terminated": "Count"}


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("connection-limit", evaluation()),
        ("connection-limit", evaluation(facts=facts())),
        ("policies", evaluation(facts=facts(), decision=DECISION)),
    ],
    ids=["not asked", "not decided", "not registered"],
)
def test_of_a_connection_that_is_not_registered_the_record_has_what_the_service_tells(
    log: Log, reason: Reason, found: Evaluation
) -> None:
    """Nothing that was made up to decide it looks like a request."""
    records().of_connection(Candidate(connection=CONNECTION, reason=reason), found)
    record, _ = read(log, dimension="EndpointId")
    assert record["told"] == {"username": "bob", "commonName": "laptop"}
    assert "request" not in record
    assert ("decision" in record) == ("facts" in record) == (found.decision is not None)
    assert (record["reason"], record["message"]) == (reason, "connection was terminated")
    assert "failure" not in record


def test_a_request_with_characters_that_are_escaped_is_recorded_without_loss_too(log: Log) -> None:
    """A record can be replayed."""
    odd = facts(groups=["José\u00a0P"])
    records().of_connection(CANDIDATE, evaluation(registered=True, facts=odd, decision=DECISION))
    record, _ = read(log, dimension="EndpointId")
    assert record["request"]["groups"] == ["José\\xa0P"]
    assert record["requestJson"].count("Jos\\u00e9\\u00a0P") == 1


def scan() -> Scan:
    """Return a scan of two endpoints with one connection left to terminate."""
    return Scan(
        settings="s",
        started=datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp(),
        endpoints=[],
        keep=9,
        tallies={
            "e": Tally(
                decided=5, left_alone=4, undecided=3, denied={"no": 2}, users={"user:bob": 2}, denials=2
            ),
            "f": Tally(decided=10, left_alone=20, undecided=30),
        },
        limit=Tally(denied={"connection-limit": 1}, users={"user:bob": 1}, denials=1),
        candidates={"c": CANDIDATE},
    )


OF_THE_SCAN = {
    "started": "2026-11-22T09:00:00.000+00:00",
    "denied": 2,
    "beyondLimit": 1,
    "blocked": 0,
    "left": 1,
    "deniedBy": {"no": 2, "connection-limit": 1},
    "deniedOf": {"user:bob": 3},
    "endpoints": {
        "e": {"reauthorized": 5, "leftAlone": 4, "undecided": 3, "denied": 2},
        "f": {"reauthorized": 10, "leftAlone": 20, "undecided": 30, "denied": 0},
    },
}
OF_AN_ERROR = {"Terminated": "Count", "TerminationFailures": "Count", "RunTime": "Milliseconds"}
OF_A_RUN = OF_AN_ERROR | {"MissingEndpoints": "Count"}
OF_ALL = dict.fromkeys(("Reauthorized", "LeftAlone", "Undecided", "CapExceeded"), "Count")


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_that_saw_all_connections_counts_them(log: Log, *, dry_run: bool) -> None:
    """The alarms and the dashboard are made of these metrics."""
    outcome = Outcome(scan=scan(), scanned=True, terminated=2, most=7, recent=1, counted=2)
    records(dry_run=dry_run).of_run(outcome, milliseconds=12.34567)
    record, units = read(log, dimension="FunctionName")
    assert record == {
        "level": "WARNING",  # some are undecided
        "message": "re-authorization: complete",
        "FunctionName": "f",
        "run": "complete",
        "policies": "a1b2",
        "dryRun": dry_run,
        "terminated": 2,
        "cap": {"most": 7, "recent": 1, "counted": 2},
        "scan": {**OF_THE_SCAN, "complete": True},
        "Terminated": 0 if dry_run else 2,
        "TerminationFailures": 0,
        "MissingEndpoints": 0,
        "RunTime": 12.346,
        "Reauthorized": 15,
        "LeftAlone": 24,
        "Undecided": 33,
        "CapExceeded": 0,
    }
    assert units == OF_A_RUN | OF_ALL


def test_a_run_that_did_not_see_all_connections_counts_none(log: Log) -> None:
    """A part of them would look like a VPN that empties."""
    records().of_run(Outcome(scan=scan(), state="unfinished"), milliseconds=1)
    record, units = read(log, dimension="FunctionName")
    assert record["scan"] == {**OF_THE_SCAN, "complete": False}
    assert units == OF_A_RUN
    records().of_run(Outcome(state="another run is at work"), milliseconds=1)
    record, units = read(log, dimension="FunctionName")
    assert (record["message"], units) == ("re-authorization: another run is at work", OF_A_RUN)
    assert "scan" not in record


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        (Outcome(failures=2), {"TerminationFailures": 2}),
        (Outcome(missing=["e"]), {"missingEndpoints": ["e"], "MissingEndpoints": 1}),
        (Outcome(discarded="damaged"), {"discardedScan": "damaged"}),
        (Outcome(problems={"inventory": "down"}), {"unavailable": {"inventory": "down"}}),
    ],
    ids=["failures", "missing", "discarded", "problems"],
)
def test_what_went_wrong_in_a_run_is_a_warning(log: Log, outcome: Outcome, more: dict[str, Any]) -> None:
    """It says what, and only that."""
    records().of_run(outcome, milliseconds=1)
    record, _ = read(log, dimension="FunctionName")
    assert record == {
        "level": "WARNING",
        "message": "re-authorization: complete",
        "FunctionName": "f",
        "run": "complete",
        "policies": "a1b2",
        "dryRun": False,
        "terminated": 0,
        "Terminated": 0,
        "TerminationFailures": 0,
        "MissingEndpoints": 0,
        "RunTime": 1,
        **more,
    }


@pytest.mark.parametrize(
    ("tally", "missing", "level"),
    [
        (Tally(undecided=1), [], "ERROR"),
        (Tally(left_alone=3), [], "WARNING"),
        (Tally(), ["e"], "ERROR"),
    ],
    ids=["undecided", "not registered", "no endpoint"],
)
def test_a_run_that_decided_nothing_does_not_look_healthy(
    log: Log, tally: Tally, missing: list[str], level: str
) -> None:
    """It is an error but for the first day, when the registry knows no connection yet."""
    seen = Scan(settings="s", started=0.0, endpoints=[], keep=9, tallies={"e": tally})
    outcome = Outcome(state="nothing decided", scan=seen, scanned=True, missing=missing)
    records().of_run(outcome, milliseconds=1)
    record, _ = read(log, dimension="FunctionName")
    assert (record["level"], record["message"]) == (level, "re-authorization: nothing decided")


def test_a_record_lists_the_highest_counts_only(log: Log) -> None:
    """It fits into a line of the log, whatever a bad policy denies."""
    users = {f"user:{number:05}": number + 1 for number in range(1000)}
    seen = Scan(
        settings="s",
        started=0.0,
        endpoints=[],
        keep=9,
        tallies={"e": Tally(decided=1, users=users, denied=users, denials=1000)},
    )
    records().of_run(Outcome(scan=seen, scanned=True, cap_exceeded=True), milliseconds=1)
    record, _ = read(log, dimension="FunctionName")
    highest = {f"user:{number:05}": number + 1 for number in range(999, 979, -1)}
    assert record["scan"]["deniedOf"] == record["scan"]["deniedBy"] == highest


def test_a_run_that_found_too_many_is_an_error(log: Log) -> None:
    """A person must look."""
    records().of_run(Outcome(scan=scan(), scanned=True, cap_exceeded=True, failures=1), milliseconds=1)
    record, _ = read(log, dimension="FunctionName")
    assert (record["level"], record["CapExceeded"]) == ("ERROR", 1)
    assert record["message"] == "more connections are denied than may be terminated, so none of these was"


@pytest.mark.parametrize(
    ("outcome", "dry_run", "terminated", "counted", "failures"),
    [
        (None, False, 0, 0, 0),
        (Outcome(terminated=3, failures=2), False, 3, 3, 2),
        (Outcome(terminated=3), True, 3, 0, 0),
    ],
    ids=["before it began", "in the middle", "in the middle of a dry run"],
)
def test_a_run_that_failed_says_why_and_what_it_had_done(  # noqa: PLR0913 - the columns of the table
    log: Log, *, outcome: Outcome | None, dry_run: bool, terminated: int, counted: int, failures: int
) -> None:
    """With the stack trace."""
    with pytest.raises(LookupError) as raised:
        raise LookupError("broken")
    records(dry_run=dry_run).of_error(raised.value, outcome, milliseconds=12.34567)
    record, units = read(log, dimension="FunctionName")
    assert "LookupError" in "".join(map(str, (record.pop("errorType"), record.pop("stackTrace"))))
    assert record.pop("errorMessage") == "broken"
    record.pop("location", None)
    assert record == {
        "level": "ERROR",
        "message": "re-authorization failed",
        "FunctionName": "f",
        "run": "failed",
        "policies": "a1b2",
        "error": {"type": "LookupError", "detail": "broken"},
        "terminated": terminated,
        "Terminated": counted,
        "TerminationFailures": failures,
        "RunTime": 12.346,
    }
    assert units == OF_AN_ERROR


@pytest.mark.parametrize(("by_policies", "counted"), [(2, 2), (0, None)])
def test_connections_that_policies_end_are_counted_apart(
    log: Log, *, by_policies: int, counted: int | None
) -> None:
    """Only when there are some, in a run that ends well or not, with the version of the function."""
    outcome = Outcome(terminated=5, by_policies=by_policies)
    kept = Records(function_name="f", policies="a1b2", dry_run=False, function_version="7")
    kept.of_run(outcome, milliseconds=1)
    kept.of_error(LookupError("broken"), outcome, milliseconds=1)
    for record in log.records():
        assert record.get("TerminatedByPolicies") == counted
        names = {each["Name"] for each in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        assert ("TerminatedByPolicies" in names) is (counted is not None)
        assert record["functionVersion"] == "7"
