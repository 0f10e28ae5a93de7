"""The facts of a connection as they are given on the command line: an event or fields, and what else is known."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_connect import ConnectionRequest, Facts, InvalidRequest, cedar_json
from client_connect_tools.default_event import DEFAULT_EVENT
from client_connect_tools.device_json import DEVICE_KEYS, MalformedDevice, read_device
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.instants import NotATime, instant
from client_connect_tools.time_zones import time_zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from client_connect import Device
    from client_connect.custom_facts import CustomFactsState
    from client_connect.device import Inventory

STANDARD_INPUT = "-"

_DASHED_LAST_SEEN = "last-seen"  # as the keys of an event are written


class WrongUse(ValueError):
    """What was given on the command line is no connection; the message says what to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFacts:
    """What the options say of a connection, not looked into yet.

    Attributes:
        event: The file of an event, or ``-``.
        fields: The fields of a request, by the event's own keys; ``None`` where nothing was given.
        at: The time of the decision.
        time_zone: The name of the zone.
        device: A file or JSON text.
        inventory: What the inventory says, when it is not what ``device`` suggests.
        waivers: The ids of the policies that are waived.
        active_connections: The user's open connections.
        custom: A file or JSON text of the custom facts.
        custom_facts: What became of them, when it is not what ``custom`` suggests.
    """

    event: str | None
    fields: Mapping[str, object]
    at: str | None
    time_zone: str
    device: str | None
    inventory: Inventory | None
    waivers: tuple[str, ...]
    active_connections: int | None
    custom: str | None
    custom_facts: CustomFactsState | None

    def facts(self) -> Facts:
        """Return the facts.

        Raises:
            WrongUse: When something is missing, contradictory, unreadable or malformed.
        """
        self._require_one_standard_input()
        try:
            zone = time_zone_named(self.time_zone)
        except ClientConnectError as error:
            raise WrongUse(f"--time-zone: {error}") from error
        request = self._request()
        device = None if self.device is None else _device(_json_or_file(self.device, "--device"), zone)
        inventory = self.inventory or ("disabled" if device is None else "known")
        _require_consistent(inventory, device, request)
        custom = None if self.custom is None else _custom(_json_or_file(self.custom, "--custom"))
        custom_facts = self.custom_facts or ("disabled" if custom is None else "available")
        _require_consistent_custom(custom_facts, custom)
        now = datetime.now(UTC) if self.at is None else _instant(self.at, zone, "--at")
        return Facts(
            request,
            now=now,
            time_zone=zone,
            inventory=inventory,
            device=device,
            waivers=frozenset(self.waivers),
            active_connections=self.active_connections,
            custom_facts=custom_facts,
            custom=custom,
        )

    def _require_one_standard_input(self) -> None:
        given = {"--event": self.event, "--device": self.device, "--custom": self.custom}
        names = [name for name, value in given.items() if value == STANDARD_INPUT]
        if len(names) > 1:
            raise WrongUse(f"{' and '.join(names)} are both standard input; give one of them as a file")

    def _request(self) -> ConnectionRequest:
        given = {key: value for key, value in self.fields.items() if value is not None}
        if self.event is None:
            if not (given.get("username") or given.get("common-name")):
                raise WrongUse("nobody is to be decided about; give --username, --common-name or --event")
            return _request({**DEFAULT_EVENT, **given}, "the connection")
        if given:
            raise WrongUse(
                f'--event and "{min(given)}" are both given; put all into the event, or leave it out'
            )
        where = "standard input" if self.event == STANDARD_INPUT else f'"{self.event}"'
        return _request(_parsed(_read(self.event), where), f"the event of {where}")


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
        custom: dict[str, Any] = cedar_json.value(value)
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
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(name).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        what = "standard input" if name == STANDARD_INPUT else f'"{name}"'
        raise WrongUse(f"cannot read {what}: {error}") from error


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
    """Read a time, which is in the zone when it has none of its own."""
    try:
        return instant(text, zone)
    except NotATime as error:
        raise WrongUse(f"{where} {error}") from error
