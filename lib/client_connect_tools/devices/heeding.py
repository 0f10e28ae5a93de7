"""Whether a policy heeds the waivers that are granted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.nodes import walk
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.explanation import heeded_waiver

if TYPE_CHECKING:
    from client_connect_tools.policies import Policies


class UselessWaiver(ValueError):
    """No policy would heed a waiver; the message says why."""


def require_heeded(policies: Policies, policy_id: str) -> None:
    """Refuse a waiver that no policy would heed.

    Raises:
        UselessWaiver: When no policy has the id, or it cannot be parsed or does not ask for waivers.
    """
    by_id = {statement.id: statement for statement in parse(policies.sources)}
    statement = by_id.get(policy_id)
    if statement is None:
        known = ", ".join(filter(None, sorted(by_id)))
        raise UselessWaiver(
            f'no policy has the @id "{policy_id}"; {f"there are {known}" if known else "none has one"}'
        )
    if statement.error is not None:
        raise UselessWaiver(f'the policy "{policy_id}" cannot be used: {statement.error[1]}')
    if heeded_waiver(policy_id) not in walk(statement.template):
        raise UselessWaiver(
            f'the policy "{policy_id}" heeds no waiver; '
            f'add to it: unless {{ context.waivers.contains("{policy_id}") }}'
        )
