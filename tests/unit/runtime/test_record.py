"""The decision record, in the form of Lambda's own formatter."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from client_connect import Authorizer, ConnectionRequest, Decision, Facts
from client_connect import handler as module
from client_connect.handler import ConnectHandler
from client_connect.record import Record
from client_connect.settings import Settings
from client_connect.waiver import Waiver
from tests.support.events import PERMIT, connect_handler, connection_requests, event, lambda_context
from tests.support.log_lines import captured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.log_lines import Log

FORBID = '@id("no") @message("No.") @status("bad") forbid (principal, action, resource);'
SHADOW = '@id("try") @shadow forbid (principal, action, resource);'
ERRS = '@id("broken") forbid (principal, action, resource) when { context.activeConnections > 1 };'
METRICS = {
    "Allowed": "Count",
    "Denied": "Count",
    "Errors": "Count",
    "ShadowDenied": "Count",
    "DecisionTime": "Milliseconds",
}
ALWAYS = {"timestamp", "level", "message", "logger", "at", "allow", "endpoint"} | METRICS.keys()
ALWAYS |= {"EndpointId", "FunctionName", "_aws"}


def metrics(record: dict[str, Any]) -> dict[str, float]:
    """Hold a record against the specification of the embedded metric format and return the metrics."""
    assert record["_aws"].keys() == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(record["_aws"]["Timestamp"], int)
    found = {}
    for directive in record["_aws"]["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == "ClientConnect"
        assert directive["Dimensions"] == [["EndpointId"], ["FunctionName"]]
        for (name,) in directive["Dimensions"]:
            assert isinstance(record[name], str)
            assert 0 < len(record[name]) <= 1024
        units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert units.pop("ShadowMode", "Count") == "Count"
        assert units == METRICS
        for metric in directive["Metrics"]:
            assert type(record[metric["Name"]]) in (int, float)
            found[metric["Name"]] = record[metric["Name"]]
    return found


@pytest.mark.parametrize(
    ("policies", "shadow_mode", "public_ip", "level", "expected"),
    [
        pytest.param(PERMIT, False, "::1", "INFO", (1, 0, 0, 0), id="allowed"),
        pytest.param(FORBID, False, "::1", "INFO", (0, 1, 0, 0), id="denied"),
        pytest.param(PERMIT + ERRS, False, "::1", "ERROR", (0, 1, 1, 0), id="an error of Cedar"),
        pytest.param(PERMIT, False, "nonsense", "ERROR", (0, 1, 1, 0), id="an invalid request"),
        pytest.param(PERMIT + SHADOW, False, "::1", "INFO", (1, 0, 0, 1), id="a shadow forbid would deny"),
        pytest.param(FORBID + SHADOW, False, "::1", "INFO", (0, 1, 0, 0), id="a shadow forbid adds nothing"),
        pytest.param(
            PERMIT + ERRS.replace("forbid", "@shadow forbid"),
            False,
            "::1",
            "INFO",
            (1, 0, 0, 0),
            id="a shadow error",
        ),
        pytest.param(PERMIT, True, "::1", "INFO", (1, 0, 0, 0), id="allowed anyway in shadow mode"),
        pytest.param(FORBID, True, "::1", "INFO", (1, 0, 0, 1), id="denied but for shadow mode"),
        pytest.param(PERMIT + ERRS, True, "::1", "ERROR", (1, 0, 1, 1), id="an error in shadow mode"),
        pytest.param(PERMIT, True, "nonsense", "ERROR", (1, 0, 1, 1), id="an invalid request in shadow mode"),
    ],
)
def test_each_outcome_counts_in_its_metrics(  # noqa: PLR0913 - the columns of the table
    log: Log, *, policies: str, shadow_mode: bool, public_ip: str, level: str, expected: tuple[int, ...]
) -> None:
    """One record, of the right level, whose metrics CloudWatch can extract."""
    answer = connect_handler(policies, shadow_mode=shadow_mode)(event(public_ip=public_ip), lambda_context())
    record = log.record()
    found = metrics(record)
    assert 0 <= found.pop("DecisionTime") < 10_000
    assert found.pop("ShadowMode", 0) == int(shadow_mode)
    assert found == dict(zip(list(METRICS)[:4], expected, strict=True))
    assert (record["level"], record["allow"]) == (level, answer["allow"])
    assert record["message"] == f"connection {'allowed' if answer['allow'] else 'denied'}"


def test_the_record_of_a_decision_is_complete(log: Log) -> None:
    """The request as it came, everything that the decision says, and which policies made it."""
    handler = connect_handler(PERMIT + FORBID + SHADOW)
    before = datetime.now(UTC)
    handler(event(), lambda_context(function_name="AWSClientVPN-x"))
    record = log.record()
    assert record.keys() == ALWAYS | {"request", "facts", "decision", "policies"}
    assert record["facts"] == {"timeZone": "UTC"}
    assert record["request"] == event()
    assert record["decision"] == {
        "allowed": False,
        "determining": ["no"],
        "message": "No.",
        "statuses": ["bad"],
        "shadowDenied": ["try"],
        "shadowAllowed": [],
        "shadowErrors": [],
        "errors": [],
        "waived": [],
    }
    assert record["policies"] == Authorizer(PERMIT + FORBID + SHADOW).policies.digest
    assert record["endpoint"] == record["EndpointId"] == event()["endpoint-id"]
    assert record["FunctionName"] == "AWSClientVPN-x"
    at = datetime.fromisoformat(record["at"])
    assert before - timedelta(milliseconds=1) <= at <= datetime.now(UTC)
    assert record["_aws"]["Timestamp"] == round(at.timestamp() * 1000)


def test_the_record_of_an_error_has_its_type_its_detail_and_the_event(log: Log) -> None:
    """An unreadable request is kept as text, as it came."""
    sent = event(public_ip="nonsense")
    connect_handler()(sent)
    record = log.record()
    assert record.keys() == ALWAYS | {"error", "event"}
    assert record["error"] == {"type": "InvalidRequest", "detail": '"public-ip" is not an IP address'}
    assert json.loads(record["event"]) == sent
    assert (record["EndpointId"], record["FunctionName"]) == (sent["endpoint-id"], "local")
    assert record["at"].endswith("+00:00")
    connect_handler()(sent, lambda_context(function_name="AWSClientVPN-x"))
    assert log.record()["FunctionName"] == "AWSClientVPN-x"


@pytest.mark.parametrize("sent", [None, {}, event(endpoint_id=None), event(endpoint_id=7)], ids=str)
def test_the_endpoint_is_unknown_when_the_event_names_none(log: Log, sent: object) -> None:
    """The metrics need a dimension all the same."""
    connect_handler()(sent)
    assert log.record()["EndpointId"] == "unknown"


def test_an_error_that_is_not_the_requests_has_a_stack_trace(log: Log) -> None:
    """With it the record says where to look, and for which endpoint."""

    def decide(_facts: Facts) -> Decision:
        raise LookupError("broken")

    ConnectHandler(decide, Settings())(event())
    record = log.record()
    assert record["endpoint"] == event()["endpoint-id"]
    assert record["error"] == {"type": "LookupError", "detail": "broken"}
    assert "in decide" in "".join(record["stackTrace"])
    assert (record["errorType"], record["errorMessage"]) == ("LookupError", "broken")


def test_the_decision_time_is_that_of_the_whole_invocation(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """In milliseconds, to the microsecond."""
    clock = [7.0]

    def decide(_facts: Facts) -> Decision:
        clock[0] += 0.0206547
        return Decision(allowed=True)

    monkeypatch.setattr(module, "perf_counter", lambda: clock[0])
    ConnectHandler(decide, Settings())(event())
    record = log.record()
    assert (record["DecisionTime"], record["policies"]) == (20.655, "")


def circular() -> list[object]:
    """Return a list that holds itself."""
    value: list[object] = []
    value.append(value)
    return value


def nested() -> list[object]:
    """Return lists deeper than Python recurses."""
    value: list[object] = []
    for _ in range(200_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("sent", "starts"),
    [
        (["\ud800\u2028\x1b[31m"], r'["\ud800\u2028\u001b[31m"]'),
        ({"x": object}, '{"x": "<class \'object\'>"}'),
        ("x" * 10_000, '"xxx'),
        ({(1, 2): 3}, "not JSON: TypeError: "),
        (circular(), "not JSON: ValueError: "),
        (nested(), "not JSON: RecursionError: "),
    ],
    ids=["odd characters", "not JSON", "long", "odd keys", "circular", "deep"],
)
def test_any_event_can_be_recorded(log: Log, sent: object, starts: str) -> None:
    """As text of at most 4,096 characters."""
    connect_handler()(sent)
    text = log.record()["event"]
    assert text.startswith(starts)
    assert len(text) <= 4096


def replayed(record: dict[str, Any]) -> ConnectionRequest:
    """Read the request of a record again."""
    return ConnectionRequest.from_event(
        json.loads(record["requestJson"]) if "requestJson" in record else record["request"]
    )


@pytest.mark.parametrize(
    "name", ["José\u00a0P", "部\u3000長", "m\u200ck", "a\nb", "a\\nb", "\x7f\x85\u2028\u202e"]
)
def test_a_request_with_characters_that_are_escaped_is_also_recorded_without_loss(
    log: Log, name: str
) -> None:
    """Names with a no-break or ideographic space are real; a replay must not change them."""
    connect_handler()(event(groups=[name]))
    record = log.record()
    assert replayed(record).groups == (name,)
    assert ("requestJson" in record) != name.isprintable()
    assert record["request"]["groups"][0].isprintable()


def test_a_users_groups_hide_nothing_from_queries(log: Log) -> None:
    """Logs Insights finds the first 200 fields of a line, and each of a user's up to 200 groups is one."""
    request = ConnectionRequest.from_event(event(groups=[f"group-{number}" for number in range(200)]))
    waiver = Waiver(policy_id="no", until=datetime.now(UTC), reason="r", approved_by="a", holder="user:b")
    record = Record.of_decision(
        Facts(request),
        Decision(allowed=True, determining=("all",), shadow_denied=("try",), waived=("no",)),
        allow=True,
        policies="0123456789ab",
        waivers=[waiver],
        problems={"registry": "why"},
    )
    record.write(now=datetime.now(UTC), milliseconds=1.5, function_name="AWSClientVPN-x")
    found = list(paths(log.record()))
    assert found.index("request.groups.0") < 100
    assert found[found.index("request.groups.199") + 1 :] == [
        "request.aws-client-version",
        "request.schema-version",
        "facts.timeZone",
    ]


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """Yield the names of the values in a line of JSON, in its order."""
    if not isinstance(value, dict | list):
        yield prefix
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from paths(item, f"{prefix}.{key}".removeprefix("."))


def test_only_what_could_disguise_the_line_is_escaped(log: Log) -> None:
    """Letters of every language and backslashes stay as they are next to it."""
    connect_handler()(event(groups=["Zoë \\ 部長\n"]))
    assert log.record()["request"]["groups"] == ["Zoë \\ 部長\\n"]


@given(connection_requests())
def test_a_record_is_enough_to_decide_again(request: ConnectionRequest) -> None:
    """Whatever the request holds, its line is clean and gives the same request and the same decision."""
    policies = (
        PERMIT + '@id("odd") forbid (principal, action, resource) when { context.time.minuteOfDay > 0 };'
    )
    policies += '@id("mac") forbid (principal, action, resource) when { context.platform like "*a*" };'
    with captured() as log:
        connect_handler(policies)(request.to_event())
        record = log.record()
    assert replayed(record) == request
    again = Authorizer(policies).decide(Facts(replayed(record), now=datetime.fromisoformat(record["at"])))
    assert list(again.determining) == record["decision"]["determining"]
    assert again.allowed == record["decision"]["allowed"]
