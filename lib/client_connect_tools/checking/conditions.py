"""A Cedar condition by itself, as a question about connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import parse
from client_connect_tools.checking.checks import check
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.source import Source
from client_connect_tools.policies import Policies

if TYPE_CHECKING:
    from client_connect_tools.files.networks import NetworkList


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
    if findings := check(asked):
        raise InvalidCondition(f"the condition {condition!a:.200} is wrong:", findings)
    return asked
