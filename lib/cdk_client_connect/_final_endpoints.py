"""Check that an endpoint that was given a handler still has it in the final template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Aspects, IAspect, Stack, Stage
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect._final_templates import Deviation, check_templates, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import Construct, IConstruct

    from cdk_client_connect._final_templates import Templates

# Before the Aspects of anybody else, which could take the handler away.
_FIRST = 0


def check_endpoints(owner: str, handler: Construct, arn: str) -> None:
    """Have the endpoints that are given this ARN checked in the final template."""
    stage = Stage.of(handler)
    if stage is not None:
        check = _Endpoints(owner, arn, stage)
        Aspects.of(stage).add(check, priority=_FIRST)
        check_templates(handler, check)


@jsii.implements(IAspect)
class _Endpoints:
    def __init__(self, owner: str, arn: str, stage: Stage) -> None:
        self._owner = owner
        self._arn = arn
        self._stage = stage.node.path
        self._found: list[ec2.CfnClientVpnEndpoint] = []

    def visit(self, node: IConstruct) -> None:
        """Look for the endpoints once, when the whole stage is visited."""
        if node.node.path == self._stage:
            self._found = [
                each
                for each in node.node.find_all()
                if isinstance(each, ec2.CfnClientVpnEndpoint) and self._is_given_to(each)
            ]

    def _is_given_to(self, endpoint: ec2.CfnClientVpnEndpoint) -> bool:
        # The token itself: resolved, ARNs of two stacks may look the same, and each use makes a stack wait for ours.
        options: Any = endpoint.client_connect_options
        if isinstance(options, dict):
            return bool(options.get("lambdaFunctionArn") == self._arn)
        return getattr(options, "lambda_function_arn", None) == self._arn

    def _arn_in(self, endpoint: ec2.CfnClientVpnEndpoint) -> object:
        return Stack.of(endpoint).resolve(self._arn)

    def __call__(self, templates: Templates) -> Iterator[Deviation]:
        for endpoint in self._found:
            properties = templates.properties(endpoint) or {}
            found = normalized(properties.get("ClientConnectOptions"))
            if found == {"Enabled": "true", "LambdaFunctionArn": normalized(self._arn_in(endpoint))}:
                continue
            yield Deviation(
                rule="changedEndpoint",
                resource=endpoint,
                location="Properties.ClientConnectOptions",
                found=f"the endpoint was given {self._owner}, but has the ClientConnectOptions {json.dumps(found)} in "
                "the template, so other policies or none would decide; an Aspect or an override did this",
                fix="exclude the endpoint's ClientConnectOptions from the Aspect or override",
            )
