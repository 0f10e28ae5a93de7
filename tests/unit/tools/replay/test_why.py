"""``client-connect why``: the history of one user or device."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from client_connect_tools import advice
from client_connect_tools.cli import main
from client_connect_tools.replay import attempts
from tests.support.connection_logs import connection, denied_connection, record

DOCS = (Path(__file__).parents[4] / "docs" / "why-denied.md").read_text("utf-8")
OLD = (
    '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);\n'
    '@id("windows-too-old") @message("Please update Windows.") forbid (principal, action, resource)\n'
    "when { context has os && context.os has build && context.os.build < 22631 };\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def log(*entries: object, name: str = "log.jsonl") -> str:
    """Write a log; return its name."""
    Path(name).write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), "utf-8")
    return name


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return its status, output and errors."""
    result = CliRunner().invoke(main, ["why", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def events(*arguments: str) -> list[dict[str, Any]]:
    """Return what it finds."""
    listed: list[dict[str, Any]] = json.loads(run(*arguments, "--json")[1])["events"]
    return listed


def denied(minutes: int = 0, **changes: object) -> dict[str, Any]:
    """Return a denial by an old Windows, seen by a clock in Berlin."""
    entry = record(
        allowed=False,
        determining=("windows-too-old",),
        minutes=minutes,
        platform_version="10.0.19045,amd64",
        **changes,
    )
    entry["decision"]["message"] = "Please update Windows."
    return entry | {"policies": "0123456789ab", "facts": {"timeZone": "Europe/Berlin"}}


def terminated(minutes: int = 30, **changes: object) -> dict[str, Any]:
    """Return what the re-authorizer records of a connection that it ends."""
    entry = denied(minutes, connection_id="c2")
    del entry["allow"]
    return entry | {"connection": "c2", "reason": "policies", "dryRun": False} | changes


def history_of_bob() -> str:
    """Write the logs of the documentation's example."""
    return log(
        denied(0, connection_id="c0"),
        denied(2, connection_id="c1"),
        record(minutes=5, connection_id="c2", determining=("staff",))
        | {"facts": {"timeZone": "Europe/Berlin"}},
        connection(connection_id="c2", connection_start_time="2026-11-23 12:05:00"),
        terminated(),
        connection(
            connection_id="c2",
            connection_log_type="connection-reset",
            connection_attempt_status="NA",
            connection_end_time="2026-11-23 12:30:00",
        ),
        {"at": "2026-11-23T12:30:01+00:00", "run": "complete", "terminated": 1, "dryRun": False},
    )


def test_the_documentation_shows_what_it_prints() -> None:
    """The cut is the last line, told once, by the local clock."""
    (shown,) = re.findall(r"```text\n\$ client-connect why [^\n]*\n(.*?)```", DOCS, re.DOTALL)
    Path("deployed.cedar").write_text(OLD, "utf-8")
    status, output, errors = run(history_of_bob(), "--username", "bob", "--policies", "deployed.cedar")
    assert (status, errors) == (0, "")
    assert output == shown


def test_each_answer_is_told_as_what_it_is() -> None:
    """Shadow mode, blocks, errors, and endpoints that are not answered."""
    block = {"holder": "user:bob", "reason": "dismissed", "by": "carol", "message": "No."}
    event = json.dumps(record(connection_id="c4")["request"])
    error = {"at": "2026-11-23T12:04:00+00:00", "allow": False, "event": event}
    name = log(
        denied(1, connection_id="c1") | {"allow": True},
        denied(2, connection_id="c2") | {"block": block},
        error | {"error": {"type": "EndpointNotAnswered", "detail": "x"}},
        error | {"at": "2026-11-23T12:05:00+00:00", "error": {"type": "KeyError", "detail": "y"}},
        connection(connection_id="c6", connection_start_time="2026-11-23 12:06:00")
        | {
            "connection-attempt-status": "failed",
            "connection-attempt-failure-reason": "authentication-failed",
        },
        terminated(7, reason="blocked", block=block),
        terminated(8, dryRun=True),
        terminated(9, failure="throttled"),
        terminated(10, reason="waiver", waiversUsed=[{"policyId": "windows-too-old", "until": "2027"}]),
        terminated(15, reason="waiver", waiversUsed=[{"policyId": "windows-too-old", "until": "2027"}]),
    )
    assert [each["what"] for each in events(name, "--username", "BOB")] == [
        "let in by shadow mode",
        "blocked",
        "endpoint not answered",
        "denied by an error",
        "not connected",
        "terminated",
        "would be terminated",
        "could not be terminated",
        "kept by a waiver",
    ]
    assert "block of user:bob until it is removed: dismissed (by carol)" in run(name, "--username", "bob")[1]


def test_the_verdict_does_not_hide_shadow_mode() -> None:
    """The policies denied, although the client was let in."""
    name = log(denied(1, connection_id="c1") | {"allow": True}, record(connection_id="c2"))
    assert run(name, "--username", "bob")[1].startswith(
        "bob was let in 2 times, most recently on 2026-11-23 at 13:01, once only because of shadow mode.\n"
    )


def failed(reason: str, minutes: int = 0, **changes: object) -> dict[str, Any]:
    """Return an attempt that failed before the handler answered."""
    return connection(
        connection_id=f"c{minutes}",
        connection_start_time=f"2026-11-23 12:{minutes:02}:00",
        connection_attempt_status="failed",
        connection_attempt_failure_reason=reason,
        **changes,
    )


_NOT_ANSWERED = {
    "client-connect-handler-throttled": "HandlerThrottles",
    "client-connect-handler-timed-out": "HandlerTimeouts",
    "client-connect-handler-other-execution-error": "ExecutionErrors",
    "client-connect-handler-invalid-response": "InvalidResponses",
    "client-connect-handler-service-error": "ServiceErrors",
}


@pytest.mark.parametrize("reason", _NOT_ANSWERED)
def test_whoever_the_handler_never_answered_is_led_to_the_alarm(reason: str) -> None:
    """Such users have no record; the connection log alone has them."""
    name = log(record(username="somebody else"), failed(reason))
    status, output, _ = run(name, "--username", "bob")
    assert status == 0
    assert f"Client VPN says {reason}" in output
    alarm = _NOT_ANSWERED[reason]
    assert f"see the alarm {alarm}" in output
    assert advice.find_one(alarm, "alarm")


def test_without_a_connection_log_it_says_what_cannot_be_seen() -> None:
    """A throttled user is not "never denied"."""
    nothing = run(log(record()), "--username", "carol")[1]
    assert "Users who were throttled or could not sign in never reached the handler." in nothing
    both = run(log(record(), connection()), "--username", "carol")[1]
    assert "never reached the handler" not in both


def test_one_attempt_is_found_by_its_reference() -> None:
    """The user reads it out of the message; the case of letters does not matter."""
    name = log(
        denied(0, connection_id="cvpn-connection-0a"),
        denied(1, connection_id="cvpn-connection-0b"),
        failed("client-connect-failed", 0) | {"connection-id": "cvpn-connection-0a"},
    )
    found = events(name, "--connection", "CVPN-connection-0A")
    assert [each["connection"] for each in found] == ["cvpn-connection-0a"]
    both = events(name, "--connection", "cvpn-connection-0a", "--username", "carol")
    assert both == []


def test_whoever_does_not_come_back_from_the_identity_provider_is_shown() -> None:
    """Of those who do, it says nothing; the line of an attempt that waits may have no user."""
    waiting = {"connection-attempt-status": "waiting-for-assertion", "username": "NA"}
    name = log(
        connection(connection_id="c0") | waiting,
        connection(connection_id="c1") | waiting,
        record(connection_id="c1"),
    )
    assert [(each["connection"], each["what"]) for each in events(name, "--device", "laptop-1")] == [
        ("c0", "signing in"),
        ("c1", "allowed"),
    ]
    output = run(name, "--device", "laptop-1")[1]
    assert "went to the identity provider, and did not come back" in output


def test_a_limit_of_connections_is_no_denial_by_policies() -> None:
    """The policies allow what the limit ended, so they are not blamed, and not asked."""
    Path("p.cedar").write_text(OLD, "utf-8")
    name = log(terminated(reason="connection-limit"))
    output = run(name, "--username", "bob", "--policies", "p.cedar")[1]
    assert "connection ended by the re-authorizer: the user had too many connections" in output
    assert "windows-too-old" not in output


def test_the_connection_log_adds_what_the_handler_does_not_know() -> None:
    """A denial without a record, and a cut by the native policy."""
    evaluation = {"evaluation-type": "periodic", "result": "deny", "reason": "policy-deny"}
    name = log(
        denied(1, connection_id="c1"),
        denied_connection(connection_id="c1"),
        denied_connection(connection_id="c3", connection_start_time="2026-11-23 12:10:00"),
        connection(
            connection_id="c2",
            connection_log_type="connection-reset",
            connection_attempt_status="NA",
            connection_end_time="2026-11-23 12:30:00",
            authorization_policy_evaluation=evaluation,
        ),
    )
    found = events(name, "--device", "LAPTOP-1")
    assert [(each["what"], each["because"]) for each in found] == [
        ("denied", ""),
        ("denied", "no record of the handler"),
        ("ended by the native policy", "policy-deny"),
    ]
    assert found[2]["local"] == "2026-11-23T13:30:00+01:00"


def test_no_match_says_what_was_read_and_which_names_are_similar() -> None:
    """The domain is what people leave out."""
    name = log(record(username="bob@corp.example"), record(username="carol"))
    status, output, _ = run(name, "--username", "CORP\\bob")
    assert status == 1
    assert "Entries read: 2 of the handler's decisions." in output
    assert "Similar names in the logs: bob@corp.example\n" in output


def test_without_a_permit_it_says_what_each_lacked() -> None:
    """And policies that are not those deployed are named as such."""
    Path("p.cedar").write_text(OLD, "utf-8")
    entry = record(allowed=False, determining=(), groups=["guests"], connection_id="c1")
    _, output, _ = run(log(entry), "--username", "bob", "--policies", "p.cedar")
    assert 'permit staff: `principal in ClientVpn::Group::"staff"` is false' in output
    _, output, _ = run(
        log(denied(groups=["staff"], username="bob") | {"request": record()["request"]}),
        "--username",
        "bob",
        "--policies",
        "p.cedar",
    )
    assert "they are not those that decided it" in output


def test_entries_that_are_malformed_are_counted() -> None:
    """Of any shape."""
    shapes: list[dict[str, object]] = [
        {"at": 5},
        {"at": "9999-12-31T23:59:59-12:00"},
        {"at": "9999-12-31T23:59:59+00:00", "facts": {"timeZone": "Asia/Seoul"}},
        {"request": "x", "at": "2026"},
        {"decision": []},
        {"facts": 7, "at": None},
        {"facts": {"device": {"compliant": []}, "waivers": {}, "timeZone": "../x", "inventory": []}},
        {"waiversUsed": [{}, 7], "unavailable": 5, "block": []},
    ]
    for broken in shapes:
        status, _, _ = run(log(record(), record(connection_id="c2") | broken), "--username", "bob")
        assert status in (0, 1)
    status, output, _ = run(log(record(), record() | {"at": "then"}), "--username", "bob")
    assert (status, "Entries that tell of connections, but cannot be read: 1." in output) == (1, True)


def test_nothing_of_a_log_acts_on_a_terminal() -> None:
    """A user's name and a message may have control characters."""
    entry = denied(username="bob\x1b[2J")
    entry["decision"]["message"] = "x\x1b]0;y\x07"
    for arguments in ((), ("--json",)):
        output = run(log(entry), "--device", "laptop-1", *arguments)[1]
        assert "\x1b" not in output


def test_a_replay_counts_as_before() -> None:
    """A replay reads entries as a history does."""
    lines = Path(history_of_bob()).read_text("utf-8").splitlines()
    assert sum(hasattr(each, "facts") for each in attempts(lines)) == 5


def test_whose_history_must_be_said() -> None:
    """Else it would be everyone's."""
    status, _, errors = run(log(record()))
    assert (status, "--username" in errors) == (2, True)
