"""The messages to real OpenVPN clients, and their records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance import policies
from acceptance.claims import Claim, Observation
from acceptance.log_events import lines_of

if TYPE_CHECKING:
    from acceptance.log_events import Lines
    from acceptance.sandbox import Sandbox
    from local_aws.vpn.openvpn_client import Client

# A device that no policy permits.
STRANGER = "stranger"

_VISITORS = (policies.ALLOWED, policies.DENIED, STRANGER, policies.LONG, policies.UMLAUTS)
# A new endpoint does not answer at once, and its name is not known everywhere.
_PATIENCE_SECONDS = 900.0
_RETRY_SECONDS = 10.0
_OF_RULES = "not permitted by the rules"


def settled(sandbox: Sandbox, device: str) -> Client:
    """Return a client that is up or was refused; on AWS it tries for some time, because the endpoint may be new."""
    deadline = time.monotonic() + (_PATIENCE_SECONDS if sandbox.place.is_aws else 0.0)
    while True:
        client = sandbox.connect(device)
        if client.wait() in ("up", "refused") or time.monotonic() > deadline:
            return client
        client.stop()
        time.sleep(_RETRY_SECONDS)


def _visits(sandbox: Sandbox) -> dict[str, Any]:
    found = {}
    for device in _VISITORS:
        client = settled(sandbox, device)
        found[device] = {"outcome": client.outcome, "messages": client.messages}
        client.stop()
    return found


def _records(sandbox: Sandbox) -> dict[str, Any]:
    """Return the decision records of the visitors, by their devices."""
    lines = lines_of(
        sandbox.place,
        sandbox.outputs["HandlerLogName"],
        until=lambda lines: set(_VISITORS) <= _by_device(lines).keys(),
    )
    return _by_device(lines)


def _by_device(lines: Lines) -> dict[str, Any]:
    records = [line for line in lines if "decision" in line]
    return {
        record["request"]["common-name"]: {
            "allow": record["allow"],
            "determining": record["decision"]["determining"],
            "connection": record["request"]["connection-id"],
            "statuses": record["decision"]["statuses"],
        }
        for record in records
    }


def _connection_log(sandbox: Sandbox) -> dict[str, Any]:
    """Return the connection log's lines of the visitors' attempts, by their devices."""
    lines = lines_of(
        sandbox.place,
        sandbox.outputs["ConnectionLogName"],
        until=lambda lines: {policies.ALLOWED, policies.DENIED} <= _attempts(lines).keys(),
        seconds=600.0,
    )
    return _attempts(lines)


def _attempts(lines: Lines) -> dict[str, Any]:
    return {
        line["common-name"]: line
        for line in lines
        if line.get("connection-log-type") == "connection-attempt" and "common-name" in line
    }


def _decided(visits: dict[str, Any]) -> str | None:
    expected = {policies.ALLOWED: "up", policies.DENIED: "refused", STRANGER: "refused"}
    wrong = [
        f"{device} was {visits[device]['outcome']}, not {outcome}"
        for device, outcome in expected.items()
        if visits[device]["outcome"] != outcome
    ]
    return "; ".join(wrong) or None


def _told(visits: dict[str, Any], records: dict[str, Any]) -> str | None:
    message = policies.DENIAL.format_map({"connection-id": records[policies.DENIED]["connection"]})
    return _reads(visits, policies.DENIED, message)


def _told_default(visits: dict[str, Any]) -> str | None:
    said = visits[STRANGER]["messages"]
    if any(_OF_RULES in message for message in said):
        return None
    return f"who is permitted by no policy reads {said}"


def _reads(visits: dict[str, Any], device: str, message: str) -> str | None:
    said = visits[device]["messages"]
    return None if said == [message] else f"{device} reads {said}, not {[message]}"


def _recorded(records: dict[str, Any]) -> str | None:
    expected = {policies.ALLOWED: ["devices"], policies.DENIED: ["denied"], STRANGER: []}
    wrong = [
        f"the record of {device} names {records[device]['determining']}, not {names}"
        for device, names in expected.items()
        if records[device]["determining"] != names
    ]
    return "; ".join(wrong) or None


def _with_statuses(attempts: dict[str, Any]) -> str | None:
    expected = {policies.ALLOWED: policies.STATUS_ALLOWED, policies.DENIED: policies.STATUS_DENIED}
    wrong = [
        f"the line of {device} has {attempts[device].get('posture-compliance-statuses')}, not {status}"
        for device, status in expected.items()
        if status not in str(attempts[device].get("posture-compliance-statuses"))
    ]
    return "; ".join(wrong) or None


OBSERVATIONS = (
    Observation(name="visits", title="Connecting clients with the exported profile", observe=_visits),
    Observation(name="records", title="Reading their decision records", observe=_records),
    Observation(
        name="connectionLog", title="Waiting for the connection log", observe=_connection_log, needs_aws=True
    ),
)
CLAIMS = (
    Claim(
        name="clients-decided",
        page="docs/why.md",
        sentence="Nothing is permitted by default, and a forbid beats every permit",
        proof="three clients connect: one permitted, one permitted and forbidden, one that no policy permits",
        reads=("visits",),
        problem=_decided,
    ),
    Claim(
        name="message-shown",
        page="docs/policies.md",
        sentence="| `{connection-id}` | the ID of the connection attempt, to quote to the service desk |",
        proof="the client's user reads the policy's message with the connection's id, which its record has too",
        reads=("visits", "records"),
        problem=_told,
    ),
    Claim(
        name="default-message",
        page="docs/handler.md",
        sentence="that the rules do not permit the connection, and to ask the administrator",
        proof="the user of a client that no policy permits reads it",
        reads=("visits",),
        problem=_told_default,
    ),
    Claim(
        name="message-length",
        page="docs/policies.md",
        sentence="At most 255 characters are shown",
        proof="a message of 255 ASCII characters arrives whole",
        reads=("visits",),
        problem=lambda visits: _reads(visits, policies.LONG, policies.LONG_MESSAGE),
    ),
    Claim(
        name="message-characters",
        page="docs/concepts.md",
        sentence="The response has at most one message, of at most 255 characters, and at most 10 posture compliance "
        "statuses, which appear in the connection log.",
        proof="a message of 255 umlauts, which are 510 bytes, arrives whole",
        reads=("visits",),
        problem=lambda visits: _reads(visits, policies.UMLAUTS, policies.UMLAUT_MESSAGE),
        needs_aws=True,
    ),
    Claim(
        name="record-names-policies",
        page="docs/concepts.md",
        sentence="The record names the policies that determined the decision.",
        proof="the records in CloudWatch Logs name them for these clients",
        reads=("records",),
        problem=_recorded,
    ),
    Claim(
        name="statuses-logged",
        page="docs/glossary.md",
        sentence="a string in the connection log that the handler returns; up to 10 for each connection",
        proof="the connection log has the statuses of the permitted and of the denied client",
        reads=("connectionLog",),
        problem=_with_statuses,
        needs_aws=True,
    ),
)
