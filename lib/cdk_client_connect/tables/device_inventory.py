"""The construct that defines a device inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy
from constructs import Construct

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._arguments import flag, key_argument, require_all, typed, with_attribute
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.tables._table import check_table, define_table, grant, imported_table, require_key
from client_connect.sources.items import COMMON_NAME, EXPIRES_AT, HOLDER

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms

    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory

_READ = ("BatchGetItem", "GetItem", "Scan")
_EDIT = ("GetItem", "PutItem", "DeleteItem")
# How the keys begin of items that hold waivers or the traces of them, and of those that hold blocks.
_OF_WAIVERS = ("device:", "user:", "ended:")
_OF_BLOCKS = ("blocked:", "unblocked:")
_WRITE = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


class DeviceInventory(Construct):
    """Devices, and the waivers and blocks of devices and users: two DynamoDB tables.

    A handler that is given it looks up each connection by the common name of its client certificate, so the
    endpoint must use mutual authentication. The items are described in ``client_connect.sources.items``;
    ``client-connect devices`` reads and writes them. Devices and waivers are apart so that whatever
    synchronizes a device manager may write the former and can never grant the latter.

    Both tables have point-in-time recovery, are billed by request, encrypted with a key of KMS and retained
    when the stack is removed. Waivers stay for 400 days after they have ended, so they can be audited.

    Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        devices_table: A table that exists in the same account and Region, with the partition key ``commonName``
            (a string). A deployment that replaces it needs care: docs/deployments.md. Default: a new one.
        waivers_table: A table that exists there, with the partition key ``holder`` (a string) and the attribute of
            its time to live ``expiresAt``. Default: a new one.
        encryption_key: The key of the new tables. A table that exists brings its own, as by
            ``dynamodb.Table.from_table_attributes(encryption_key=...)``. Default: the one that AWS manages for
            DynamoDB.
        removal_policy: Whether the new tables stay when the stack is removed. Default:
            ``RETAIN_ON_UPDATE_OR_DELETE``: they stay, except when the deployment fails that creates them.
        deletion_protection: Whether DynamoDB refuses to delete the new tables. Default: ``False``.
        longest_waiver: How long a waiver may have to go, in whole minutes. The handler ignores a longer one, whoever
            wrote it into the table, and names it in the decision record. Default: any waiver counts until it ends.

    Raises:
        InvalidArgument: When ``longest_waiver`` is not one minute or more; when a table is in another account or
            Region, or is known to have another key; when a key or deletion protection is given for new tables, but
            there are none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        devices_table: dynamodb.ITable | None = None,
        waivers_table: dynamodb.ITable | None = None,
        encryption_key: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        deletion_protection: bool = False,
        longest_waiver: Duration | None = None,
    ) -> None:
        require_all(
            with_attribute(
                "devices_table", devices_table, "table_arn", "a dynamodb.Table or None", optional=True
            ),
            with_attribute(
                "waivers_table", waivers_table, "table_arn", "a dynamodb.Table or None", optional=True
            ),
            key_argument(encryption_key),
            typed("removal_policy", removal_policy, RemovalPolicy, "a RemovalPolicy"),
            flag("deletion_protection", deletion_protection),
            typed(
                "longest_waiver",
                longest_waiver,
                Duration,
                "a Duration, such as Duration.days(7)",
                optional=True,
            ),
        )
        if longest_waiver is not None:
            _require_minutes(longest_waiver)
        given = {COMMON_NAME: devices_table, HOLDER: waivers_table}
        for key, existing in given.items():
            if existing is not None:
                require_key(existing, key)
        require_same_environment(
            scope,
            [existing for existing in given.values() if existing is not None],
            because="a handler looks for its tables in its own account and Region; give one there",
        )

        if devices_table is not None and waivers_table is not None:
            _require_nothing_for_new_tables(encryption_key, deletion_protection=deletion_protection)

        super().__init__(scope, id)

        def table(table_id: str, key: str, time_to_live: str | None = None) -> dynamodb.Table:
            return define_table(
                self,
                table_id,
                key=key,
                time_to_live=time_to_live,
                encryption_key=encryption_key,
                removal_policy=removal_policy,
                deletion_protection=deletion_protection,
            )

        self._devices_table = devices_table or table("Devices", COMMON_NAME)
        self._longest_waiver = longest_waiver
        self._waivers_table = waivers_table or table("Waivers", HOLDER, EXPIRES_AT)
        for each in (self._devices_table, self._waivers_table):
            if each.node.scope is self:
                check_table(f"the table of {each.node.id.lower()} of device inventory {self.node.path}", each)

    @staticmethod
    def from_attributes(
        scope: Construct,
        id: str,
        *,
        devices_table_arn: str,
        waivers_table_arn: str,
        devices_encryption_key: kms.IKey | None = None,
        waivers_encryption_key: kms.IKey | None = None,
        longest_waiver: Duration | None = None,
    ) -> IDeviceInventory:
        """Import the inventory that another app deployed.

        Args:
            scope: The construct to import it into.
            id: Its id in ``scope``.
            devices_table_arn: The ARN of its ``devices_table``; may be a token.
            waivers_table_arn: The ARN of its ``waivers_table``; may be a token.
            devices_encryption_key: The key of the table of devices, unless AWS manages it.
            waivers_encryption_key: The key of the table of waivers, unless AWS manages it.
            longest_waiver: As for a new inventory. Default: any waiver counts until it ends.

        Raises:
            InvalidArgument: When an ARN is not that of a table, or of another account or Region than the stack, or
                ``longest_waiver`` is not one minute or more.
        """
        devices = imported_table(
            scope, f"{id}Devices", "devices_table_arn", devices_table_arn, devices_encryption_key
        )
        waivers = imported_table(
            scope, f"{id}Waivers", "waivers_table_arn", waivers_table_arn, waivers_encryption_key
        )
        return DeviceInventory(
            scope, id, devices_table=devices, waivers_table=waivers, longest_waiver=longest_waiver
        )

    @property
    def devices_table(self) -> dynamodb.ITable:
        """The table of devices, by ``commonName``."""
        return self._devices_table

    @property
    def waivers_table(self) -> dynamodb.ITable:
        """The table of waivers, by ``holder``: ``device:`` and a common name, or ``user:`` and a user name."""
        return self._waivers_table

    @property
    def longest_waiver(self) -> Duration | None:
        """How long a waiver may have to go; ``None`` where any counts."""
        return self._longest_waiver

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set whether the tables stay when the stack is removed; existing ones are left as they are.

        Args:
            policy: The policy.
        """
        for table in (self._devices_table, self._waivers_table):
            if table.node.scope is self:
                table.apply_removal_policy(policy)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to read devices and waivers."""
        return grant(self._devices_table, grantee, *_READ).combine(
            grant(self._waivers_table, grantee, *_READ)
        )

    def grant_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal, such as a device sync, to write devices; no waivers."""
        return grant(self._devices_table, grantee, *_WRITE)

    def grant_write_waivers(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to grant and revoke waivers, which takes reading them; not to block or unblock anyone."""
        return grant(self._waivers_table, grantee, *_EDIT, keys=_OF_WAIVERS)

    def grant_write_blocks(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to block and unblock devices and users, which takes reading that; no waivers."""
        return grant(self._waivers_table, grantee, *_EDIT, keys=_OF_BLOCKS)

    def grant_look_up(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a handler what it does with the tables: one read of several items."""
        return grant(self._devices_table, grantee, "BatchGetItem").combine(
            grant(self._waivers_table, grantee, "BatchGetItem")
        )


def _require_minutes(longest_waiver: Duration) -> None:
    seconds = 0 if longest_waiver.is_unresolved() else longest_waiver.to_seconds()
    if seconds <= 0 or seconds % 60:
        raise InvalidArgument(
            f"longest_waiver is {longest_waiver.to_string()}; give whole minutes, such as Duration.days(7)"
        )


def _require_nothing_for_new_tables(encryption_key: kms.IKey | None, *, deletion_protection: bool) -> None:
    """Refuse what would have no effect: without its key a table that exists could not be read."""
    if encryption_key is not None:
        raise InvalidArgument(
            "encryption_key is for new tables, but devices_table and waivers_table are given; import them with their "
            "key, by dynamodb.Table.from_table_attributes(encryption_key=...), so it is granted to the handler"
        )
    if deletion_protection:
        raise InvalidArgument(
            "deletion_protection is for new tables, but devices_table and waivers_table are given; protect them where "
            "they are defined"
        )
