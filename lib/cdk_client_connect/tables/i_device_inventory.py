"""A device inventory as other constructs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_iam as iam
    from constructs import IConstruct, IMixin, Node


@runtime_checkable
class IDeviceInventory(Protocol):
    """A device inventory: a ``DeviceInventory``, or one that another app deployed."""

    @property
    def node(self) -> Node:
        """The construct's node."""
        ...

    def with_(self, *mixins: IMixin) -> IConstruct:
        """Apply mixins, as to every construct."""
        ...

    @property
    def devices_table(self) -> dynamodb.ITable:
        """The table of devices, by ``commonName``."""
        ...

    @property
    def waivers_table(self) -> dynamodb.ITable:
        """The table of waivers, by ``holder``."""
        ...

    @property
    def longest_waiver(self) -> Duration | None:
        """How long a waiver may have to go; ``None`` where any counts."""
        ...

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to read devices and waivers."""
        ...

    def grant_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to write devices; no waivers."""
        ...

    def grant_write_waivers(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to grant and revoke waivers; not to block or unblock anyone."""
        ...

    def grant_write_blocks(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to block and unblock devices and users; no waivers."""
        ...

    def grant_look_up(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler what it does with the tables."""
        ...
