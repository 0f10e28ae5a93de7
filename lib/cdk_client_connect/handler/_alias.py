"""The alias that endpoints invoke, and its provisioned environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from client_connect_tools.deployed.description import ALIAS_NAME

if TYPE_CHECKING:
    from constructs import Construct

    from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency


def define_alias(
    scope: Construct, function: lambda_.Function, concurrency: ProvisionedConcurrency
) -> lambda_.Alias:
    """Define the alias of a function's current version."""
    scaling = concurrency.target_utilization is not None
    alias = lambda_.Alias(
        scope,
        "Alias",
        alias_name=ALIAS_NAME,
        version=function.current_version,
        # Under scaling, a number here would undo at each deployment what was scaled up.
        provisioned_concurrent_executions=None if scaling else concurrency.minimum or None,
    )
    if concurrency.target_utilization is not None:
        target = alias.add_auto_scaling(min_capacity=concurrency.minimum, max_capacity=concurrency.maximum)
        target.scale_on_utilization(utilization_target=concurrency.target_utilization)
    return alias
