"""Check that an endpoint that was given a handler still has it in the final template."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import (
    Aspects,
    CfnResource,
    CustomResource,
    IAspect,
    Reference,
    Stack,
    Stage,
    Tokenization,
)
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect.final_templates._templates import Deviation, check_templates, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from constructs import Construct, IConstruct

    from cdk_client_connect.final_templates._templates import Templates

# Before the Aspects of anybody else, which could take the handler away.
_FIRST = 0


def check_attachment(attachment: CustomResource, wanted: Mapping[str, str]) -> None:
    """Have what an attachment asks for checked in the final template."""
    resource = attachment.node.default_child
    assert isinstance(resource, CfnResource)  # noqa: S101 - the CDK's CustomResource has one

    def check(templates: Templates) -> Iterator[Deviation]:
        properties = templates.properties(resource) or {}
        for name, ours in Stack.of(resource).resolve(dict(wanted)).items():
            if (found := normalized(properties.get(name))) == normalized(ours):
                continue
            yield Deviation(
                rule="changedEndpoint",
                resource=resource,
                location=f"Properties.{name}",
                found=f"the attachment has {name} {json.dumps(found)} in the template, but {json.dumps(ours)} was "
                "defined, so other policies or none would decide; an Aspect or an override did this",
                fix="set the arguments of the EndpointAttachment instead",
            )

    check_templates(attachment, check)


def check_endpoints(owner: str, handler: Construct, arn: str, function_name: str) -> None:
    """Have the endpoints that are given this ARN checked in the final template.

    Those that are given another ARN of the handler get a warning: by reference, or as text, such as that of a function
    imported by its name.
    """
    stage = Stage.of(handler)
    if stage is not None:
        check = _Endpoints(owner, arn, handler.node.path, function_name, stage)
        Aspects.of(stage).add(check, priority=_FIRST)
        check_templates(handler, check)


@jsii.implements(IAspect)
class _Endpoints:
    def __init__(self, owner: str, arn: str, handler: str, function_name: str, stage: Stage) -> None:
        self._owner = owner
        self._arn = arn
        self._handler = handler
        self._named = re.compile(rf":function:{re.escape(function_name)}(?![\w-])")
        self._stage = stage.node.path
        self._found: list[ec2.CfnClientVpnEndpoint] = []
        self._bypassing: list[ec2.CfnClientVpnEndpoint] = []

    def visit(self, node: IConstruct) -> None:
        """Look for the endpoints once, when the whole stage is visited."""
        if node.node.path == self._stage:
            endpoints = [each for each in node.node.find_all() if isinstance(each, ec2.CfnClientVpnEndpoint)]
            self._found = [each for each in endpoints if arn_of(each) == self._arn]
            self._bypassing = [each for each in endpoints if self._bypasses(each, arn_of(each))]

    def _bypasses(self, endpoint: ec2.CfnClientVpnEndpoint, arn: object) -> bool:
        """Whether it is an ARN of a function, version or alias of the handler, but not the one for endpoints."""
        if not isinstance(arn, str) or arn == self._arn:
            return False
        text = json.dumps(Stack.of(endpoint).resolve(arn))
        if self._named.search(text) and text != json.dumps(self._arn_in(endpoint)):
            return True
        targets = [
            each.target for each in Tokenization.reverse_string(arn).tokens if isinstance(each, Reference)
        ]
        return any(each.node.path.startswith(f"{self._handler}/") for each in targets)

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
        for endpoint in self._bypassing:
            yield Deviation(
                rule="changedEndpoint",
                resource=endpoint,
                location="Properties.ClientConnectOptions",
                found=f"the endpoint is given another ARN of {self._owner} than its function_arn, so provisioned "
                "environments, gradual deployments and alarms may not be about what it invokes, and an endpoint in "
                "another stack may keep the ARN of a function that was renamed",
                fix="give the endpoint client_connect_options or function_arn of the handler",
                is_error=False,
            )


def arn_of(endpoint: ec2.CfnClientVpnEndpoint) -> object:
    """Return the ARN of a function that an endpoint is given, usually a token; ``None`` when it is given none."""
    # The token itself: resolved, ARNs of two stacks may look the same, and each use makes a stack wait for ours.
    options: Any = endpoint.client_connect_options
    if isinstance(options, dict):
        return options.get("lambdaFunctionArn")
    return getattr(options, "lambda_function_arn", None)
