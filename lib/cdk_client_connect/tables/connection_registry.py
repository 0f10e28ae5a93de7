"""The construct that defines a connection registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._arguments import key_argument, require_all, typed, with_attribute
from cdk_client_connect.shared._claims import claim, claimant_of, key_of
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.tables._table import (
    check_table,
    define_table,
    grant,
    imported_table,
    require_index,
    require_key,
)
from client_connect.sources.connection_registry import (
    AT,
    BY_PRINCIPAL,
    CONFIRMED,
    CONNECTION_ID,
    ENDPOINT_ID,
    PRINCIPAL,
    TERMINATED,
)
from client_connect.sources.items import COMMON_NAME, EXPIRES_AT

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms

    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry

_CONNECTIONS, _STATE = "connections", "state"


class ConnectionRegistry(Construct):
    """The connections that a handler allowed, each with its request and decision: a DynamoDB table.

    The service itself keeps neither a connection's platform nor its address or groups. A
    ``ConnectionReauthorizer`` decides open connections again with what is kept here, and takes out those that
    have ended, so policies can count a user's open connections. A registry is of one handler, and has one
    re-authorizer at most, which keeps its state here. Items are removed 26 hours after the connection began,
    two more than the longest session.

    The table has point-in-time recovery, is billed by request, encrypted with a key of KMS and, because it
    holds nothing that lasts, removed with the stack.

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        table: A table that exists in the same account and Region, with the partition key ``connectionId`` (a string),
            the attribute of its time to live ``expiresAt`` and the index ``byPrincipal``. Default: a new one.
        encryption_key: The key of a new table. Default: the one that AWS manages for DynamoDB.
        removal_policy: Whether a new table stays when the stack is removed. Default: ``DESTROY``.

    Raises:
        InvalidArgument: When the table is in another account or Region, is known to have another key or not the index,
            or a key is given for a new table, but no table is created.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        table: dynamodb.ITable | None = None,
        encryption_key: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    ) -> None:
        require_all(
            with_attribute("table", table, "table_arn", "a dynamodb.Table or None", optional=True),
            key_argument(encryption_key),
            typed("removal_policy", removal_policy, RemovalPolicy, "a RemovalPolicy"),
        )
        if table is not None:
            _require_usable(scope, table, encryption_key)
        super().__init__(scope, id)
        self._table = table or self._new_table(encryption_key, removal_policy)
        if table is None:
            check_table(f"the table of connection registry {self.node.path}", self._table)
        if table is None and (resource := self._table.node.default_child) is not None:
            self.node.default_child = resource
        self._key = key_of(self._table, self._table.table_arn)

    @staticmethod
    def from_attributes(
        scope: Construct, id: str, *, table_arn: str, encryption_key: kms.IKey | None = None
    ) -> IConnectionRegistry:
        """Import the registry of a handler that another app deployed.

        Args:
            scope: The construct to import it into.
            id: Its id in ``scope``.
            table_arn: The ARN of its ``table``; may be a token.
            encryption_key: The key of the table, unless AWS manages it.

        Raises:
            InvalidArgument: When the ARN is not that of a table, or of another account or Region than the stack.
        """
        table = imported_table(
            scope, f"{id}Table", "table_arn", table_arn, encryption_key, indexes=[BY_PRINCIPAL]
        )
        return ConnectionRegistry(scope, id, table=table)

    def _new_table(self, encryption_key: kms.IKey | None, removal_policy: RemovalPolicy) -> dynamodb.Table:
        table = define_table(
            self,
            "Connections",
            key=CONNECTION_ID,
            time_to_live=EXPIRES_AT,
            encryption_key=encryption_key,
            removal_policy=removal_policy,
        )
        table.add_global_secondary_index(
            index_name=BY_PRINCIPAL,
            partition_key=dynamodb.Attribute(name=PRINCIPAL, type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=[ENDPOINT_ID, AT, CONFIRMED, TERMINATED, COMMON_NAME],
        )
        return table

    @property
    def table(self) -> dynamodb.ITable:
        """The table, by ``connectionId``."""
        return self._table

    @property
    def handler(self) -> Construct | None:
        """The handler that records its connections in the table, if there is one."""
        return claimant_of(self, _CONNECTIONS, *self._key)

    @property
    def reauthorizer(self) -> Construct | None:
        """The re-authorizer that keeps its state in the table, if there is one."""
        return claimant_of(self, _STATE, *self._key)

    def keep_connections_of(self, handler: Construct) -> None:
        """Remember whose connections the table keeps: its re-authorizer would decide those of a second one wrongly."""
        claim(handler, _CONNECTIONS, *self._key)

    def keep_state_of(self, reauthorizer: Construct) -> None:
        """Remember whose state the table keeps: a second re-authorizer would take the first one's for its own."""
        claim(reauthorizer, _STATE, *self._key)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set whether the table stays when the stack is removed; an existing one is left as it is.

        Args:
            policy: The policy.
        """
        if self._table.node.scope is self:
            self._table.apply_removal_policy(policy)

    def grant_record(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler to record connections."""
        return grant(self._table, grantee, "PutItem")

    def grant_count(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler to count a user's open connections."""
        return grant(self._table, grantee, "BatchGetItem").combine(
            grant(self._table, grantee, "Query", index=BY_PRINCIPAL)
        )

    def grant_reauthorize(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a re-authorizer to read what connections asked, to take out those that ended, and to keep its state."""
        return grant(self._table, grantee, "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")


def _require_usable(scope: Construct, table: dynamodb.ITable, encryption_key: kms.IKey | None) -> None:
    require_key(table, CONNECTION_ID)
    require_index(table, BY_PRINCIPAL)
    require_same_environment(
        scope, [table], because="a handler looks for its tables in its own account and Region; give one there"
    )
    if encryption_key is not None:
        raise InvalidArgument(
            "encryption_key is for a new table, but table is given; import it with its key, by "
            "dynamodb.Table.from_table_attributes(encryption_key=...), so it is granted to the handler"
        )
