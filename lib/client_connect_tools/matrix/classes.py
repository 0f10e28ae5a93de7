"""The values on an axis that no condition of the policies distinguishes, found without every combination."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from client_connect.engine.policy_reads import CONTEXT, DEVICE, GROUPS, PRINCIPAL, RESOURCE
from client_connect_tools.matrix.circumstances import facts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from datetime import tzinfo

    from client_connect_tools.matrix.axis import Axis
    from client_connect_tools.replay.deciding.decider import Conditions, Decider

_MOST_COMBINATIONS = 20_000
_TIME = (
    "time.now",
    "time.date",
    "time.month",
    "time.day",
    "time.weekday",
    "time.minuteOfDay",
    "device",
    DEVICE,
)
# The facts that change with an axis.
_CHANGED: dict[str, frozenset[str]] = {
    "group": frozenset((GROUPS,)),
    "user": frozenset(
        (PRINCIPAL, GROUPS, "username", "commonName", "ownCertificate", "ownerTags", "device", DEVICE)
    ),
    "certificate": frozenset((PRINCIPAL, "commonName", "ownCertificate", "device", DEVICE)),
    "endpoint": frozenset((RESOURCE,)),
    "endpoint name": frozenset(("endpointName",)),
    "platform": frozenset(("platform", "platformVersion", "os")),
    "OpenVPN": frozenset(("openvpn",)),
    "AWS client": frozenset(("awsClient",)),
    "network": frozenset(("publicIp", "networks")),
    "device": frozenset(
        (PRINCIPAL, "device", DEVICE, "inventory", "ownerTags", "commonName", "ownCertificate")
    ),
    "open connections": frozenset(("activeConnections",)),
    "extra facts": frozenset(("custom", "customFacts")),
    **dict.fromkeys(("day", "time of day", "period"), frozenset(_TIME)),
}
_Signature: TypeAlias = "tuple[Hashable, ...]"


def classes(axes: Sequence[Axis], deciders: Iterable[Decider], zone: tzinfo) -> list[list[frozenset[int]]]:
    """Return for each axis the values that are the same for every condition, in the order of the axis.

    The facts that a condition reads are known, so it is evaluated for the combinations of those axes alone on which it
    depends.

    Args:
        axes: All axes.
        deciders: The policies.
        zone: The zone of their clock.
    """
    # No condition needs to read that the inventory is unavailable: it is unknown who is blocked then.
    signatures: list[list[list[Hashable]]] = [
        [[each.changes.get("inventory") == "unavailable"] for each in axis.values] for axis in axes
    ]
    for decider in deciders:
        for conditions in decider.conditions:
            touched = [number for number, axis in enumerate(axes) if _is_touched(axis, conditions)]
            for number in touched:
                for value, signature in enumerate(
                    _signatures(axes, touched, number, decider, conditions, zone)
                ):
                    signatures[number][value].append(signature)
    return [list(_same(map(tuple, each))) for each in signatures]


def _is_touched(axis: Axis, conditions: Conditions) -> bool:
    return CONTEXT in conditions.names or not _CHANGED[axis.name].isdisjoint(conditions.names)


def _signatures(  # noqa: PLR0913, PLR0917 - of one condition on one axis
    axes: Sequence[Axis],
    touched: Sequence[int],
    axis: int,
    decider: Decider,
    conditions: Conditions,
    zone: tzinfo,
) -> Iterator[Hashable]:
    """Yield for each value what the conditions say with it, whatever the other axes have."""
    others = [each for each in touched if each != axis]
    count = prod(len(axes[each].values) for each in touched)
    for value in range(len(axes[axis].values)):
        if count > _MOST_COMBINATIONS:
            yield value  # each is a separate class
            continue
        yield tuple(
            _outcomes(
                axes, dict(zip(others, combination, strict=True)) | {axis: value}, decider, conditions, zone
            )
            for combination in product(*(range(len(axes[each].values)) for each in others))
        )


def _outcomes(
    axes: Sequence[Axis], numbers: dict[int, int], decider: Decider, conditions: Conditions, zone: tzinfo
) -> Hashable:
    connection = facts((axis.values[numbers.get(number, 0)] for number, axis in enumerate(axes)), zone)
    return None if connection is None else conditions.outcomes(decider.located(connection))


def _same(signatures: Iterable[_Signature]) -> Iterator[frozenset[int]]:
    found: dict[_Signature, set[int]] = defaultdict(set)
    for value, signature in enumerate(signatures):
        found[signature].add(value)
    yield from map(frozenset, found.values())
