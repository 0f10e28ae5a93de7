"""Grants on a key, and the warning where the CDK cannot allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from aws_cdk import IResource
    from aws_cdk import aws_kms as kms

# AWS's own keys, which whoever may use the resource may use.
_OF_AWS = "alias/aws/"


def grant_key(
    encrypted: IResource, key: kms.IKey, grantee: iam.IGrantable, *actions: str, service: str
) -> None:
    """Allow what the key of a resource takes, through the resource's service alone; warn where nothing was allowed.

    Sources: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_kms/Alias.html
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

    Args:
        encrypted: What is encrypted with the key.
        key: The key. The CDK does not know which one an imported alias stands for.
        grantee: Who may.
        *actions: What.
        service: The service that uses the key on the grantee's behalf, such as ``dynamodb``.
    """
    via = {"kms:ViaService": f"{service}.{encrypted.env.region}.amazonaws.com"}
    granted = None
    if not hasattr(key, "alias_name"):
        granted = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(actions),
            resource_arns=[key.key_arn],
            conditions={"StringEquals": via},
        )
    if granted is None or not granted.success:
        # The CDK knows what an alias stands for, and names in a key's policy whoever has no policy.
        granted = key.grant(grantee, *actions)
        for statement in (*granted.principal_statements, *granted.resource_statements):
            statement.add_condition("StringEquals", via)
    if not granted.success and not getattr(key, "alias_name", "").startswith(_OF_AWS):
        Annotations.of(encrypted).add_warning_v2(
            "cdk-client-connect:keyNotGranted",
            f"the key of {encrypted.node.path} is an imported alias: the CDK grants nothing on it, so a role "
            "that may use the construct may not use its key; give the key itself, as by kms.Key.from_lookup, or set "
            'the feature flag "@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal"',
        )
