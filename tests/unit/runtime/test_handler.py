"""The handler: every answer, and every failure turned into an answer and one record."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import Mock, call
from zoneinfo import ZoneInfo

import pytest

import client_connect
from client_connect import Authorizer, ConnectionRequest, Decision, Facts, bundled_files
from client_connect import handler as module
from client_connect.handler import MINIMUM_TIME_LEFT_MS, ConnectHandler, start
from client_connect.settings import (
    CONNECTIONS_TABLE,
    DEFAULT_DENIAL,
    DEFAULT_MESSAGE,
    ERROR_DENIAL,
    SHADOW_MODE,
    TIME_ZONE,
    Settings,
)
from client_connect.sources.collected_facts import CollectedFacts
from tests.support.events import (
    MISSING,
    PERMIT,
    VERSIONS,
    assert_valid,
    connect_handler,
    event,
    lambda_context,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.log_lines import Log

pytestmark = pytest.mark.usefixtures("silent")

FORBID = '@id("no") @message("Ask IT.") @status("bad") forbid (principal, action, resource);'
ERRS = '@id("broken") forbid (principal, action, resource) when { context.activeConnections > 1 };'


class PanicException(BaseException):
    """A panic of a Rust engine, as Python sees it."""


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a function that raises."""

    def function(*_: object, **__: object) -> Any:
        raise error

    return function


def reason_of(record: dict[str, Any]) -> str:
    """Return why a record is an error."""
    error = record.get("error")
    return f"{error['type']}: {error['detail']}" if error else str(*record["decision"]["errors"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shadow_mode", [False, True])
@pytest.mark.parametrize(
    ("policies", "allowed", "message", "statuses"),
    [
        (PERMIT, True, "", []),
        ("", False, "Call 555.", []),
        (FORBID, False, "Ask IT.", ["bad"]),
        (FORBID.replace("Ask IT.", "x" * 300), False, "x" * 254 + "…", ["bad"]),
    ],
    ids=["allowed", "no policy", "forbidden", "long message"],
)
def test_a_decision_is_answered_in_the_version_of_the_request(  # noqa: PLR0913 - the columns of the table
    log: Log,
    *,
    policies: str,
    allowed: bool,
    message: str,
    statuses: list[str],
    shadow_mode: bool,
    version: str,
) -> None:
    """With the policy's message or the configured one; shadow mode allows what it records as denied."""
    handler = connect_handler(policies, default_message="Call 555.", shadow_mode=shadow_mode)
    answer = handler(event(version), lambda_context())
    assert_valid(answer, event(version))
    assert answer["allow"] == (allowed or shadow_mode)
    assert message_of(answer) == ("" if shadow_mode else message)
    assert answer["posture-compliance-statuses"] == statuses
    record = log.record()
    assert (record["allow"], record["decision"]["allowed"]) == (answer["allow"], allowed)


@dataclass
class Failure:
    """Something that goes wrong, and how its record says so."""

    reason: str
    decide: Callable[[Facts], Decision] = Authorizer(PERMIT).decide
    changes: dict[str, object] = field(default_factory=dict)
    event: object = MISSING
    context: Any = field(default_factory=lambda_context)


FAILURES = {
    "null": Failure("InvalidRequest: the event is null", event=None),
    "a list": Failure("InvalidRequest: the event is a list", event=[event()]),
    "a missing field": Failure('InvalidRequest: "platform" is missing', changes={"platform": MISSING}),
    "a wrong type": Failure('InvalidRequest: "username" is a number', changes={"username": 7}),
    "no address": Failure('InvalidRequest: "public-ip" is not an IP', changes={"public_ip": "1.2.3"}),
    "nobody": Failure('InvalidRequest: "username" and', changes={"username": "", "common_name": ""}),
    "an error of Cedar": Failure("error while evaluating policy `broken`", Authorizer(PERMIT + ERRS).decide),
    "an exception": Failure("ZeroDivisionError: oops", raising(ZeroDivisionError("oops"))),
    "no memory": Failure("MemoryError: ", raising(MemoryError())),
    "a panic": Failure("PanicException: oops", raising(PanicException("oops"))),
    "no time": Failure("TimeNearlyUsedUp: 199 ms are left", context=lambda_context(milliseconds=199)),
    "no clock": Failure("AttributeError: ", context=object()),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shadow_mode", [False, True])
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_a_valid_denial_with_one_record_that_says_which(
    log: Log, *, failure: Failure, shadow_mode: bool, version: str
) -> None:
    """And in shadow mode a permission, because shadow never blocks."""
    sent = event(version, **failure.changes) if failure.event is MISSING else failure.event
    handler = ConnectHandler(failure.decide, Settings(shadow_mode=shadow_mode))
    assert_refused(handler(sent, failure.context), sent, allow=shadow_mode)
    assert_recorded(log, failure.reason, allow=shadow_mode)


def assert_refused(answer: dict[str, Any], sent: object, *, allow: bool = False) -> None:
    """Hold the answer to a failure against what the client is promised."""
    assert_valid(answer, sent)
    assert answer["allow"] == allow
    assert message_of(answer) == ("" if allow else ERROR_DENIAL)


def assert_recorded(log: Log, reason: str, *, allow: bool = False) -> None:
    """Expect one record, of level ERROR, that says why."""
    record = log.record()
    assert (record["level"], record["allow"]) == ("ERROR", allow)
    assert reason_of(record).startswith(reason)


def test_no_decision_of_the_engine_is_a_failure(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when it does not say why."""
    silence = {"decision": "NoDecision", "diagnostics": {}}
    monkeypatch.setattr("client_connect.engine.cedar.is_authorized", lambda *_: silence)
    assert_refused(connect_handler()(event()), event())
    assert_recorded(log, "the engine made no decision")


def test_just_enough_time_is_enough(log: Log) -> None:
    """The limit itself passes."""
    assert connect_handler()(event(), lambda_context(milliseconds=MINIMUM_TIME_LEFT_MS))["allow"]
    assert log.record()["level"] == "INFO"


class Patience:
    """FactSources that keep how long they may take."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def collect(self, request: ConnectionRequest, *, seconds: float) -> CollectedFacts:
        """Say nothing besides the request."""
        self.seconds.append(seconds)
        return CollectedFacts(facts=Facts(request))

    def recorder(self) -> Patience:
        """Record what was allowed."""
        return self

    def record(self, *_: object, seconds: float, **__: object) -> dict[str, str]:
        """Fail at nothing."""
        self.seconds.append(seconds)
        return {}


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (None, [2.5, 0.5]),
        ([10_000, 10_000, 10_000], [2.5, 0.5]),
        ([1300, 1200, 600], [1.0, 0.4]),
        ([201, 199, 0], [0.0, 0.0]),
    ],
    ids=["without a limit", "enough", "little", "none"],
)
def test_tables_may_take_what_the_answer_can_spare(
    log: Log, left: list[int] | None, seconds: list[float]
) -> None:
    """Asking at most 2.5 s and writing at most half a second, and always 0.2 s before the function's time is up."""
    patience, times = Patience(), iter(left or ())
    context = left and SimpleNamespace(get_remaining_time_in_millis=lambda: next(times))
    handler = ConnectHandler(Authorizer(PERMIT).decide, Settings(), sources=cast("Any", patience))
    assert handler(event(), cast("Any", context))["allow"]
    assert patience.seconds == seconds
    assert log.record()["level"] == "INFO"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through(
    log: Log, monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    """Whoever stops the process is not answered by a denial."""
    with pytest.raises(interrupt):
        ConnectHandler(raising(interrupt()), Settings())(event())
    monkeypatch.setattr(module, "Authorizer", raising(interrupt()))
    monkeypatch.setattr(bundled_files, "policies", lambda: PERMIT)
    with pytest.raises(interrupt):
        start()
    assert log.records() == []


@pytest.mark.parametrize("shadow_mode", [False, True])
def test_a_broken_log_does_not_cost_the_client_its_answer(*, shadow_mode: bool) -> None:
    """A connection that cannot be recorded is denied, and still in the right form."""
    broken, logger = logging.Handler(), logging.getLogger("client_connect")
    broken.emit = raising(OSError("log is gone"))  # type: ignore[method-assign]
    logger.addHandler(broken)
    try:
        answer = connect_handler(shadow_mode=shadow_mode)(event("v1"))
    finally:
        logger.removeHandler(broken)
    assert_refused(answer, event("v1"), allow=shadow_mode)


def test_a_decision_that_could_not_be_recorded_is_recorded_as_an_error(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log works again at once, it says what happened."""
    emit, failures = log.emit, [OSError("log was gone")]

    def fail_once(record: logging.LogRecord) -> None:
        if failures:
            raise failures.pop()
        emit(record)

    monkeypatch.setattr(log, "emit", fail_once)
    assert_refused(connect_handler()(event()), event())
    assert_recorded(log, "OSError: log was gone")


def test_the_policies_see_the_clock_of_now_in_the_configured_zone(log: Log) -> None:
    """The handler adds no more to the request than that."""
    seen: list[Facts] = []

    def decide(facts: Facts) -> Decision:
        seen.append(facts)
        return Decision(allowed=True)

    before = datetime.now(UTC)
    ConnectHandler(decide, Settings(time_zone=ZoneInfo("Asia/Tokyo")))(event())
    assert seen[0].time_zone == ZoneInfo("Asia/Tokyo")
    assert before <= seen[0].now <= datetime.now(UTC)
    assert log.record()["at"] == seen[0].now.isoformat(timespec="milliseconds")


@pytest.mark.parametrize("shadow_mode", [False, True])
@pytest.mark.parametrize(
    ("policies", "variables", "reason"),
    [
        (None, {}, "FileNotFoundError: "),
        (b"permit", {}, "InvalidPolicySet: the policies cannot be parsed"),
        (b"permit (principal, action, resource);", {}, "InvalidPolicySet: a permit has no @id"),
        (b"\xff", {}, "UnicodeDecodeError: "),
        (PERMIT.encode(), {TIME_ZONE: "Mars/Olympus"}, f'ValueError: {TIME_ZONE} is "Mars/Olympus"'),
    ],
    ids=["no file", "not Cedar", "no id", "not UTF-8", "no time zone"],
)
def test_a_handler_that_cannot_start_refuses_everybody_and_says_why(  # noqa: PLR0913 - the columns of the table
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    policies: bytes | None,
    variables: dict[str, str],
    reason: str,
    shadow_mode: bool,
) -> None:
    """Except in shadow mode, which does not block even then."""
    if policies is not None:
        (tmp_path / "policies.cedar").write_bytes(policies)
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    for name, value in {**variables, SHADOW_MODE: str(shadow_mode).lower()}.items():
        monkeypatch.setenv(name, value)
    handler = start()
    for version in VERSIONS:
        assert_refused(handler(event(version), lambda_context()), event(version), allow=shadow_mode)
        assert_recorded(log, reason, allow=shadow_mode)


def test_a_handler_with_an_unknown_mode_refuses_everybody(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it should block is not known, so it does."""
    monkeypatch.setenv(SHADOW_MODE, "maybe")
    assert_refused(start()(event()), event())
    assert_recorded(log, f'ValueError: {SHADOW_MODE} is "maybe"')


def test_a_panic_at_the_start_is_a_failure_that_keeps_nothing_alive(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same error is raised for each request, but must not gather their frames."""
    panic = PanicException("oops")
    monkeypatch.setattr(bundled_files, "policies", lambda: PERMIT)
    monkeypatch.setattr(module, "Authorizer", raising(panic))
    handler = start()

    def depth() -> int:
        assert_refused(handler(event()), event())
        assert_recorded(log, "PanicException: oops")
        frames, traceback = 0, panic.__traceback__
        while traceback:
            frames, traceback = frames + 1, traceback.tb_next
        return frames

    assert depth() == depth()


@pytest.mark.parametrize(
    ("policies", "counts"),
    [
        ("// Not context.activeConnections yet.\n" + PERMIT, False),
        ('@id("all") @message("activeConnections") permit (principal, action, resource);', False),
        (
            PERMIT
            + '@id("s") @shadow permit (principal, action, resource) when { context has activeConnections };',
            True,
        ),
        (
            PERMIT
            + '@id("f") forbid (principal, action, resource) when { context has "active\\u{43}onnections" };',
            True,
        ),
    ],
    ids=["comment", "message", "shadow", "escaped"],
)
def test_start_asks_the_registry_only_for_what_policies_read(
    monkeypatch: pytest.MonkeyPatch, policies: str, *, counts: bool
) -> None:
    """It may ask nothing else, by its role."""
    monkeypatch.setattr(bundled_files, "policies", lambda: policies)
    monkeypatch.setenv("CLIENT_CONNECT_CONNECTIONS_TABLE", "registry")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert start()._sources.counts_connections is counts


def test_start_reads_settings_and_policies(log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The handler that it makes decides with them."""
    (tmp_path / "policies.cedar").write_text(FORBID.replace("message", "note"), "utf-8")
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    assert message_of(start()(event())) == DEFAULT_DENIAL
    monkeypatch.setenv(DEFAULT_MESSAGE, "Call 555.")
    assert message_of(start()(event())) == "Call 555."
    monkeypatch.setenv(SHADOW_MODE, "true")
    assert start()(event())["allow"]
    digest = Authorizer((tmp_path / "policies.cedar").read_text("utf-8")).policies.digest
    assert [record["policies"] for record in log.records()] == [digest] * 3


ENDPOINT, OTHER = "cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-0badc0de"


@pytest.mark.parametrize(
    ("endpoints", "asking", "answered"),
    [
        (None, OTHER, True),
        ({ENDPOINT}, ENDPOINT, True),
        ({ENDPOINT, OTHER}, OTHER, True),
        ({ENDPOINT}, OTHER, False),
        ({ENDPOINT}, ENDPOINT.upper(), False),
        ({ENDPOINT}, f"{ENDPOINT},{OTHER}", False),
        ({ENDPOINT}, f"{ENDPOINT}0", False),
        (set(), ENDPOINT, False),
    ],
)
def test_only_endpoints_that_the_handler_is_for_are_answered(
    log: Log, endpoints: set[str] | None, asking: str, *, answered: bool
) -> None:
    """Any endpoint of the account can ask every handler in it: others are denied, and counted apart.

    Among the errors, their clients could have a deployment of the handler rolled back.
    """
    handler = connect_handler(endpoints=None if endpoints is None else dict.fromkeys(endpoints))
    answer = handler(event(endpoint_id=asking), lambda_context())
    assert_valid(answer, event())
    assert answer["allow"] is answered
    record = log.record()
    assert record["level"] == ("INFO" if answered else "ERROR")
    if not answered:
        assert record["error"] == {
            "type": "EndpointNotAnswered",
            "detail": "the endpoint is not one of the endpoints= of this handler",
        }
        assert record["endpoint"] == asking
        assert "stackTrace" not in record
        assert (record["Denied"], record["Errors"], record["NotAnswered"]) == (1, 0, 1)
    counted = {each["Name"] for each in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert ("NotAnswered" in counted) is not answered


@pytest.mark.parametrize(("name", "allowed"), [("prod", True), ("dev", False), (None, False)])
def test_policies_see_the_name_of_the_endpoint(log: Log, name: str | None, *, allowed: bool) -> None:
    """An endpoint without a name has none in the record, too."""
    policies = """
        @id("prod") permit (principal, action, resource)
        when { context has endpointName && context.endpointName == "prod" };
    """
    handler = connect_handler(policies, endpoints={ENDPOINT: name, OTHER: "prod"})
    assert handler(event(endpoint_id=ENDPOINT), lambda_context())["allow"] is allowed
    assert log.record()["facts"].get("endpointName") == name


@pytest.mark.parametrize("platform", ["win", None])
def test_only_endpoints_that_are_answered_have_metrics_of_their_own(log: Log, platform: str | None) -> None:
    """CloudWatch charges for each, and whoever may invoke the function can make them up, even in an invalid request."""
    handler = connect_handler(endpoints={ENDPOINT: None})
    found = set()
    for number in range(20):
        handler({**event(endpoint_id=f"cvpn-endpoint-{number:017x}"), "platform": platform}, lambda_context())
        record = log.record()
        assert record["endpoint"] == f"cvpn-endpoint-{number:017x}"
        assert record["error"]["type"] == ("InvalidRequest" if platform is None else "EndpointNotAnswered")
        found.add(record["EndpointId"])
    assert found == {"unknown"}
    handler({**event(endpoint_id=ENDPOINT), "platform": platform}, lambda_context())
    assert log.record()["EndpointId"] == ENDPOINT


def test_another_endpoint_leaves_no_trace_in_the_registry(log: Log) -> None:
    """It is neither looked up nor registered, and the policies are not asked."""
    asked = Mock()
    handler = ConnectHandler(asked, Settings(endpoints={ENDPOINT: None}), sources=asked)
    assert handler(event(endpoint_id=OTHER), lambda_context())["allow"] is False
    assert asked.mock_calls == [call.recorder()]
    assert log.record()["error"]["type"] == "EndpointNotAnswered"


def test_shadow_mode_allows_other_endpoints_too(log: Log) -> None:
    """Shadow never blocks; the record says what enforcing would do."""
    handler = connect_handler(endpoints={ENDPOINT: None}, shadow_mode=True)
    assert handler(event(endpoint_id=OTHER), lambda_context())["allow"] is True
    record = log.record()
    assert (record["ShadowDenied"], record["Errors"], record["NotAnswered"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("endpoint_id", "dimension"),
    [
        (ENDPOINT, ENDPOINT),
        (OTHER, OTHER),
        ("cvpn-endpoint-1", "cvpn-endpoint-1"),
        ("x", "unknown"),
        (ENDPOINT.upper(), "unknown"),
        (f"{ENDPOINT} ", "unknown"),
        (f"{ENDPOINT}\n", "unknown"),
        (f"cvpn-endpoint-{'0' * 33}", "unknown"),
        ("cvpn-endpoint-" + "0" * 100_000, "unknown"),
        ("cvpn-endpoint-", "unknown"),
        ("cvpn-endpoint-0\u0661", "unknown"),
    ],
)
def test_the_dimension_of_the_metrics_is_the_id_of_an_endpoint(
    log: Log, endpoint_id: str, dimension: str
) -> None:
    """Each other text would cost a metric, and whoever can invoke the function could make up many."""
    for address in ("198.51.100.7", "nonsense"):
        connect_handler()(event(endpoint_id=endpoint_id, public_ip=address), lambda_context())
        record = log.record()
        assert record["EndpointId"] == dimension
        assert record["endpoint"].startswith(endpoint_id[:200].rstrip())


@pytest.mark.parametrize(("condition", "asked"), [("true", False), ("context has activeConnections", True)])
def test_the_registry_is_read_only_for_policies_that_count_connections(
    log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, condition: str, asked: bool
) -> None:
    """Another policy would wait for it in vain; here DynamoDB is down, so asking leaves a trace."""
    policy = f'@id("a") permit (principal, action, resource) when {{ {condition} && false }};'
    (tmp_path / "policies.cedar").write_text(policy, "utf-8")
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    monkeypatch.setenv(CONNECTIONS_TABLE, "open")
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    start()(event(), lambda_context())
    assert ("registry" in log.record().get("unavailable", {})) == asked


def test_a_bundle_decides_by_the_policies_beside_the_package(tmp_path: Path) -> None:
    """As Lambda imports it: the handler of the copied package, without anything printed."""
    package = Path(client_connect.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "policies.cedar").write_text(FORBID, "utf-8")
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from client_connect.handler import handler;"
        "print(json.dumps(handler(json.loads(sys.argv[2]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path, json.dumps(event())],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "allow": False,
        "error-msg-on-denied-connection": "Ask IT.",
        "posture-compliance-statuses": ["bad"],
        "schema-version": "v3",
    }


def test_records_name_the_version_that_decided(log: Log) -> None:
    """Each record, even of an error, so it shows when the alias was moved by hand."""
    context = lambda_context()
    context.function_version = "42"
    for asked in (event(), {"endpoint-id": ENDPOINT}):
        connect_handler()(asked, context)
        assert log.record()["functionVersion"] == "42"
    connect_handler()(event(), lambda_context())
    assert "functionVersion" not in log.record()


@pytest.mark.parametrize(
    "asked", [event(), event(endpoint_id="x"), {}], ids=["allowed", "unknown", "no request"]
)
def test_shadow_mode_is_counted_in_each_record(log: Log, asked: dict[str, Any]) -> None:
    """Whatever the decision, so its alarm sees the first connection."""
    for shadow_mode in (True, False):
        connect_handler(shadow_mode=shadow_mode)(asked, lambda_context())
        record = log.record()
        counted = {each["Name"] for each in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        assert record.get("ShadowMode") == (1 if shadow_mode else None)
        assert ("ShadowMode" in counted) is shadow_mode
