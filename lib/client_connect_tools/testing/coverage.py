"""Which conditions of policies are true in one test and false in another, as the engine looks at them.

Scopes and clauses are taken apart at ``&&`` and ``||``. A condition that the engine does not reach, because an earlier
one has settled the outcome, has no value in that test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import places
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.explanation import Evaluator, conditions, operands
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect import Facts
    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.policies import Policies

NEVER_TRUE, NEVER_FALSE, NEVER_REACHED = "never-true", "never-false", "never-reached"
_ADVICE = {
    NEVER_TRUE: "is true in no test; add a test in which it is",
    NEVER_FALSE: "is false in no test; add a test in which it is",
    NEVER_REACHED: "is reached in no test; add one in which what comes before it does not settle the outcome",
}


@dataclass(slots=True)
class Condition:
    """A part of a policy that is true or false.

    Attributes:
        file: The name of its source.
        policy: The ``@id`` of the policy.
        line: Where it begins, counted from 1; of one that is not found, where the policy begins.
        column: The same, counted from 1.
        text: As it is written there; of one that is not found, as Cedar.
        length: How many characters it has on its first line; 0 for one that is not found.
        values: The values that it had in tests.
    """

    file: str
    policy: str
    line: int
    column: int
    text: str
    length: int
    values: set[bool] = field(default_factory=set)

    @property
    def rule(self) -> str:
        """The missing cases; empty if none."""
        if not self.values:
            return NEVER_REACHED
        missing = {True, False} - self.values
        return "" if not missing else NEVER_TRUE if True in missing else NEVER_FALSE


@dataclass(frozen=True, slots=True)
class Coverage:
    """The coverage of tests.

    Attributes:
        conditions: Every condition, in the order of the policies.
    """

    conditions: tuple[Condition, ...]

    @property
    def outcomes(self) -> int:
        """How many outcomes there are: two for each condition."""
        return 2 * len(self.conditions)

    @property
    def covered(self) -> int:
        """How many of them there were in a test."""
        return sum(len(each.values) for each in self.conditions)

    @property
    def percent(self) -> float:
        """The share of the outcomes; of none, all are covered."""
        return 100 * self.covered / self.outcomes if self.outcomes else 100.0

    def by_policy(self) -> dict[str, Coverage]:
        """Return the coverage of each policy that has conditions."""
        ids = dict.fromkeys(each.policy for each in self.conditions)
        return {id_: Coverage(tuple(each for each in self.conditions if each.policy == id_)) for id_ in ids}

    def findings(self) -> list[Finding]:
        """Return what is missing, each at its condition."""
        return [
            Finding(
                file=each.file,
                line=each.line,
                column=each.column,
                policy=each.policy,
                rule=each.rule,
                severity="warning",
                message=f"{' '.join(each.text.split())} {_ADVICE[each.rule]}",
                length=each.length,
            )
            for each in self.conditions
            if each.rule
        ]


def coverage(policies: Policies, facts: Iterable[Facts]) -> Coverage:
    """Evaluate the conditions of sound policies for the connections of tests."""
    authorizer = policies.authorizer()
    known = [list(_clauses(each)) for each in parse(policies.sources)]
    for each in facts:
        judge = Evaluator.of(authorizer.located(each), policies.custom)
        for clauses in known:
            _evaluate(judge, clauses)
    found = (condition for clauses in known for clause in clauses for condition, _ in clause.parts)
    return Coverage(tuple(found))


@dataclass(frozen=True, slots=True)
class _Clause:
    """A constraint of the scope or a clause, with its parts; each but the last settles it when it is ``settling``."""

    wanted: bool
    settling: bool
    parts: list[tuple[Condition, pst.Expr]]


def _evaluate(judge: Evaluator, clauses: Iterable[_Clause]) -> None:
    """Note the values of a policy's conditions, up to the first that settles that it does not apply."""
    for clause in clauses:
        value: bool | None = None
        for condition, expression in clause.parts:
            value = judge.value(expression)
            if value is None:
                return
            condition.values.add(value)
            if value is clause.settling:
                break
        if value is not clause.wanted:
            return


def _clauses(statement: ParsedStatement) -> Iterator[_Clause]:
    if statement.template is None:
        return
    for _, expression, wanted in conditions(statement.template):
        if expression_text(expression) not in ("true", "false"):
            parts = [(_condition(statement, part), part) for part in _parts(expression)]
            yield _Clause(wanted, getattr(expression, "op", "") == "or", parts)


def _condition(statement: ParsedStatement, part: pst.Expr) -> Condition:
    text, place = statement.statement.text, places.of_part(statement.statement.text, part)
    at = statement.finding("", "", "warning", place=place)
    written = expression_text(part) if place is None else text[place.start : place.end]
    return Condition(statement.file, statement.id, at.line, at.column, written, at.length)


def _parts(expression: pst.Expr) -> list[pst.Expr]:
    if isinstance(expression, pst.BinaryOp) and expression.op in ("and", "or"):
        return list(operands(expression))
    return [expression]
