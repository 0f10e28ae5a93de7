"""How a policy test that fails reads, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from client_connect.printable import printable
from client_connect_tools._cedar_text import value_text
from client_connect_tools._policy_test_cases import DEFAULT_REQUEST, PolicyTest
from client_connect_tools._toml_tables import entries, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Device, Facts
    from client_connect_tools._policy_test_files import Case
    from client_connect_tools.native.policy_tests import NativePolicyTest
    from client_connect_tools.policy_tests import PolicyTestResult

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What says nothing unless the test chose it.
_INCIDENTAL = ("connection-id", "endpoint-id", "schema-version")


def failure_text(result: PolicyTestResult) -> str:
    """Return what differs, the policies that decided, and the case, in lines under the test's place."""
    return "\n".join([f"{place(result.test)}", *(f"  {line}" for line in _lines(result))])


def place(test: Case) -> str:
    """Return where a test is, and its name."""
    return printable(f"{test.file}:{test.line}: {test.name}")


def result_json(result: PolicyTestResult) -> dict[str, Any]:
    """Return a result as JSON, with the keys of a decision record where it has the same."""
    test, decision = result.test, result.decision
    return {
        "file": test.file,
        "line": test.line,
        "name": test.name,
        "passed": result.passed,
        "differences": [asdict(difference) for difference in result.differences],
        **_circumstances_json(test),
        "decision": decision.to_record(),
    }


def _circumstances_json(test: PolicyTest | NativePolicyTest) -> dict[str, Any]:
    if not isinstance(test, PolicyTest):
        return {"context": test.context}
    facts = test.facts
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
        "networks": sorted(facts.networks or ()),
        "waivers": sorted(facts.waivers),
        "activeConnections": facts.active_connections,
        "customFacts": facts.custom_facts,
        "custom": facts.custom,
    }


def _lines(result: PolicyTestResult) -> Iterator[str]:
    for difference in result.differences:
        yield f"{difference.key}: expected {literal(difference.expected)}"
        yield f"{' ' * len(difference.key)}       got {literal(difference.actual)}"
    decision = result.decision
    policies = ", ".join(map(literal, decision.determining)) or "no policy"
    yield f"decision: {'allow' if decision.allowed else 'deny'}, determined by {policies}"
    yield from _circumstances(result.test)


def _circumstances(test: PolicyTest | NativePolicyTest) -> Iterator[str]:
    if isinstance(test, PolicyTest):
        yield from _facts(test.facts)
    else:
        yield from (f"{key}: {literal(value)}" for key, value in test.context.items())


def _facts(facts: Facts) -> Iterator[str]:
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


def _device(device: Device) -> dict[str, object]:
    known = {"compliant": device.compliant, "last-seen": device.last_seen, "os": _os(device)}
    shown = {key: value for key, value in known.items() if value is not None}
    return shown | ({"tags": dict(device.tags)} if device.tags else {})


def _os(device: Device) -> str | None:
    if device.os is None:
        return None
    parts = (device.os.major, device.os.minor, device.os.build)
    return ".".join(str(part) for part in parts if part is not None)
