"""Every form of stored logs, and entries that are no decisions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Device, Facts, OsVersion
from client_connect.reauthorizer.client_vpn import Connection
from client_connect.reauthorizer.evaluation import Evaluation, Verdict
from client_connect.reauthorizer.records import Records
from client_connect.reauthorizer.scan import Candidate
from client_connect.record import Record
from client_connect_tools.replay import Attempt, Comparison, Skipped, attempts
from client_connect_tools.replay.deciding.decider import Decider
from client_connect_tools.replay.reading import logs
from client_connect_tools.replay.run import Replay
from tests.support.connection_logs import NOON, connection, denied_connection, record
from tests.support.events import PERMIT, connect_handler, connection_requests, event
from tests.unit.runtime.conftest import log

if TYPE_CHECKING:
    from tests.support.log_lines import Log

__all__ = ["log"]  # a fixture
TEXT = json.dumps(record())
LOG = json.dumps(connection())


def kinds(*given_lines: str) -> list[str]:
    """Return what the lines are: ``attempt``, or why one is skipped."""
    return [entry.kind if isinstance(entry, Skipped) else "attempt" for entry in attempts(given_lines)]


def attempt(*given_lines: str, **options: Any) -> Attempt:
    """Return the only attempt in the lines."""
    (entry,) = attempts(given_lines, **options)
    assert isinstance(entry, Attempt), entry
    return entry


@pytest.mark.parametrize(
    "form",
    [
        pytest.param([TEXT], id="JSON lines"),
        pytest.param(["", f"\ufeff  {TEXT}\r"], id="with a byte order mark and carriage returns"),
        pytest.param([f"2026-11-22T23:00:00.000Z {TEXT}"], id="as CloudWatch Logs exports it"),
        pytest.param([json.dumps({"message": TEXT, "timestamp": 1})], id="an event of a log"),
        pytest.param([json.dumps({"@timestamp": "2026", "@message": TEXT})], id="a result of Logs Insights"),
        pytest.param([json.dumps({"@message": record()})], id="a message that was parsed"),
        pytest.param([json.dumps({"events": [{"message": TEXT}], "nextToken": "x"})], id="get-log-events"),
        pytest.param(
            json.dumps(
                {"events": [{"message": TEXT, "timestamp": 1}], "searchedLogStreams": []}, indent=4
            ).split("\n"),
            id="filter-log-events, indented as the AWS command line prints it",
        ),
        pytest.param(
            [json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": TEXT}]})],
            id="a subscription",
        ),
        pytest.param(
            [
                json.dumps(
                    {"results": [[{"field": "@ptr", "value": "x"}, {"field": "@message", "value": TEXT}]]}
                )
            ],
            id="get-query-results",
        ),
        *(
            pytest.param(
                json.dumps(
                    {
                        "results": [
                            [
                                {"field": "@timestamp", "value": "2026-11-23 12:00:00.000"},
                                {"field": "@message", "value": f"{start}{TEXT}\n"},
                                {"field": "@ptr", "value": "x"},
                            ]
                        ],
                        "status": "Complete",
                    },
                    indent=4,
                ).split("\n"),
                id=f"get-query-results, indented{id_}",
            )
            for start, id_ in (("", ""), ("2026-11-22T23:00:00.000Z ", ", with times"))
        ),
    ],
)
def test_a_record_is_found_in_every_form(form: list[str]) -> None:
    """The same attempt comes out of each, and nothing else."""
    found = attempt(*form)
    assert found == attempt(TEXT)
    assert (found.allowed, found.determining, found.missing) == (True, ("all",), frozenset())
    assert found.facts.now == NOON
    assert found.facts.request.username == "Bob"


def test_several_in_one_line() -> None:
    """Firehose sets one after the other, and one envelope may hold both kinds of log."""
    assert kinds(TEXT + LOG + " " + TEXT) == ["attempt"] * 3
    assert kinds(json.dumps({"logEvents": [{"message": TEXT}, {"message": LOG}, {"message": "END x"}]})) == [
        "attempt",
        "attempt",
        "Lambda END",
    ]


@given(connection_requests())
def test_what_the_handler_logs_is_read_without_loss(request: ConnectionRequest) -> None:
    """Through Lambda's own formatter, with names that a log line must escape."""
    from tests.support.log_lines import captured  # noqa: PLC0415 - next to a fixture of the same purpose

    with captured() as logged:
        connect_handler(PERMIT)(request.to_event())
    (line,) = logged.lines
    found = attempt(line)
    assert found.facts.request == request
    assert found.allowed
    assert found.determining == ("all",)


def test_an_error_record_is_skipped(log: Log) -> None:
    """The handler made no decision, so no decision can be compared."""
    connect_handler(PERMIT)(event(public_ip="nonsense"))
    assert kinds(*log.lines) == ["error record: the handler made no decision"]


def test_a_shadow_decision_counts_as_what_the_policies_said(log: Log) -> None:
    """Shadow mode allowed the client; the policies did not."""
    connect_handler("", shadow_mode=True)(event())
    assert json.loads(log.lines[0])["allow"] is True
    assert attempt(*log.lines).allowed is False


def test_the_facts_of_a_record_are_used() -> None:
    """The facts that an inventory, a registry and the settings added to the request."""
    known = {
        "inventory": "known",
        "device": {
            "compliant": True,
            "lastSeen": "2026-11-20T00:00:00+00:00",
            "os": {"major": 10, "minor": 0},
            "tags": {"owner": "it"},
        },
        "waivers": ["minimum-os"],
        "activeConnections": 2,
        "timeZone": "Europe/Berlin",
    }
    facts = attempt(json.dumps(record() | {"facts": known})).facts
    assert facts.device == Device(
        compliant=True,
        last_seen=datetime(2026, 11, 20, tzinfo=UTC),
        os=OsVersion(10, 0),
        tags={"owner": "it"},
    )
    assert (facts.inventory, facts.waivers, facts.active_connections) == ("known", {"minimum-os"}, 2)
    assert facts.time_zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("year", [1, 1601, 9999])
def test_a_device_may_never_have_been_seen(year: int) -> None:
    """Device managers write some time in the year 1 for that, or in the last one; the handler takes it."""
    device = {"lastSeen": f"{year:04}-01-01T00:00:00.000+00:00"}
    facts = attempt(broken_device(device)).facts
    assert facts.device == Device(last_seen=datetime(year, 1, 1, tzinfo=UTC))
    seen_lately = PERMIT + (
        '@id("stale") forbid (principal, action, resource) when { context.device has lastSeen && '
        'context.time.now.durationSince(context.device.lastSeen) > duration("30d") };'
    )
    assert Decider(seen_lately).decide(facts).allowed == Authorizer(seen_lately).decide(facts).allowed


ODD_TAGS = {"owner\u00a0name": "Jos\u00e9\u00a0P", "plain": "text"}


def test_facts_are_read_without_loss(log: Log) -> None:
    """As the handler and the re-authorizer log them, with a space in a tag that a log line must escape."""
    known = Facts(
        ConnectionRequest.from_event(event(common_name="laptop")),
        now=NOON,
        inventory="known",
        device=Device(tags=ODD_TAGS),
        waivers=frozenset({"w\u00a0x"}),
        custom_facts="available",
        custom={"team": "a\u3000b"},
    )
    decision = Authorizer(PERMIT, custom="{ team: String }").decide(known)
    Record.of_decision(known, decision, allow=True, policies="").write(
        now=NOON, milliseconds=1, function_name="f"
    )
    ended = Connection(connection_id="c", endpoint_id="e", username="bob", common_name="laptop")
    judged = Evaluation(
        connection=ended, verdict=Verdict.DENIED, registered=True, facts=known, decision=decision
    )
    Records(function_name="f", policies="", dry_run=False).of_connection(
        Candidate(connection=ended, reason="policies"), judged
    )
    assert len(log.lines) == 2
    for line in log.lines:
        assert attempt(line).facts._replace(now=NOON) == known


def test_the_time_zone_that_is_asked_for_beats_the_record_s() -> None:
    """Even for connection logs, which have none."""
    zone = ZoneInfo("Asia/Tokyo")
    told = json.dumps(record() | {"facts": {"timeZone": "Europe/Berlin"}})
    assert attempt(told, time_zone=zone).facts.time_zone is zone
    assert attempt(LOG, time_zone=zone).facts.time_zone is zone
    assert attempt(LOG).facts.time_zone is UTC


def test_a_connection_log() -> None:
    """Its facts are used, and the others are reported as missing."""
    found = attempt(LOG)
    assert found.allowed
    assert found.facts.now == NOON
    request = found.facts.request
    assert (request.username, request.common_name, request.platform) == ("Bob", "laptop-1", "win")
    assert (request.endpoint_id, str(request.public_ip)) == ("cvpn-endpoint-1", "198.51.100.7")
    assert found.missing == {
        "endpointName", "platformVersion", "os", "openvpn", "awsClient", "groups", "inventory", "device", "ownerTags",
        "activeConnections", "custom", "customFacts",
    }  # fmt: skip
    denied = attempt(json.dumps(denied_connection()))
    assert (denied.allowed, denied.determining) == (False, ())


@pytest.mark.parametrize(
    ("changes", "missing", "known"),
    [
        ({"device_type": "mac"}, {"openvpn", "groups"}, {"os", "platform"}),
        ({"device_type": "WIN"}, {"os"}, {"platform"}),
        ({"device_type": "NA"}, {"os", "platform"}, set()),
        ({"username": "NA"}, {"os"}, {"groups"}),
    ],
)
def test_what_can_be_known_is_not_missing(
    changes: dict[str, object], missing: set[str], known: set[str]
) -> None:
    """Only Windows has a version in numbers, and a device without a user has no groups."""
    found = attempt(json.dumps(connection(**changes)))
    assert missing <= found.missing
    assert not known & found.missing


@pytest.mark.parametrize(
    ("changes", "time"),
    [
        ({"connection_start_time": "NA"}, "12:00:01"),
        (
            {"connection_start_time": "NA", "connection_last_update_time": "NA"}
            | {"connection_end_time": "2026-11-23 13:00:00"},
            "13:00:00",
        ),
    ],
)  # fmt: skip
def test_the_time_of_a_connection(changes: dict[str, object], time: str) -> None:
    """When it began, or else the next that is known."""
    assert attempt(json.dumps(connection(**changes))).facts.now.strftime("%H:%M:%S") == time


def broken(**changes: object) -> str:
    """Return a record with keys replaced."""
    return json.dumps(record() | changes)


def broken_device(device: object) -> str:
    """Return a record with that device."""
    return broken(facts={"inventory": "known", "device": device})


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("START RequestId: 1 Version: $LATEST", "Lambda START"),
        ("REPORT RequestId: 1\tDuration: 1 ms", "Lambda REPORT"),
        ("2026-11-22T23:00:00.000Z INIT_START Runtime", "Lambda INIT_START"),
        ('{"time":"x","type":"platform.report","record":{}}', "Lambda platform.report"),
        ("Traceback (most recent call last):", "not JSON"),
        ('{"at": ', "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"level":"INFO","message":"hello"}', "other JSON"),
        ('{"something":"else"}', "other JSON"),
        ('{"message":null,"events":[1]}', "other JSON"),
        (json.dumps(connection(connection_log_type="connection-reset")), "connection log: connection-reset"),
        (json.dumps(connection(connection_log_type="<b>")), "connection log: something else"),
        (
            json.dumps(connection(connection_attempt_status="waiting-for-assertion")),
            "connection log: attempt waiting-for-assertion",
        ),
        (
            json.dumps(denied_connection(connection_attempt_failure_reason="client-connect-handler-timed-out")),
            "connection log: attempt failed by client-connect-handler-timed-out",
        ),
        (json.dumps(connection(device_ip="NA")), "connection log without a valid device-ip"),
        (json.dumps(connection(client_vpn_endpoint_id="")), "connection log without a valid client-vpn-endpoint-id"),
        (json.dumps(connection(username="", common_name="NA")), "connection log without a valid user"),
        (json.dumps(connection(connection_start_time="soon")), "connection log without a valid connection-start-time"),
        (
            json.dumps(connection(connection_start_time="NA", connection_last_update_time="NA")),
            "connection log without a time",
        ),
        (broken(decision=1), 'malformed decision record: "decision"'),
        (broken(decision={}), 'malformed decision record: "decision.allowed"'),
        (broken(decision={"allowed": "yes"}), 'malformed decision record: "decision.allowed"'),
        (
            broken(decision={"allowed": True, "determining": 1}),
            'malformed decision record: "decision.determining"',
        ),
        (broken(at="2026-11-23T12:00:00"), 'malformed decision record: "at"'),
        (broken(at="0001-01-01T00:00:00+00:00"), "time outside the years 1970 to 9990"),
        (broken(facts=[]), 'malformed decision record: "facts"'),
        (broken(facts={"timeZone": "Nowhere"}), 'malformed decision record: "facts.timeZone"'),
        (broken(facts={"timeZone": "\ud800"}), 'malformed decision record: "facts.timeZone"'),
        (broken(facts={"inventory": "none"}), 'malformed decision record: "facts.inventory"'),
        (broken(facts={"waivers": "w"}), 'malformed decision record: "facts.waivers"'),
        (broken(facts={"activeConnections": -1}), 'malformed decision record: "facts.activeConnections"'),
        (broken(facts={"customFacts": 1}), 'malformed decision record: "facts.customFacts"'),
        (broken(facts={"custom": 1}), 'malformed decision record: "facts.custom"'),
        (broken_device(1), 'malformed decision record: "facts.device"'),
        (broken_device({"compliant": "yes"}), 'malformed decision record: "facts.device.compliant"'),
        (broken_device({"lastSeen": "never"}), 'malformed decision record: "facts.device.lastSeen"'),
        (
            broken_device({"lastSeen": "0001-01-01T00:00:00+14:00"}),
            'malformed decision record: "facts.device.lastSeen"',
        ),
        (broken_device({"os": "10.0.19045"}), 'malformed decision record: "facts.device.os"'),
        (broken_device({"os": {"major": 10}}), 'malformed decision record: "facts.device.os.minor"'),
        (broken_device({"tags": {"owner": 1}}), 'malformed decision record: "facts.device.tags"'),
        (broken(facts={"inventory": "known"}), 'malformed decision record: its "facts" contradict each other'),
        (broken(cut=["facts"]), 'decision record whose "facts" was too long for the log'),
        (broken(cut=["request"]), 'decision record whose "request" was too long for the log'),
        (broken(cut=["decision"]), 'decision record whose "decision" was too long for the log'),
        (broken(cut=["factsJson"]), 'decision record whose "factsJson" was too long for the log'),
        (broken(cut=["waiversUsed"]), "attempt"),
        (broken(factsJson="{"), 'malformed decision record: "factsJson"'),
        (broken(requestJson="{"), 'malformed decision record: "requestJson"'),
        (broken(requestJson="[" * 100_000), 'malformed decision record: "requestJson"'),
        (broken(request={}), 'decision record with an invalid request: "schema-version" is missing'),
        (
            json.dumps({key: value for key, value in record().items() if key != "request"} | {"told": {}}),
            "re-authorization of a connection that the registry does not know",
        ),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_counted_by_kind(line: str, kind: str) -> None:
    """Nothing in a log is fatal."""
    assert kinds(line) == [kind]


@pytest.mark.parametrize(
    ("line", "is_attempt"),
    [
        (broken_device({"os": "10.0.19045"}), True),
        (broken(at="0001-01-01T00:00:00+00:00"), True),
        (broken(request={}), True),
        (json.dumps(connection(device_ip="NA")), True),
        (json.dumps(connection(connection_log_type="connection-reset")), False),
        (TEXT[:-1], True),
        (f'    "body": {json.dumps(TEXT)},', True),
        ('    "decision": {', True),
        ('    "body": "{\\"x\\": 1}",', False),
        ("a decision: not JSON", False),
        ('{"something":"else"}', False),
    ],
)
def test_what_should_have_been_an_attempt_is_told_from_the_rest(line: str, is_attempt: bool) -> None:  # noqa: FBT001
    """The policies' decision on it is unknown."""
    (entry,) = attempts([line])
    assert isinstance(entry, Skipped)
    assert (entry.kind, entry.is_attempt) == (kinds(line)[0], is_attempt)


def test_the_rest_of_indented_json_is_counted() -> None:
    """A file may begin in the middle of an entry."""
    assert kinds('    "value": "x",', "    },", '    "body": 1') == ["not JSON"] * 3


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("2026-11-23T12:00:00"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["at", "decision", "request", "requestJson", "facts", "allowed", "determining"])
            | st.sampled_from(["message", "events", "results", "connection-log-type"]),
            inner,
            max_size=4,
        )
    ),
)
KNOWN = {"inventory": "known", "device": {}, "waivers": [], "activeConnections": 1, "timeZone": "UTC"}


@given(
    json_values,
    st.sampled_from([*record(), *connection(), "facts", "factsJson", "requestJson"]),
    st.sampled_from([*KNOWN]),
    st.sampled_from(["compliant", "lastSeen", "os", "tags"]),
)
def test_nothing_in_a_log_is_fatal(value: Any, key: str, fact: str, attribute: str) -> None:
    """Whatever JSON holds, in the place of a line or of any value in it: it is skipped, or can be decided."""
    given_lines = [
        value,
        record() | {key: value},
        connection() | {key: value},
        record() | {"facts": KNOWN | {fact: value}},
        record() | {"factsJson": json.dumps(KNOWN | {fact: value})},
        record() | {"facts": KNOWN | {"device": {attribute: value}}},
        record() | {"facts": KNOWN | {"device": {"os": {"major": 1, "minor": value}, "tags": {"a": value}}}},
    ]
    for entry in attempts(map(json.dumps, given_lines)):
        if isinstance(entry, Attempt):
            assert not Authorizer(PERMIT).decide(entry.facts).errors


def test_the_facts_of_the_test_above_are_sound() -> None:
    """Or it would show nothing."""
    assert kinds(json.dumps(record() | {"facts": KNOWN})) == ["attempt"]


_JSON = json.dumps(record())
_ODD = (
    *(
        "NaN",
        "-Infinity",
        "1e999",
        "-0",
        "1.0",
        "12345678901234567890123",
        '"\\ud800"',
        '"\\u00e9\\u0000"',
        '"\u00e9"',
    ),
    *(
        '"\udc80"',
        "null",
        "[]",
        "{}",
        "01",
        "1.",
        '"\t"',
        "[" * 600 + "]" * 600,
        '{"a":' * 499 + "1" + "}" * 499,
    ),
)


@pytest.mark.parametrize("odd", _ODD, ids=lambda odd: repr(odd[:20]))
def test_both_readers_of_json_find_the_same(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    """The fast one takes only what the other one understands in the same way."""
    facts = '"facts": {"customFacts": "available", "custom": {"a": %s}}'
    lines = [
        odd,
        f"{odd} {_JSON}",
        _JSON[:-1] + f', "other": {odd}}}',
        _JSON[:-1] + f', "decision": {{"allowed": {odd}}}}}',
        _JSON[:-1] + ", " + facts % odd + "}",
        _JSON.replace('"bob"', odd),
        json.dumps({"message": odd}),
        f'{{"connection-log-type": {odd}}}',
    ]
    block = "\n".join(lines).encode("utf-8", "surrogateescape")
    policies = PERMIT + '@id("a") forbid (principal, action, resource) when { context.custom.a == 1 };'
    comparison = Comparison(new=policies, new_custom="{ a: Long }")
    found = Replay(comparison).block(block)
    monkeypatch.setattr(logs, "_usual_value", lambda _text: None)
    assert Replay(comparison).block(block) == found
    assert found.lines == len(lines)
