"""A connection registry as other constructs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_iam as iam
    from constructs import Construct, IConstruct, IMixin, Node


@runtime_checkable
class IConnectionRegistry(Protocol):
    """A connection registry: a ``ConnectionRegistry``, or one that another app deployed."""

    @property
    def node(self) -> Node:
        """The construct's node."""
        ...

    def with_(self, *mixins: IMixin) -> IConstruct:
        """Apply mixins, as to every construct."""
        ...

    @property
    def table(self) -> dynamodb.ITable:
        """The table, by ``connectionId``."""
        ...

    @property
    def handler(self) -> Construct | None:
        """The handler of this app that records its connections in the table, if there is one."""
        ...

    @property
    def reauthorizer(self) -> Construct | None:
        """The re-authorizer of this app that keeps its state in the table, if there is one."""
        ...

    def keep_connections_of(self, handler: Construct) -> None:
        """Remember whose connections the table keeps."""
        ...

    def keep_state_of(self, reauthorizer: Construct) -> None:
        """Remember whose state the table keeps."""
        ...

    def grant_record(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler to record connections."""
        ...

    def grant_count(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler to count a user's open connections."""
        ...

    def grant_reauthorize(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a re-authorizer what it does with the table."""
        ...
