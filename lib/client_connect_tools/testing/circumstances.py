"""The facts of a case, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_connect_tools.cedar.text import value_text
from client_connect_tools.files.toml_tables import entries, literal
from client_connect_tools.inputs.default_event import DEFAULT_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Device, Facts

DEFAULT_REQUEST: dict[str, str | list[str]] = {**DEFAULT_EVENT, "username": "user"}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# The defaults, which say nothing unless the test chose them.
_INCIDENTAL = ("connection-id", "endpoint-id", "schema-version")


def facts_lines(facts: Facts) -> Iterator[str]:
    """Yield the policies' input, in lines."""
    event = facts.request.to_event()
    shown = {
        key: value
        for key, value in event.items()
        if value and not (key in _INCIDENTAL and value == DEFAULT_REQUEST[key])
    }
    local = facts.local_time
    yield f"request: {entries(shown)}"
    yield f"at: {literal(facts.now)}, {_DAYS[local.weekday()]} {local:%H:%M} in {facts.time_zone}"
    if facts.device is not None:
        yield f"device: {entries(_device(facts.device)) or 'nothing is known of it'}"
    elif facts.inventory != "disabled":
        yield f"inventory: {facts.inventory}"
    if facts.endpoint_name is not None:
        yield f"endpoint-name: {literal(facts.endpoint_name)}"
    if facts.networks:
        yield f"networks: {literal(sorted(facts.networks))}"
    if facts.waivers:
        yield f"waivers: {literal(sorted(facts.waivers))}"
    if facts.active_connections is not None:
        yield f"active-connections: {facts.active_connections}"
    if facts.custom is not None:
        yield f"custom: {value_text(facts.custom)}"
    elif facts.custom_facts != "disabled":
        yield f"custom-facts: {facts.custom_facts}"


def facts_json(facts: Facts) -> dict[str, Any]:
    """Return the policies' input, as JSON."""
    device = facts.device
    return {
        "at": facts.now.isoformat(),
        "timeZone": str(facts.time_zone),
        "request": facts.request.to_event(),
        "inventory": facts.inventory,
        "device": None
        if device is None
        else {
            "compliant": device.compliant,
            "lastSeen": device.last_seen and device.last_seen.isoformat(),
            "os": _os(device),
            "tags": dict(device.tags),
        },
        "endpointName": facts.endpoint_name,
        "networks": sorted(facts.networks or ()),
        "waivers": sorted(facts.waivers),
        "activeConnections": facts.active_connections,
        "customFacts": facts.custom_facts,
        "custom": facts.custom,
    }


def _device(device: Device) -> dict[str, object]:
    known = {"compliant": device.compliant, "last-seen": device.last_seen, "os": _os(device)}
    shown = {key: value for key, value in known.items() if value is not None}
    return shown | ({"tags": dict(device.tags)} if device.tags else {})


def _os(device: Device) -> str | None:
    if device.os is None:
        return None
    parts = (device.os.major, device.os.minor, device.os.build)
    return ".".join(str(part) for part in parts if part is not None)
