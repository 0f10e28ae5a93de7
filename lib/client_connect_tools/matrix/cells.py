"""Every combination of the axes' values, decided."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from client_connect_tools.cedar.constants import Constants
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.matrix import clients, clock, people, surroundings
from client_connect_tools.matrix.circumstances import facts
from client_connect_tools.matrix.classes import classes
from client_connect_tools.replay.deciding.decider import Decider

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from client_connect import Facts
    from client_connect_tools.matrix.axis import Axis
    from client_connect_tools.policies import Policies

MOST_CELLS = 200_000


class TooManyCells(ClientConnectError):
    """The axes have more combinations than are decided at once."""


class Outcome(NamedTuple):
    """The verdict of policies on a cell.

    Attributes:
        allowed: Whether the connection is allowed.
        policies: The ids of the policies that determine it.
    """

    allowed: bool
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cells.

    Attributes:
        axes: What they differ in.
        classes: For each axis the values that no condition distinguishes.
        outcomes: By the numbers of these classes; without those that no connection can have.
        fixed: What was left out, by axis, with the value that all cells have.
    """

    axes: tuple[Axis, ...]
    classes: Sequence[Sequence[frozenset[int]]]
    outcomes: Mapping[tuple[int, ...], tuple[Outcome, ...]]
    fixed: Mapping[str, str]


def axes_of(sets: Iterable[Policies]) -> tuple[Axis, ...]:
    """Return the axes of what policies distinguish, from their constants; those in shadow mode ask nothing."""
    sets = list(sets)
    parsed = [each.template for policies in sets for each in parse(policies.sources)]
    constants = Constants(each for each in parsed if each is not None and "shadow" not in each.annotations)
    networks = {each.name: each for policies in sets for each in policies.networks}
    return (
        *people.axes(constants),
        *clients.axes(constants),
        *surroundings.axes(constants, list(networks.values())),
        *clock.axes(constants),
    )


def matrix(
    sets: Sequence[Policies], axes: Sequence[Axis], zone: tzinfo, *, shown: Sequence[str] = ()
) -> Matrix:
    """Decide every combination of values.

    Args:
        sets: Policies without errors; each decides.
        axes: What the cells differ in.
        zone: The zone of the policies' clock.
        shown: The names of the axes to keep; the others are fixed to their first value. Default: all.

    Raises:
        TooManyCells: When there are over 200,000.
    """
    kept = tuple(each for each in axes if not shown or each.name in shown)
    fixed = [each for each in axes if each not in kept]
    deciders = [Decider(each.text, custom=each.custom, networks=each.network_table) for each in sets]
    same = classes(kept, deciders, zone)
    if (count := prod(map(len, same))) > MOST_CELLS:
        sizes = ", ".join(f"{each.name} ({len(found)})" for each, found in zip(kept, same, strict=True))
        raise TooManyCells(
            f"the policies tell {count:,} cases apart, and at most {MOST_CELLS:,} are decided; name some axes by "
            f"--axis: {sizes}"
        )
    outcomes = {}
    for numbers in product(*(range(len(each)) for each in same)):
        values = [each.values[0] for each in fixed]
        values += [
            axis.values[min(found[number])] for axis, found, number in zip(kept, same, numbers, strict=True)
        ]
        if connection := facts(values, zone):
            outcomes[numbers] = tuple(_outcome(each, connection) for each in deciders)
    return Matrix(kept, same, outcomes, {each.name: each.values[0].name for each in fixed})


def _outcome(decider: Decider, connection: Facts) -> Outcome:
    verdict = decider.decide(connection)
    return Outcome(bool(verdict.allowed), verdict.policies)
