"""A matrix as rows of a table, which every form of output shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import parse
from client_connect_tools.matrix.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from client_connect_tools.matrix.cells import Matrix, Outcome
    from client_connect_tools.policies import Policies

ANY = "any"
NO_PERMIT = "no policy permits it"


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on some cells.

    Attributes:
        allowed: Whether the connection is allowed.
        policies: Who decides: the ids of the policies, or that none applies.
        message: The policies' messages for the denied user.
    """

    allowed: bool
    policies: str
    message: str

    @property
    def word(self) -> str:
        """The decision in a word."""
        return "allow" if self.allowed else "deny"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells that are decided alike.

    Attributes:
        values: For each column what the cells have there.
        decided: What they get: of a comparison, before and after.
        cells: How many there are.
    """

    values: tuple[str, ...]
    decided: tuple[Decided, ...]
    cells: int


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, with the axes that matter as columns.

    Attributes:
        columns: The names of these axes.
        rows: The rows, in the order of the axes' values.
        ignored: The names of the axes that make no difference.
        by_policy: Whether the rows name the deciding policies.
        fixed: What was left out, with the value that all rows have.
        messages: The messages of the policies that deny in the rows, by their ids.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    ignored: tuple[str, ...]
    by_policy: bool
    fixed: Mapping[str, str]
    messages: Mapping[str, str]


def table(
    matrix: Matrix, sets: Sequence[Policies], *, by_policy: bool = True, only_changed: bool = False
) -> Table:
    """Return a matrix as rows.

    Args:
        matrix: The cells, decided by each set.
        sets: The policies.
        by_policy: Whether cells that other policies decide are another row, even if the decision is the same.
        only_changed: Leave out what all sets decide alike, whichever policies they decide it by.
    """
    messages = [_messages(each) for each in sets]
    denying: dict[str, None] = {}
    outcomes = matrix.outcomes
    if not by_policy:
        outcomes = {
            numbers: tuple(each._replace(policies=()) for each in every)
            for numbers, every in outcomes.items()
        }
    rows = []
    for region in regions(matrix.axes, matrix.classes, outcomes):
        decided = tuple(_decided(one, texts) for one, texts in zip(region.outcome, messages, strict=True))
        if not only_changed or len({each.allowed for each in decided}) > 1:
            rows.append(Row(region.values, decided, region.cells))
            denying |= dict.fromkeys(() if region.outcome[-1].allowed else region.outcome[-1].policies)
    matters = [any(row.values[number] for row in rows) for number in range(len(matrix.axes))]
    names = [axis.name for axis in matrix.axes]
    return Table(
        tuple(name for name, each in zip(names, matters, strict=True) if each),
        tuple(_shown(row, matters) for row in rows),
        tuple(name for name, each in zip(names, matters, strict=True) if not each),
        by_policy,
        matrix.fixed,
        {each: messages[-1][each] for each in denying if messages[-1].get(each)},
    )


def _shown(row: Row, matters: Iterable[bool]) -> Row:
    values = tuple(value or ANY for value, each in zip(row.values, matters, strict=True) if each)
    return Row(values, row.decided, row.cells)


def _decided(outcome: Outcome, messages: Mapping[str, str]) -> Decided:
    found = map(messages.get, () if outcome.allowed else outcome.policies)
    told = dict.fromkeys(each for each in found if each)
    return Decided(outcome.allowed, ", ".join(outcome.policies) or NO_PERMIT, " ".join(told))


def _messages(policies: Policies) -> dict[str, str]:
    return {
        each.id: each.template.annotations.get("message", "")
        for each in parse(policies.sources)
        if each.template
    }
