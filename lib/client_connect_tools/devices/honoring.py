"""Whether a policy honors the waivers that are granted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.nodes import walk
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.explanation import honored_waiver

if TYPE_CHECKING:
    from client_connect_tools.policies import Policies


class UnhonoredWaiver(ValueError):
    """No policy would honor a waiver; the message says why."""


def require_honored(policies: Policies, policy_id: str) -> None:
    """Refuse a waiver that no policy would honor.

    Raises:
        UnhonoredWaiver: When no policy has the id, or it cannot be parsed or does not ask for waivers.
    """
    by_id = {statement.id: statement for statement in parse(policies.sources)}
    statement = by_id.get(policy_id)
    if statement is None:
        known = ", ".join(filter(None, sorted(by_id)))
        raise UnhonoredWaiver(
            f'no policy has the @id "{policy_id}"; {f"there are {known}" if known else "none has one"}'
        )
    if statement.error is not None:
        raise UnhonoredWaiver(f'the policy "{policy_id}" cannot be used: {statement.error[1]}')
    if honored_waiver(policy_id) not in walk(statement.template):
        raise UnhonoredWaiver(
            f'the policy "{policy_id}" honors no waiver; '
            f'add to it: unless {{ context.waivers.contains("{policy_id}") }}'
        )
