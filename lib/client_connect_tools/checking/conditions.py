"""A Cedar condition by itself, as a question about connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import parse
from client_connect_tools.checking.checks import check
from client_connect_tools.checking.group_names import groups_of
from client_connect_tools.checking.lints import lint
from client_connect_tools.checking.similar_names import is_slip
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.source import Source
from client_connect_tools.policies import Policies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from client_connect_tools.files.networks import NetworkList
    from client_connect_tools.finding import Finding

# The parts that make a condition true for no connection, or for all, when its answer would say nothing.
_EMPTY = frozenset(("never-applies", "contradiction", "impossible-value", "upper-case", "literal-asterisk"))
_DOUBTFUL = frozenset(
    (
        "mistaken-number",
        "utc-clock",
        "different-case",
        "invisible-character",
        "mixed-scripts",
        "unusual-spelling",
    )
)


class InvalidCondition(InvalidPolicies):
    """A condition that is asked about is wrong, as a policy would be that had it."""


def condition_policies(
    condition: str, *, custom_schema: Source | None = None, networks: tuple[NetworkList, ...] = ()
) -> Policies:
    """Return a condition as a policy that applies where it holds.

    Args:
        condition: The condition.
        custom_schema: The custom facts that it may read. Default: none.
        networks: The named networks that it may read. Default: none.

    Raises:
        InvalidCondition: With what is wrong with it, as ``check`` says of a policy.
    """
    text = f'@id("condition") permit (principal, action, resource) when {{\n{condition}\n}};'
    asked = Policies((Source("condition", text),), custom_schema=custom_schema, networks=networks)
    parsed = parse(asked.sources)
    if len(parsed) != 1 or (parsed[0].template is not None and len(parsed[0].template.clauses) != 1):
        raise InvalidCondition(f"{condition!a:.200} is not one condition; join several by && or ||")
    _refuse(condition, check(asked))
    return asked


def require_meant(condition: str, asked: Policies) -> None:
    """Refuse a condition that names a value that does not exist, or whose parts exclude each other.

    That no connection at 25 o'clock is allowed proves nothing, and that none was logged neither.

    Args:
        condition: The condition.
        asked: It as a policy.

    Raises:
        InvalidCondition: With what is wrong with it, as ``lint`` says of a policy.
    """
    _refuse(condition, [each for each in lint(asked) if each.rule in _EMPTY])


def _refuse(condition: str, findings: Sequence[Finding]) -> None:
    if findings:
        raise InvalidCondition(f"the condition {condition!a:.200} is wrong:", findings)


def doubts(asked: Policies, others: Collection[str], where: str) -> Iterator[str]:
    """Yield what is seldom meant in a condition, and may be meant all the same.

    Args:
        asked: The condition.
        others: The groups of what it is asked about.
        where: What that is, and has them.
    """
    yield from (each.message for each in lint(asked) if each.rule in _DOUBTFUL)
    for name in groups_of(asked):
        if name not in others and (near := next((each for each in others if is_slip(name, each)), None)):
            yield f'{where} "{near}", and not "{name}"; is one of them misspelt?'
