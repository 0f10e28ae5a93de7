"""Cells with the same outcome, put together to as few rows as reads well."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from client_connect_tools.matrix.axis import Axis

_Outcome = TypeVar("_Outcome", bound="Hashable")
_FEW = 2
_Sets: TypeAlias = "tuple[frozenset[int], ...]"


@dataclass(frozen=True, slots=True)
class Region(Generic[_Outcome]):
    """Cells with one outcome.

    Attributes:
        values: For each axis the names of its values, or nothing where it does not matter.
        outcome: Of all of them.
        cells: How many there are.
    """

    values: tuple[str, ...]
    outcome: _Outcome
    cells: int


def regions(
    axes: Sequence[Axis],
    classes: Sequence[Sequence[frozenset[int]]],
    outcomes: Mapping[tuple[int, ...], _Outcome],
) -> list[Region[_Outcome]]:
    """Return regions that have every cell once, in the order of the axes' values.

    Args:
        axes: What the cells differ in.
        classes: For each axis the values that are the same.
        outcomes: By the numbers of these classes.
    """
    larger = [_classes(number, each, outcomes) for number, each in enumerate(classes)]
    boxes: dict[_Sets, _Outcome] = {}
    for numbers, outcome in outcomes.items():
        boxes[tuple(each[number] for each, number in zip(larger, numbers, strict=True))] = outcome
    for number in reversed(range(len(axes))):
        boxes = _joined(number, boxes)
    found = sorted(boxes.items(), key=lambda each: [min(numbers) for numbers in each[0]])
    return [
        Region(
            tuple(_names(axis, numbers) for axis, numbers in zip(axes, box, strict=True)),
            outcome,
            prod(map(len, box)),
        )
        for box, outcome in found
    ]


def _classes(
    axis: int, classes: Sequence[frozenset[int]], outcomes: Mapping[tuple[int, ...], Hashable]
) -> list[frozenset[int]]:
    """Return for each class of an axis the values that no outcome distinguishes from it."""
    by_value: dict[int, dict[tuple[int, ...], Hashable]] = defaultdict(dict)
    for numbers, outcome in outcomes.items():
        by_value[numbers[axis]][numbers[:axis] + numbers[axis + 1 :]] = outcome
    same: dict[frozenset[tuple[tuple[int, ...], Hashable]], set[int]] = defaultdict(set)
    for value in range(len(classes)):
        same[frozenset(by_value[value].items())].add(value)
    found = {
        value: frozenset[int]().union(*(classes[each] for each in values))
        for values in same.values()
        for value in values
    }
    return [found[value] for value in range(len(classes))]


def _joined(axis: int, boxes: Mapping[_Sets, _Outcome]) -> dict[_Sets, _Outcome]:
    """Join boxes that differ in one axis only."""
    same: dict[tuple[_Sets, _Outcome], frozenset[int]] = defaultdict(frozenset)
    for box, outcome in boxes.items():
        same[box[:axis] + box[axis + 1 :], outcome] |= box[axis]
    return {(*rest[:axis], values, *rest[axis:]): outcome for (rest, outcome), values in same.items()}


def _names(axis: Axis, numbers: frozenset[int]) -> str:
    """Return the names of some values of an axis; nothing for all of them."""
    if len(numbers) == len(axis.values):
        return ""
    without = sorted(set(range(len(axis.values))) - numbers)
    if len(without) <= _FEW < len(numbers) and not any(each.order for each in axis.values):
        return f"all but {', '.join(axis.values[each].name for each in without)}"
    return ", ".join(_run(axis, run) for run in _runs(axis, sorted(numbers)))


def _run(axis: Axis, run: Sequence[int]) -> str:
    first, last = axis.values[run[0]], axis.values[run[-1]]
    end = last.last or (last.name if len(run) > 1 else "")
    if not end:
        return first.name
    return f"{first.name}, {end}" if len(run) == 2 and not last.last else f"{first.name} to {end}"  # noqa: PLR2004


def _runs(axis: Axis, numbers: Sequence[int]) -> list[list[int]]:
    """Return the numbers in runs of values that follow each other."""
    runs: list[list[int]] = []
    for number in numbers:
        order = axis.values[number].order
        if runs and order and runs[-1][-1] == number - 1 and order == axis.values[number - 1].order:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
