"""The warning that a function in a VPC may not reach the services that it calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations, Aspects, IAspect, Stack
from aws_cdk import aws_ec2 as ec2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct, IConstruct

_SELECTION = (
    "availability_zones",
    "one_per_az",
    "subnet_filters",
    "subnet_group_name",
    "subnet_type",
    "subnets",
)
WARNING = "cdk-client-connect:unreachableService"


def warn_of_unreachable_services(
    owner: Construct, vpc: ec2.IVpc | None, subnets: ec2.SubnetSelection | None, services: Sequence[str]
) -> None:
    """Warn at synthesis where a function's subnets have neither a route to a NAT nor an endpoint of a service.

    Only for a VPC that the app defines: the routes and endpoints of an imported one are not known.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html

    Args:
        owner: The construct of the function.
        vpc: The VPC it runs in, if any.
        subnets: The subnets. Default: the CDK's.
        services: The services as the names of VPC endpoints end, such as ``dynamodb``.
    """
    if not isinstance(vpc, ec2.Vpc) or not services:
        return
    wanted = {name: getattr(subnets, name, None) for name in _SELECTION}
    chosen = vpc.select_subnets(**wanted)
    routed = {each.node.path for each in vpc.private_subnets}
    if all(each.node.path in routed for each in chosen.subnets):
        return
    Aspects.of(owner).add(_LooksForEndpoints(owner, vpc, services))


@jsii.implements(IAspect)
class _LooksForEndpoints:
    def __init__(self, owner: Construct, vpc: ec2.Vpc, services: Sequence[str]) -> None:
        self._owner = owner
        self._path = owner.node.path
        self._vpc = vpc
        self._services = services

    def visit(self, node: IConstruct) -> None:
        """Look once, when the owner itself is visited; endpoints may be defined after it."""
        if node.node.path != self._path:
            return
        names = [
            json.dumps(Stack.of(each).resolve(each.service_name))
            for each in self._vpc.node.root.node.find_all()
            if isinstance(each, ec2.CfnVPCEndpoint) and each.vpc_id == self._vpc.vpc_id
        ]
        missing = [each for each in self._services if not any(f'.{each}"' in name for name in names)]
        if missing:
            Annotations.of(self._owner).add_warning_v2(
                WARNING,
                f"the function runs in {self._vpc.node.path}, whose chosen subnets have no route to a NAT gateway, and "
                f"the VPC has no endpoint for {' and '.join(missing)}, which the function calls; add the endpoint, "
                f'choose subnets with a NAT, or acknowledge "{WARNING}" if there is another route',
            )
