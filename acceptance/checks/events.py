"""The events of the service: a small function in its place records whole events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance import policies
from acceptance.claims import Claim, NotSeen, Observation
from acceptance.log_events import lines_of
from client_connect import ConnectionRequest, InvalidRequest

if TYPE_CHECKING:
    from acceptance.log_events import Lines
    from acceptance.sandbox import Sandbox

# AWS says that a change of an endpoint may take four hours. A run does not wait for so long.
_CHANGE_SECONDS = 1200.0
_RETRY_SECONDS = 15.0
_FOUR_HOURS = 4 * 3600
_KNOWN = frozenset(
    (
        *(
            "connection-id",
            "endpoint-id",
            "common-name",
            "username",
            "platform",
            "platform-version",
            "public-ip",
        ),
        *("client-openvpn-version", "groups", "aws-client-version", "schema-version"),
    )
)


def _recorded(sandbox: Sandbox) -> dict[str, Any]:
    """Give the endpoint the recorder, connect until it is asked, and give the endpoint its handler back."""
    started = time.monotonic()
    _give(sandbox, sandbox.outputs["RecorderArn"])
    try:
        event = _first_event(sandbox, started + _CHANGE_SECONDS)
        return {"event": event, "seconds": round(time.monotonic() - started, 1)}
    finally:
        _give(sandbox, sandbox.outputs["FunctionArn"])


def _give(sandbox: Sandbox, function_arn: str) -> None:
    sandbox.place.client("ec2").modify_client_vpn_endpoint(
        ClientVpnEndpointId=sandbox.endpoint_id,
        ClientConnectOptions={"Enabled": True, "LambdaFunctionArn": function_arn},
    )


def _first_event(sandbox: Sandbox, deadline: float) -> dict[str, Any] | None:
    while time.monotonic() < deadline:
        client = sandbox.connect(policies.ALLOWED)
        client.wait()
        client.stop()
        lines = lines_of(
            sandbox.place, sandbox.outputs["RecorderLogName"], until=_has_event, seconds=_RETRY_SECONDS
        )
        for line in lines:
            if "recorded" in line:
                event: dict[str, Any] = line["recorded"]
                return event
    return None


def _has_event(lines: Lines) -> bool:
    return any("recorded" in line for line in lines)


def _event(events: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] | None = events["event"]
    if event is None:
        raise NotSeen(f"the endpoint did not ask its new function within {events['seconds']:.0f} s")
    return event


def _within_four_hours(events: dict[str, Any]) -> str | None:
    _event(events)
    seconds = events["seconds"]
    return None if seconds <= _FOUR_HOURS else f"it took {seconds:.0f} s"


def _unknown_fields(events: dict[str, Any]) -> str | None:
    event = _event(events)
    unknown, missing = sorted(event.keys() - _KNOWN), sorted(_KNOWN - event.keys())
    problems = [
        *([f"fields that are not read: {', '.join(unknown)}"] if unknown else []),
        *([f"fields that are missing: {', '.join(missing)}"] if missing else []),
    ]
    return "; ".join(problems) or None


def _unreadable(events: dict[str, Any]) -> str | None:
    try:
        ConnectionRequest.from_event(_event(events))
    except InvalidRequest as error:
        return str(error)
    return None


def _version(events: dict[str, Any]) -> str | None:
    version = _event(events).get("schema-version")
    return None if version in ("v1", "v2", "v3") else f"the version is {version!r}"


def _groups(events: dict[str, Any]) -> str | None:
    groups = _event(events).get("groups", "missing")
    return None if isinstance(groups, list) else f"groups are {groups!r}, of type {type(groups).__name__}"


def _device(events: dict[str, Any]) -> str | None:
    event = _event(events)
    if event.get("common-name") != policies.ALLOWED:
        return f"the common name is {event.get('common-name')!r}, not {policies.ALLOWED!r}"
    return f"the user name is {event['username']!r}" if event.get("username") else None


OBSERVATIONS = (
    Observation(name="event", title="Recording what the endpoint asks its function", observe=_recorded),
)
CLAIMS = (
    Claim(
        name="change-takes-effect",
        page="docs/handler.md",
        sentence="A change to an endpoint can take up to four hours to take effect.",
        proof="the endpoint gets another function, and clients connect until that is asked, for 20 minutes at most",
        reads=("event",),
        problem=_within_four_hours,
        needs_aws=True,
    ),
    Claim(
        name="event-fields",
        page="docs/concepts.md",
        sentence="Unknown keys pass, so an addition by AWS stops no one; a field that is missing or of a wrong "
        "type is refused by its name.",
        proof="the event has the documented fields, spelt so, and no others",
        reads=("event",),
        problem=_unknown_fields,
        needs_aws=True,
    ),
    Claim(
        name="event-read",
        page="docs/without-the-cdk.md",
        sentence="which also reads the event of your own function, in all its schema versions:",
        proof="the runtime reads the event that the service sends",
        reads=("event",),
        problem=_unreadable,
        needs_aws=True,
    ),
    Claim(
        name="schema-version",
        page="docs/concepts.md",
        sentence="The event has a schema version: `v1`, `v2` or `v3`.",
        proof="the event's version is one of them",
        reads=("event",),
        problem=_version,
        needs_aws=True,
    ),
    Claim(
        name="groups-are-a-list",
        page="docs/handler.md",
        sentence="AWS does not document the type of `groups`. A list, a JSON list in a string, and the string of one "
        "group are read;",
        proof="`groups` is a list; under mutual authentication an empty one",
        reads=("event",),
        problem=_groups,
        needs_aws=True,
    ),
    Claim(
        name="device-is-common-name",
        page="docs/concepts.md",
        sentence="under mutual authentication the common name of the client certificate, which identifies the device.",
        proof="the event has the certificate's common name and no user name",
        reads=("event",),
        problem=_device,
        needs_aws=True,
    ),
)
