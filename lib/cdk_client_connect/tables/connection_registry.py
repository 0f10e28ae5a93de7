"""The construct that defines a connection registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk_client_connect.tables._table import define_table, grant
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


class ConnectionRegistry(Construct):
    """The connections that a handler allowed, each with its request and decision: a DynamoDB table.

    The service itself keeps neither a connection's platform nor its address or groups. A
    ``ConnectionReauthorizer`` decides open connections anew by what is kept here, and takes out those that
    have ended, so that policies can count a user's open connections. A registry is of one handler, and has one
    re-authorizer at most, which keeps its state here. Items are removed 26 hours after the connection began,
    two more than the longest session.

    The table has point-in-time recovery, is billed by request, encrypted with a key of KMS and, because it
    holds nothing that lasts, removed with the stack.

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        encryption_key: The table's key. Default: the one that AWS manages for DynamoDB.
        removal_policy: What becomes of the table when the stack is removed. Default: ``DESTROY``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        encryption_key: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, id)
        self._handler: Construct | None = None
        self._reauthorizer: Construct | None = None
        self._table = define_table(
            self,
            "Connections",
            key=CONNECTION_ID,
            time_to_live=EXPIRES_AT,
            encryption_key=encryption_key,
            removal_policy=removal_policy,
        )
        self._table.add_global_secondary_index(
            index_name=BY_PRINCIPAL,
            partition_key=dynamodb.Attribute(name=PRINCIPAL, type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=[ENDPOINT_ID, AT, CONFIRMED, TERMINATED, COMMON_NAME],
        )

    @property
    def table(self) -> dynamodb.ITable:
        """The table, by ``connectionId``."""
        return self._table

    @property
    def handler(self) -> Construct | None:
        """The handler that records its connections in the table, if there is one."""
        return self._handler

    @property
    def reauthorizer(self) -> Construct | None:
        """The re-authorizer that keeps its state in the table, if there is one."""
        return self._reauthorizer

    def keep_connections_of(self, handler: Construct) -> None:
        """Remember whose connections the table keeps: its re-authorizer would decide those of a second one wrongly."""
        self._handler = handler

    def keep_state_of(self, reauthorizer: Construct) -> None:
        """Remember whose state the table keeps: a second re-authorizer would take the first one's for its own."""
        self._reauthorizer = reauthorizer

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
