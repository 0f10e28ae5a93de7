"""What an honest run on AWS would observe, and lies about it that a check must find."""

from __future__ import annotations

from typing import Any

from acceptance import policies
from acceptance.checks.clients import STRANGER

ARN = "arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-acceptance-12010327d60a67:live"
CONNECTION = "cvpn-connection-0123456789abcdef0"
STACK = "ClientConnectAcceptance-12010327d60a67"

_ENDPOINT = {"enabled": True, "handler": ARN, "status": "applied", "given": ARN}
_EVENT = {
    "connection-id": CONNECTION,
    "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
    "common-name": policies.ALLOWED,
    "username": "",
    "platform": "linux",
    "platform-version": "",
    "public-ip": "198.51.100.7",
    "client-openvpn-version": "2.6.14",
    "groups": [],
    "aws-client-version": "",
    "schema-version": "v3",
}
_DENIAL = policies.DENIAL.format_map({"connection-id": CONNECTION})
_DEFAULT = "Your connection is not permitted by the rules of this VPN. Please contact your administrator."
_VISITS: dict[str, Any] = {
    policies.ALLOWED: {"outcome": "up", "messages": []},
    policies.DENIED: {"outcome": "refused", "messages": [_DENIAL]},
    STRANGER: {"outcome": "refused", "messages": [_DEFAULT]},
    policies.LONG: {"outcome": "refused", "messages": [policies.LONG_MESSAGE]},
    policies.UMLAUTS: {"outcome": "refused", "messages": [policies.UMLAUT_MESSAGE]},
}
_RECORDS: dict[str, Any] = {
    device: {
        "allow": not names or "devices" in names,
        "determining": names,
        "connection": CONNECTION,
        "statuses": [],
    }
    for device, names in {policies.ALLOWED: ["devices"], policies.DENIED: ["denied"], STRANGER: []}.items()
}
_LOG: dict[str, Any] = {
    policies.ALLOWED: {
        "connection-attempt-status": "successful",
        "posture-compliance-statuses": [policies.STATUS_ALLOWED],
    },
    policies.DENIED: {
        "connection-attempt-status": "failed",
        "connection-attempt-failure-reason": "client-connect-failed",
        "posture-compliance-statuses": [policies.STATUS_DENIED],
    },
}
_CUT = {
    "doomed": "up",
    "other": "up",
    "listed": True,
    "ended": True,
    "otherIsOn": True,
    "again": [policies.CLOSED],
    "seconds": 3.2,
}
_DENIAL_EVENT = {"detail": {"request": {"common-name": policies.DENIED}}}
_QUERIES = {
    "Denials by reason": {"status": "Complete", "rows": 3},
    "Connections ended": {"status": "Complete", "rows": 0},
}
_ALARMS = {
    "states": {"Vpn-HandlerErrors": "OK", "Vpn-DenialBurst": "ALARM"},
    "told": ["Vpn-DenialBurst", "Vpn-HandlerErrors"],
}
_SHIFT = {"deployments": [{"status": "Succeeded", "error": "", "seconds": 75.0}], "version": "2"}
_BACK = {
    "failed": True,
    "before": "2",
    "after": "2",
    "deployments": [{"status": "Stopped", "error": "ALARM_ACTIVE", "seconds": 20.0}],
}
_STARTS = {"reports": 5, "initialized": 0, "provisioned": "READY"}
_RESTORE = {"error": "", "restored": True, "initialized": False, "log": "REPORT Restore Duration: 310 ms"}
_NATIVE = {"outcome": "up", "evaluations": [{"result": "deny", "shadow-mode": "enabled"}]}
_MOVED = {"status": 0, "said": "version 1 answers", "seconds": 2.0, "outcome": "up", "messages": []}
_ROLLBACK = {"back": _MOVED, "forward": {**_MOVED, "outcome": "refused", "messages": [policies.CLOSED]}}
_LEFT = {
    "DevicesTable": f"{STACK}-Devices",
    "WaiversTable": f"{STACK}-Waivers",
    "ConnectionsTable": f"{STACK}-Connections",
    "HandlerLogName": f"{STACK}-HandlerLog",
}
_KEPT = [_LEFT["DevicesTable"], _LEFT["HandlerLogName"], _LEFT["WaiversTable"]]

HONEST: dict[str, Any] = {
    "role": {"before": False, "after": True, "again": "InvalidInput"},
    "roleAfterwards": True,
    "endpoint": _ENDPOINT,
    "attached": _ENDPOINT,
    "detached": {**_ENDPOINT, "enabled": False},
    "visits": _VISITS,
    "records": _RECORDS,
    "connectionLog": _LOG,
    "cut": _CUT,
    "rollback": _ROLLBACK,
    "denials": [_DENIAL_EVENT],
    "queries": _QUERIES,
    "filters": {"Vpn-Failures": 3},
    "alarms": _ALARMS,
    "shift": _SHIFT,
    "rolledBack": _BACK,
    "starts": _STARTS,
    "restore": _RESTORE,
    "native": _NATIVE,
    "event": {"event": _EVENT, "seconds": 95.0},
    "leftByStack": {**_LEFT, "names": _KEPT},
    "leftovers": [],
}


def _visits(device: str, **changes: Any) -> dict[str, Any]:
    return {**_VISITS, device: {**_VISITS[device], **changes}}


def _event(**changes: Any) -> dict[str, Any]:
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    return {"event": {**_EVENT, **changed}, "seconds": 95.0}


def _left(*without: str, names: list[str] | None = None) -> dict[str, Any]:
    return {
        **_LEFT,
        "names": [each for each in names or _KEPT if each not in {_LEFT[key] for key in without}],
    }


# The check, the observation, and the lie about it.
LIES: list[tuple[str, str, Any]] = [
    ("role-created", "role", {"before": False, "after": False, "again": ""}),
    ("role-found", "role", {"before": True, "after": True, "again": ""}),
    ("role-found", "role", {"before": True, "after": True, "again": "AccessDenied"}),
    ("role-stays", "roleAfterwards", False),
    ("alias-accepted", "endpoint", {**_ENDPOINT, "enabled": False}),
    ("alias-accepted", "endpoint", {**_ENDPOINT, "status": "applying"}),
    ("arn-described", "endpoint", {**_ENDPOINT, "handler": ARN.removesuffix(":live")}),
    ("attachment-on", "attached", {**_ENDPOINT, "enabled": False}),
    ("attachment-on", "attached", {**_ENDPOINT, "handler": ""}),
    ("attachment-off", "detached", _ENDPOINT),
    ("clients-decided", "visits", _visits(policies.ALLOWED, outcome="refused")),
    ("clients-decided", "visits", _visits(policies.DENIED, outcome="up")),
    ("clients-decided", "visits", _visits(STRANGER, outcome="ended")),
    ("message-shown", "visits", _visits(policies.DENIED, messages=[policies.DENIAL])),
    ("message-shown", "visits", _visits(policies.DENIED, messages=[])),
    ("default-message", "visits", _visits(STRANGER, messages=[""])),
    ("message-length", "visits", _visits(policies.LONG, messages=[policies.LONG_MESSAGE[:254]])),
    ("message-characters", "visits", _visits(policies.UMLAUTS, messages=[policies.UMLAUT_MESSAGE[:127]])),
    ("record-names-policies", "records", {**_RECORDS, STRANGER: {"determining": ["devices"]}}),
    ("statuses-logged", "connectionLog", {**_LOG, policies.ALLOWED: {"posture-compliance-statuses": []}}),
    ("statuses-logged", "connectionLog", {**_LOG, policies.DENIED: {}}),
    ("denied-today-ended", "cut", {**_CUT, "ended": False}),
    ("denied-today-ended", "cut", {**_CUT, "otherIsOn": False}),
    ("denied-today-ended", "cut", {**_CUT, "doomed": "refused"}),
    ("effect-at-once", "cut", {**_CUT, "again": []}),
    ("lists-with-resource", "cut", {**_CUT, "listed": False}),
    ("terminates-with-resource", "cut", {**_CUT, "ended": False}),
    ("change-takes-effect", "event", {"event": _EVENT, "seconds": 14401.0}),
    ("event-fields", "event", _event(device_serial="C02XL0GZJGH5")),
    ("event-fields", "event", {"event": {"Common-Name": "x"}, "seconds": 95.0}),
    ("event-read", "event", _event(public_ip="somewhere")),
    ("schema-version", "event", _event(schema_version="v4")),
    ("groups-are-a-list", "event", _event(groups="staff")),
    ("groups-are-a-list", "event", _event(groups=None)),
    ("device-is-common-name", "event", _event(common_name="")),
    ("device-is-common-name", "event", _event(username="alice")),
    ("denial-announced", "denials", []),
    ("denial-announced", "denials", [{"detail": {"request": {"common-name": "another"}}}]),
    (
        "queries-run",
        "queries",
        {**_QUERIES, "Connections ended": {"status": "MalformedQueryException", "rows": 0}},
    ),
    ("queries-run", "queries", {**_QUERIES, "Denials by reason": {"status": "Complete", "rows": 0}}),
    ("queries-run", "queries", {}),
    ("failures-counted", "filters", {}),
    ("failures-counted", "filters", {"Vpn-Failures": 0}),
    ("alarms-quiet", "alarms", {**_ALARMS, "states": {"Vpn-HandlerErrors": "ALARM"}}),
    ("alarms-quiet", "alarms", {"states": {}, "told": []}),
    ("alarms-told", "alarms", {**_ALARMS, "told": ["Vpn-DenialBurst"]}),
    (
        "failure-reason",
        "connectionLog",
        {**_LOG, policies.DENIED: {"connection-attempt-failure-reason": "x"}},
    ),
    ("traffic-shifted", "shift", {"deployments": [], "version": "2"}),
    (
        "traffic-shifted",
        "shift",
        {"deployments": [{"status": "Failed", "error": "TIMEOUT", "seconds": 75.0}]},
    ),
    ("traffic-shifted", "shift", {"deployments": [{"status": "Succeeded", "error": "", "seconds": 3.0}]}),
    ("rolled-back", "rolledBack", {**_BACK, "failed": False}),
    ("rolled-back", "rolledBack", {**_BACK, "after": "3"}),
    ("concurrency-used", "starts", {**_STARTS, "initialized": 1}),
    ("concurrency-used", "starts", {**_STARTS, "provisioned": "IN_PROGRESS"}),
    ("snapshot-restored", "restore", {**_RESTORE, "restored": False}),
    ("snapshot-restored", "restore", {**_RESTORE, "initialized": True}),
    ("snapshot-restored", "restore", {**_RESTORE, "error": "Unhandled"}),
    ("native-shadow", "native", {**_NATIVE, "outcome": "refused"}),
    ("native-shadow", "native", {**_NATIVE, "evaluations": [{"result": "permit"}]}),
    ("goes-back", "rollback", {**_ROLLBACK, "back": {**_MOVED, "status": 2}}),
    ("goes-back", "rollback", {**_ROLLBACK, "back": {**_MOVED, "outcome": "refused"}}),
    ("goes-forward", "rollback", {**_ROLLBACK, "forward": _MOVED}),
    ("log-stays", "leftByStack", _left("HandlerLogName")),
    ("tables-stay", "leftByStack", _left("WaiversTable")),
    ("registry-goes", "leftByStack", _left(names=[*_KEPT, _LEFT["ConnectionsTable"]])),
    ("nothing-left", "leftovers", ["table x is still there"]),
]
