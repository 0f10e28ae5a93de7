"""Exactly what a role may do with a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb


def grant(
    table: dynamodb.ITable, grantee: iam.IGrantable, *actions: str, index: str | None = None
) -> iam.Grant:
    """Allow actions on a table, or on one index of it, and on nothing else.

    The CDK's own grants take in every index of a table, by a wildcard.

    Args:
        table: The table. Where it has a key of its own, that is granted too.
        grantee: Who may.
        *actions: What, without the prefix ``dynamodb:``.
        index: The index, in place of the table.
    """
    resource = table.table_arn if index is None else f"{table.table_arn}/index/{index}"
    if table.encryption_key is not None:
        table.encryption_key.grant_encrypt_decrypt(grantee)
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=[f"dynamodb:{action}" for action in actions], resource_arns=[resource]
    )
