"""Tables as we define them, and exactly what a role may do with one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Stack, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._properties import check_properties
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.shared._key import grant_key
from cdk_client_connect.shared._unknown_values import is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import RemovalPolicy
    from aws_cdk import aws_kms as kms
    from constructs import Construct

_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+")

_READS = {"BatchGetItem", "GetItem", "Query", "Scan"}

# The actions on a table's key that readers and writers need. The CDK's grants of a key have wildcards in the actions.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
_WRITE_KEY = (
    *_READ_KEY,
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def define_table(
    scope: Construct,
    id: str,
    *,
    key: str,
    time_to_live: str | None = None,
    encryption_key: kms.IKey | None,
    removal_policy: RemovalPolicy,
    deletion_protection: bool | None = None,
) -> dynamodb.Table:
    """Define a table that is billed by request, recoverable to any point in time, and encrypted by KMS.

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        key: The name of its partition key, a string.
        time_to_live: The name of the attribute that says when DynamoDB removes an item.
        encryption_key: Its key; ``None`` for the one that AWS manages for DynamoDB.
        removal_policy: Whether it stays when the stack is removed.
        deletion_protection: Whether DynamoDB refuses to delete it.
    """
    return dynamodb.Table(
        scope,
        id,
        partition_key=dynamodb.Attribute(name=key, type=dynamodb.AttributeType.STRING),
        time_to_live_attribute=time_to_live,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        encryption=None if encryption_key else dynamodb.TableEncryption.AWS_MANAGED,
        encryption_key=encryption_key,
        removal_policy=removal_policy,
        deletion_protection=deletion_protection,
    )


def check_table(owner: str, table: dynamodb.ITable) -> None:
    """Have the key, the index and the time to live of a table that is defined here compared in the final template."""
    resource = table.node.default_child
    if not isinstance(resource, dynamodb.CfnTable):
        return
    defined = {
        "KeySchema": resource.key_schema,
        "GlobalSecondaryIndexes": resource.global_secondary_indexes,
        "TimeToLiveSpecification": resource.time_to_live_specification,
    }
    check_properties(
        owner,
        resource,
        {name: value for name, value in defined.items() if value is not None},
        rule="changedTable",
        consequence="items would not be found, not be counted, or stay forever",
        fix="exclude the table from it; your own table may be given instead",
    )


def require_key(table: dynamodb.ITable, key: str) -> None:
    """Check that a table has this partition key, a string, and no sort key; that of an imported one is unknown.

    Raises:
        InvalidArgument: When it has another key.
    """
    resource = table.node.default_child
    if not isinstance(resource, dynamodb.CfnTable | dynamodb.CfnGlobalTable):
        return
    parts, attributes = Stack.of(table).resolve([resource.key_schema, resource.attribute_definitions])
    types = {each["attributeName"]: each["attributeType"] for each in attributes}
    found = [(part["attributeName"], types[part["attributeName"]]) for part in parts]
    if found != [(key, "S")]:
        has = " and ".join(f'"{name}" ({type_})' for name, type_ in found)
        raise InvalidArgument(
            f'table {table.node.path} has the key {has}; its key must be "{key}" (S, a string) alone, for '
            "lookups"
        )


def require_index(table: dynamodb.ITable, name: str) -> None:
    """Check that a table has an index of that name; that of an imported one is unknown.

    Raises:
        InvalidArgument: When it has not.
    """
    resource = table.node.default_child
    if not isinstance(resource, dynamodb.CfnTable | dynamodb.CfnGlobalTable):
        return
    indexes = Stack.of(table).resolve(resource.global_secondary_indexes) or []
    if name not in [each["indexName"] for each in indexes]:
        raise InvalidArgument(
            f'table {table.node.path} has no index "{name}", which the open connections of a user are counted; let '
            "the ConnectionRegistry define the table, or add the index as that construct defines it"
        )


def imported_table(
    scope: Construct,
    id: str,
    name: str,
    arn: str,
    encryption_key: kms.IKey | None,
    *,
    indexes: Sequence[str] = (),
) -> dynamodb.ITable:
    """Import a table by its ARN.

    Args:
        scope: The construct to import it into.
        id: Its id in ``scope``.
        name: What the argument with the ARN is called.
        arn: The ARN.
        encryption_key: The table's key, unless AWS manages it.
        indexes: The names of its indexes.

    Raises:
        InvalidArgument: When it is not the ARN of a table, or of another account or Region than the scope.
    """
    if not isinstance(arn, str) or not (is_unknown(arn) or _ARN.fullmatch(arn)):
        raise InvalidArgument(
            f"{name}={arn!r} must be the ARN of a table, such as "
            '"arn:aws:dynamodb:eu-central-1:111111111111:table/NAME"'
        )
    if not Token.is_unresolved(arn) and is_unknown(arn):
        arn = Stack.of(scope).format_arn(
            service="dynamodb", resource="table", resource_name="not-looked-up-yet"
        )
    table = dynamodb.Table.from_table_attributes(
        scope, id, table_arn=arn, encryption_key=encryption_key, global_indexes=list(indexes) or None
    )
    require_same_environment(
        scope, [table], because="a handler looks for its tables in its own account and Region; give one there"
    )
    return table


def grant(
    table: dynamodb.ITable,
    grantee: iam.IGrantable,
    *actions: str,
    index: str | None = None,
    keys: Sequence[str] = (),
) -> iam.Grant:
    """Allow actions on a table, or on one index of it, and on nothing else.

    The CDK's own grants take in every index of a table, by a wildcard.

    Args:
        table: The table. Where it has its own key, the needed use of that is granted too.
        grantee: Who may.
        *actions: What, without the prefix ``dynamodb:``.
        index: The index, in place of the table.
        keys: How the keys of the only items begin that these are allowed on. Default: on all.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    resource = table.table_arn if index is None else f"{table.table_arn}/index/{index}"
    if table.encryption_key is not None:
        on_key = _READ_KEY if _READS.issuperset(actions) else _WRITE_KEY
        grant_key(table, table.encryption_key, grantee, *on_key, service="dynamodb")
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=[f"dynamodb:{action}" for action in actions],
        resource_arns=[resource],
        # A request without a key, which "for all of none" would match, is not allowed either.
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{key}*" for key in keys]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        if keys
        else None,
    )
