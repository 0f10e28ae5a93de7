"""Check that endpoints reach the version of the handler that was defined, with its provisioned environments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.final_templates._templates import Deviation, check_templates, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cdk_client_connect.final_templates._templates import Templates

_FIX = "exclude it from the Aspect or override; provisioned_concurrency and GradualDeployment change an alias safely"


def check_alias(owner: str, alias: lambda_.Alias, *, minimum: int, maximum: int, scales: bool) -> None:
    """Have an alias, its version and what scales it checked in the final template.

    Args:
        owner: What the alias is of, as messages name it.
        alias: The alias.
        minimum: The provisioned environments; where it scales, the fewest.
        maximum: The most of them, where it scales.
        scales: Whether Application Auto Scaling sets their number.
    """
    version = alias.version
    targets = {
        each: {"ResourceId": each.resource_id, "ScalableDimension": each.scalable_dimension}
        for each in alias.node.find_all()
        if isinstance(each, scaling.CfnScalableTarget)
    }

    def check(templates: Templates) -> Iterator[Deviation]:
        function = {"FunctionName": alias.version.lambda_.function_name}
        provisioned = None if scales or not minimum else minimum
        wanted = {
            "Name": alias.alias_name,
            "FunctionVersion": version.version,
            "ProvisionedConcurrencyConfig": provisioned and {"ProvisionedConcurrentExecutions": provisioned},
            "RoutingConfig": None,
        }
        yield from _compare(owner, alias.node.default_child, function | wanted, templates)
        yield from _compare(owner, version.node.default_child, function, templates)
        for target, where in targets.items():
            capacity = {"MinCapacity": minimum, "MaxCapacity": maximum}
            yield from _compare(owner, target, capacity | where, templates)

    check_templates(alias, check)


def _compare(
    owner: str, resource: object, wanted: Mapping[str, Any], templates: Templates
) -> Iterator[Deviation]:
    if not isinstance(resource, CfnResource):
        return
    properties = templates.properties(resource)
    kind = resource.cfn_resource_type.rpartition("::")[2]
    ours: dict[str, Any] = Stack.of(resource).resolve(dict(wanted))
    for name in wanted:
        found = None if properties is None else normalized(properties.get(name))
        if properties is None or found != normalized(ours.get(name)):
            yield Deviation(
                rule="changedAlias",
                resource=resource,
                location=f"Properties.{name}",
                found=f"the {kind} of {owner} has {name} {json.dumps(found)} in the template, but "
                f"{json.dumps(ours.get(name))} was defined, so clients could be denied or decided by another version",
                fix=_FIX,
            )
