"""The facts of a connection as they are given on the command line: an event or fields, and what else is known."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_connect import ConnectionRequest, Facts, InvalidRequest, custom_values
from client_connect.printable import printable
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.files.folders import MAX_BYTES
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.inputs.device_json import DEVICE_KEYS, MalformedDevice, read_device
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.inputs.timestamps import NotATime, instant
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from typing import BinaryIO

    from client_connect import Device
    from client_connect.states import CustomFactsState, Inventory
    from client_connect_tools.commands._record import Recorded

STANDARD_INPUT = "-"

_LOG_TYPE = "connection-log-type"
_OF_RECORDS = frozenset({"request", "requestJson", "decision", "facts", "factsJson", "at", "allow"})
_DASHED_LAST_SEEN = "last-seen"  # as the keys of an event are written


class WrongUse(ValueError):
    """The arguments of the command line are no connection; the message says what to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFacts:
    """The options' data of a connection, not looked into yet.

    Attributes:
        event: The file of an event, or ``-``.
        recorded: The decision record that is decided again.
        fields: The fields of a request, by the event's own keys; ``None`` where nothing was given.
        at: The time of the decision.
        time_zone: The name of the zone; ``None`` for that of the record, else the default.
        default_zone: The name of the zone that is meant where nothing says another.
        device: A file or JSON text.
        inventory: What the inventory says, when it is not what ``device`` suggests.
        waivers: The ids of the policies that are waived.
        active_connections: The user's open connections.
        endpoint_name: The name of the endpoint.
        custom: A file or JSON text of the custom facts.
        custom_facts: Their state, when it is not what ``custom`` suggests.
    """

    event: str | None
    recorded: Recorded | None = None
    fields: Mapping[str, object]
    at: str | None
    time_zone: str | None
    default_zone: str
    device: str | None
    inventory: Inventory | None
    waivers: tuple[str, ...]
    active_connections: int | None
    endpoint_name: str | None
    custom: str | None
    custom_facts: CustomFactsState | None

    @property
    def left_out(self) -> frozenset[str]:
        """The options that were left out, of those that say what is known; none with an event or record."""
        if self.event is not None or self.recorded is not None:
            return frozenset()
        options: dict[str, object] = {f"--{name}": value for name, value in self.fields.items()}
        options |= {"--device": self.device or self.inventory, "--custom": self.custom or self.custom_facts}
        return frozenset(name for name, value in options.items() if not value)

    def facts(self) -> Facts:
        """Return the facts.

        Raises:
            WrongUse: When something is missing, contradictory, unreadable or malformed.
        """
        self._require_one_standard_input()
        self._require_one_connection()
        if self.recorded is not None:
            return self._with_options(self.recorded.attempt.facts)
        zone = zone_given(self.time_zone) or zone_given(self.default_zone) or UTC
        if self.event is not None:
            return self._of_request(_request(self._event(), f"the event of {self._where}"), zone)
        return self._of_request(self._request(), zone)

    @property
    def was_let_in_by_shadow_mode(self) -> bool:
        """Whether the handler of the record answered in shadow mode."""
        attempt = None if self.recorded is None else self.recorded.attempt
        return attempt is not None and attempt.answered is True and not attempt.allowed

    @property
    def replaced(self) -> tuple[str, ...]:
        """The options that say something else than a record does."""
        options = {
            "--at": self.at,
            "--time-zone": self.time_zone,
            "--device": self.device,
            "--inventory": self.inventory,
            "--waiver": self.waivers or None,
            "--endpoint-name": self.endpoint_name,
            "--active-connections": self.active_connections,
            "--custom": self.custom,
            "--custom-facts": self.custom_facts,
        }
        return tuple(name for name, value in options.items() if value is not None)

    def _of_request(self, request: ConnectionRequest, zone: tzinfo) -> Facts:
        return self._with_options(Facts(request, now=datetime.now(UTC), time_zone=zone))

    def _with_options(self, facts: Facts) -> Facts:
        """Return the facts with what the options say instead."""
        zone = facts.time_zone
        changes: dict[str, Any] = {}
        if self.at is not None:
            changes["now"] = _instant(self.at, zone, "--at")
        if self.device is not None or self.inventory is not None:
            device = None if self.device is None else _device(_json_or_file(self.device, "--device"), zone)
            changes["device"] = device
            changes["inventory"] = self.inventory or ("disabled" if device is None else "known")
            _require_consistent(changes["inventory"], device, facts.request)
            changes["knows_blocks"] = changes["inventory"] != "unavailable"
        if self.custom is not None or self.custom_facts is not None:
            custom = None if self.custom is None else _custom(_json_or_file(self.custom, "--custom"))
            changes["custom"] = custom
            changes["custom_facts"] = self.custom_facts or ("disabled" if custom is None else "available")
            _require_consistent_custom(changes["custom_facts"], custom)
        if self.waivers:
            changes["waivers"] = frozenset(self.waivers)
        if self.endpoint_name is not None:
            changes["endpoint_name"] = self.endpoint_name
        if self.active_connections is not None:
            changes["active_connections"] = self.active_connections
        return Facts(**{**facts._asdict(), **changes})

    def _require_one_standard_input(self) -> None:
        given = {"--event": self.event, "--device": self.device, "--custom": self.custom}
        names = [name for name, value in given.items() if value == STANDARD_INPUT]
        if len(names) > 1:
            raise WrongUse(f"{' and '.join(names)} are both standard input; give one of them as a file")

    @property
    def _where(self) -> str:
        return "standard input" if self.event == STANDARD_INPUT else f'"{self.event}"'

    def _require_one_connection(self) -> None:
        """Refuse fields next to an event or a record, which has them."""
        whole = "--event" if self.event is not None else "--record" if self.recorded is not None else ""
        given = [key for key, value in self.fields.items() if value is not None]
        if whole and given:
            fix = "put all into the event, or leave it out" if whole == "--event" else "leave one of them out"
            raise WrongUse(f'{whole} and "{min(given)}" are both given; {fix}')

    def _event(self) -> object:
        """Return the event that is given; a record is refused, because all but its request would be dropped."""
        assert self.event is not None  # noqa: S101 - the caller asked
        text = _read(self.event)
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict) and (foreign := sorted(_OF_RECORDS & event.keys())):
            raise WrongUse(f'{self._where} has "{foreign[0]}", which is of a decision record; {self._hint}')
        if not (isinstance(event, dict) and "connection-id" in event and _LOG_TYPE not in event):
            from client_connect_tools.commands._record import is_of_log

            if is_of_log(text):
                raise WrongUse(f"{self._where} is no event, but of a log; {self._hint}")
            event = _parsed(text, self._where)
        _warn_of_unknown_keys(event)
        return event

    @property
    def _hint(self) -> str:
        return (
            f"give it as --record {self.event}, which decides it with its own time, zone, device and waivers"
        )

    def _request(self) -> ConnectionRequest:
        given = {key: value for key, value in self.fields.items() if value is not None}
        if not (given.get("username") or given.get("common-name")):
            raise WrongUse(
                "there is no one to decide about; give --username, --common-name, --event or --record"
            )
        return _request({**DEFAULT_EVENT, **given}, "the connection")


def _warn_of_unknown_keys(event: object) -> None:
    """Warn of keys that no event has: they are ignored, as AWS may add some."""
    for key in event if isinstance(event, dict) else ():
        if key not in DEFAULT_EVENT:
            near = nearest(str(key), DEFAULT_EVENT)
            hint = f'; did you mean "{near}"?' if near else ""
            print(printable(f'warning: the event has "{key}", which is ignored{hint}'), file=sys.stderr)


def zone_given(name: str | None) -> tzinfo | None:
    """Return the zone of ``--time-zone``, if it is given.

    Raises:
        WrongUse: When there is no such zone.
    """
    return None if name is None else _zone(name)


def _zone(name: str) -> tzinfo:
    try:
        return time_zone_named(name)
    except ClientConnectError as error:
        raise WrongUse(f"--time-zone: {error}") from error


def _request(event: object, where: str) -> ConnectionRequest:
    try:
        return ConnectionRequest.from_event(event)
    except InvalidRequest as error:
        raise WrongUse(f"{where} is not valid: {error}") from error


def _require_consistent(inventory: Inventory, device: Device | None, request: ConnectionRequest) -> None:
    if inventory == "known" and device is None:
        raise WrongUse('--inventory is "known", but there is no device; give --device')
    if inventory != "known" and device is not None:
        raise WrongUse(f'--inventory is "{inventory}", but there is a device; leave one of them out')
    if device is not None and request.common_name is None:
        raise WrongUse(
            "--device is found by its common name, and the connection has none; give --common-name"
        )


def _require_consistent_custom(state: CustomFactsState, custom: object) -> None:
    if state == "available" and custom is None:
        raise WrongUse('--custom-facts is "available", but there are none; give --custom')
    if state != "available" and custom is not None:
        raise WrongUse(f'--custom-facts is "{state}", but --custom is given; leave one of them out')


def _custom(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongUse('--custom is not a JSON object; give one such as {"riskScore": 80}')
    try:
        custom: dict[str, Any] = custom_values.value(value)
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"--custom has a value that policies do not know: {error}") from error
    return custom


def _json_or_file(text: str, option: str) -> object:
    if text.lstrip().startswith("{"):
        return _parsed(text, option)
    return _parsed(_read(text), f'"{text}"')


def _read(name: str) -> str:
    try:
        if name == STANDARD_INPUT:
            return _decoded(sys.stdin.buffer)
        with Path(name).open("rb") as file:  # it may be a pipe, as of a process substitution
            return _decoded(file)
    except (OSError, ValueError) as error:
        what = "standard input" if name == STANDARD_INPUT else f'"{name}"'
        raise WrongUse(f"cannot read {what}: {error}") from error


def _decoded(file: BinaryIO) -> str:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(f"it has more than {MAX_BYTES:,} bytes")
    return content.decode("utf-8-sig")


def _parsed(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{where} is not JSON: {error}") from error


def _device(value: object, zone: tzinfo) -> Device:
    if not isinstance(value, dict):
        raise WrongUse("--device is not a JSON object; give one with " + ", ".join(DEVICE_KEYS))
    last_seen = {"lastSeen": value.pop(_DASHED_LAST_SEEN)} if _DASHED_LAST_SEEN in value else {}
    try:
        return read_device(last_seen | value, zone)
    except MalformedDevice as error:
        raise WrongUse(f"--device: {error}") from error


def _instant(text: str, zone: tzinfo, where: str) -> datetime:
    """Read a time, which is in the zone when it has none itself."""
    try:
        return instant(text, zone)
    except NotATime as error:
        raise WrongUse(f"{where} {error}") from error
