"""A connection as a policy test and as a command line, to be copied."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from client_connect_tools.files.toml_tables import literal
from client_connect_tools.inputs.misspellings import misspellings
from client_connect_tools.inputs.time_zones import time_zone_names
from client_connect_tools.testing.cases import DEFAULT_AT, DEFAULT_COMMON_NAME
from client_connect_tools.testing.circumstances import DEFAULT_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from client_connect import Facts

# Of what a test may be about.
_FIRST_YEAR = 1970
# The options of ``decide`` that are not called as the event's fields.
_OPTIONS = {"client-openvpn-version": "openvpn-version"}
_NO_OPTION = ("connection-id", "groups", "schema-version")


def as_test(facts: Facts, *, name: str, expected: bool, by: Sequence[str] = ()) -> str | None:
    """Return a policy test of a connection; nothing when no test may be about it, as no client sends what it has.

    Args:
        facts: The connection.
        name: The name of the test.
        expected: Whether the connection must be allowed.
        by: The policies that are to decide it. Default: not said.
    """
    if any(misspellings(facts.request)) or facts.now.year < _FIRST_YEAR:
        return None
    usual = dict(DEFAULT_REQUEST)
    if facts.inventory != "disabled":
        usual["common-name"] = DEFAULT_COMMON_NAME
    request = {key: value for key, value in facts.request.to_event().items() if value != usual[key]}
    table = {
        "name": name,
        "expect": "allow" if expected else "deny",
        "by": list(by) or None,
        "at": None if facts.now == DEFAULT_AT else facts.now,
        "time-zone": None if str(facts.time_zone) == "UTC" else str(facts.time_zone),
        "request": request or None,
        "device": _device(facts, "last-seen", lambda seen: seen),
        **_surroundings(facts),
    }
    lines = [f"{key} = {literal(value)}" for key, value in table.items() if value is not None]
    return "\n".join(["[[test]]", *lines]) + "\n"


def as_command(facts: Facts, policies: str) -> str | None:
    """Return the command line that decides a connection; nothing when none says the same.

    Args:
        facts: The connection.
        policies: The path of the policies.
    """
    event, groups = facts.request.to_event(), facts.request.groups
    if (
        event["connection-id"] != DEFAULT_REQUEST["connection-id"]
        or str(facts.time_zone) not in time_zone_names()
        or any("," in group or group.strip() != group for group in groups)
    ):
        return None
    usual = DEFAULT_REQUEST | {"username": ""}
    options: dict[str, object] = {
        _OPTIONS.get(key, key): value
        for key, value in event.items()
        if key not in _NO_OPTION and value != usual[key]
    }
    options["at"] = literal(facts.now)
    options["time-zone"] = None if str(facts.time_zone) == "UTC" else str(facts.time_zone)
    options |= _surroundings(facts)
    del options["waivers"]
    device = _device(facts, "lastSeen", literal)
    options["device"] = None if device is None else json.dumps(device)
    options["custom"] = None if facts.custom is None else json.dumps(facts.custom)
    words = [word for key, value in options.items() if value is not None for word in (f"--{key}", str(value))]
    several = [word for group in groups for word in ("--groups", group)]
    several += [word for waiver in sorted(facts.waivers) for word in ("--waiver", waiver)]
    return shlex.join(["client-connect", "decide", policies, *words, *several])


def _surroundings(facts: Facts) -> dict[str, object]:
    """Return what is not of the request, and is called alike in tests and options."""
    has_custom = facts.custom is not None
    return {
        "endpoint-name": facts.endpoint_name,
        "inventory": facts.inventory if facts.inventory not in ("disabled", "known") else None,
        "waivers": sorted(facts.waivers) or None,
        "active-connections": facts.active_connections,
        "custom": facts.custom,
        "custom-facts": None if has_custom or facts.custom_facts == "disabled" else facts.custom_facts,
    }


def _device(facts: Facts, last_seen: str, shown: Callable[[datetime], object]) -> dict[str, object] | None:
    if (device := facts.device) is None:
        return None
    known = {
        "compliant": device.compliant,
        last_seen: None if device.last_seen is None else shown(device.last_seen),
        "os": None if device.os is None else str(device.os),
        "tags": dict(device.tags) or None,
    }
    return {key: value for key, value in known.items() if value is not None}
