"""The permissions of a handler's role besides writing its log: use the tables that the handler is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk_client_connect.handler._answered_endpoints import allow_queries
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, may_read
from client_connect_tools.checking.lints import attributes_read

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from cdk_client_connect.handler._options import Options
    from client_connect_tools import Policies


def grant_what_it_asks(role: iam.Role, options: Options, policies: Policies | None) -> None:
    """Allow a role what the handler asks before a decision, and what it records after it.

    Args:
        role: The handler's role.
        options: The handler's arguments.
        policies: The policies in its code; ``None`` if they are not known; then they may read anything.
    """
    if options.device_inventory is not None:
        options.device_inventory.grant_look_up(role)
    if options.connection_registry is not None:
        options.connection_registry.grant_record(role)
        if _counts(policies):
            options.connection_registry.grant_count(role)
            allow_queries(role, options.endpoints)


def services_asked(options: Options, policies: Policies | None) -> list[str]:
    """Return the services that the handler calls before and after a decision, as VPC endpoints name them."""
    asked = ["dynamodb"] if options.device_inventory or options.connection_registry else []
    return [*asked, "ec2"] if options.connection_registry and _counts(policies) else asked


def _counts(policies: Policies | None) -> bool:
    """Whether policies count connections; those that are not known may."""
    return policies is None or may_read(attributes_read(policies), ACTIVE_CONNECTIONS)
