"""The construct that turns a handler on for an endpoint that is defined elsewhere."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, cast

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._endpoints import check_attachment
from cdk_client_connect.handler.i_client_connect_handler import WANTED, IClientConnectHandler
from cdk_client_connect.shared._arguments import flag, key_argument, require_all, typed
from cdk_client_connect.shared._environment_check import require_client_vpn, require_same_environment
from cdk_client_connect.shared._support_function import support_function
from cdk_client_connect.shared._unknown_values import is_unknown
from cdk_client_connect.shared._unscoped_permission import allow_everywhere
from cdk_client_connect.shared.function_settings import FunctionSettings, settings_argument

if TYPE_CHECKING:
    from aws_cdk import CfnElement
    from aws_cdk import aws_kms as kms

ATTACHMENT = "Custom::ClientConnectAttachment"
_ENDPOINT_ID = re.compile(r"cvpn-endpoint-[0-9a-f]+")

# The attachment's function marks the endpoint by tags whose keys begin so. A request that names no key at all,
# which would delete every tag, must not pass either.
# Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html
_ONLY_CLAIMS = {
    "ForAllValues:StringLike": {"aws:TagKeys": "cdk-client-connect:*"},
    "Null": {"aws:TagKeys": "false"},
}


class AttachmentRemoval(Enum):
    """How to leave the endpoint when its attachment is removed."""

    DETACH = "detach"
    """The handler is turned off, so the endpoint admits every client that authenticated."""

    LEAVE = "leave"
    """The handler stays on. It must stay deployed too: without it, every connection would be denied."""


_REMOVAL_POLICIES = {
    AttachmentRemoval.DETACH: RemovalPolicy.DESTROY,
    AttachmentRemoval.LEAVE: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
}


class EndpointAttachment(Construct):
    """Turns a handler on for an endpoint that this app does not define.

    A small function asks EC2 to. It changes the endpoint's client connect handler and one tag that records who wants
    the handler, and nothing else. It moves to the handler's new ARN when that changes, and fails the deployment where
    there is no such endpoint in this account and Region or it has another handler. When the attachment is removed, it
    turns off only what it turned on and no other attachment wants. AWS may take up to 4 hours to apply a change of an
    endpoint. See docs/endpoint-attachment.md.

    Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        handler: The handler; in the endpoint's account and Region.
        endpoint_id: The endpoint, such as ``cvpn-endpoint-0123456789abcdef0``. With another one later, the
            handler moves there; not so with a token, whose old value the function is no longer permitted to
            modify: then remove the attachment first.
        replace: Whether a handler that the endpoint has already is replaced. Removing the attachment does
            not bring it back. Default: ``False``, which fails the deployment instead.
        on_removal: How to leave the endpoint when the attachment is removed, or is moved to another
            endpoint. Default: ``DETACH``. The roll-back of a failed creation always detaches.
        encryption_key: The key of its function's log group. Default: the handler's.
        function_settings: A VPC, a dead-letter queue and reserved concurrency of its function. Default: none.

    Raises:
        InvalidArgument: When an argument is of a wrong type, ``endpoint_id`` is not an endpoint's id, or the
            handler is in another account or Region than the attachment.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: IClientConnectHandler,
        endpoint_id: str,
        replace: bool = False,
        on_removal: AttachmentRemoval = AttachmentRemoval.DETACH,
        encryption_key: kms.IKey | None = None,
        function_settings: FunctionSettings | None = None,
    ) -> None:
        require_all(
            typed("handler", handler, IClientConnectHandler, WANTED),
            typed("endpoint_id", endpoint_id, str, 'a text, such as "cvpn-endpoint-0123456789abcdef0"'),
            flag("replace", replace),
            typed("on_removal", on_removal, AttachmentRemoval, "AttachmentRemoval.DETACH or .LEAVE"),
            key_argument(encryption_key),
            settings_argument(function_settings),
        )
        _require_endpoint_id(endpoint_id)
        require_client_vpn(scope)
        require_same_environment(
            scope,
            [handler],
            because="Client VPN invokes only functions of the endpoint's own account and Region",
        )

        super().__init__(scope, id)
        # Another endpoint has its own resources, so the old ones may still detach the old endpoint.
        resources = Construct(self, _resources_id(endpoint_id))
        properties = {
            "EndpointId": endpoint_id,
            "HandlerArn": handler.function_arn,
            "Replace": "true" if replace else "false",
        }
        function = _attaching_function(
            resources,
            handler,
            endpoint_id,
            replace=replace,
            encryption_key=encryption_key or handler.encryption_key,
            settings=function_settings,
        )
        resource = CustomResource(
            resources,
            "Resource",
            resource_type=ATTACHMENT,
            service_token=function.function_arn,
            service_timeout=Duration.minutes(10),  # of waiting for an answer; without it, an hour
            properties=properties,
            removal_policy=_REMOVAL_POLICIES[on_removal],
        )
        # A name and no reference, because the resource waits for the function.
        logical_id = Stack.of(self).get_logical_id(cast("CfnElement", resource.node.default_child))
        function.add_environment("CLIENT_CONNECT_LOGICAL_IDS", logical_id)
        check_attachment(resource, properties)
        self._handler = handler
        self._endpoint_id = endpoint_id

    @property
    def handler(self) -> IClientConnectHandler:
        """The handler."""
        return self._handler

    @property
    def endpoint_id(self) -> str:
        """The endpoint's id."""
        return self._endpoint_id


def _attaching_function(
    scope: Construct,
    handler: IClientConnectHandler,
    endpoint_id: str,
    *,
    replace: bool,
    encryption_key: kms.IKey | None,
    settings: FunctionSettings | None,
) -> lambda_.Function:
    """Define the function, which may turn this handler on for this endpoint, whoever invokes it."""
    function = support_function(
        scope,
        package="client_connect_attachment",
        handler="attachment.handler",
        description="Turns the client connect handler of a Client VPN endpoint on and off",
        timeout=Duration.minutes(2),
        environment={
            "CLIENT_CONNECT_ENDPOINT_IDS": endpoint_id,
            "CLIENT_CONNECT_HANDLER_ARNS": handler.function_arn,
            "CLIENT_CONNECT_REPLACE": "true" if replace else "false",
        },
        encryption_key=encryption_key,
        settings=settings,
        log_retention=handler.support_log_retention,
    )
    arn = Stack.of(scope).format_arn(service="ec2", resource="client-vpn-endpoint", resource_name=endpoint_id)
    for statement in (
        iam.PolicyStatement(actions=["ec2:ModifyClientVpnEndpoint"], resources=[arn]),
        # By its ARN, the stack of the attachment and no other.
        iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Stack.of(scope).stack_id]),
        iam.PolicyStatement(
            actions=["ec2:CreateTags", "ec2:DeleteTags"], resources=[arn], conditions=_ONLY_CLAIMS
        ),
    ):
        # In the role's own policy, which the function waits for, whatever the feature flags.
        function.grant_principal.add_to_principal_policy(statement)
    allow_everywhere(function, "ec2:DescribeClientVpnEndpoints")
    return function


def _resources_id(endpoint_id: str) -> str:
    return "Endpoint" if is_unknown(endpoint_id) else endpoint_id.removeprefix("cvpn-endpoint-")


def _require_endpoint_id(endpoint_id: str) -> None:
    if not is_unknown(endpoint_id) and not _ENDPOINT_ID.fullmatch(endpoint_id):
        raise InvalidArgument(
            f'endpoint_id "{endpoint_id}" must be "cvpn-endpoint-" and hexadecimal digits, as the console and '
            "describe-client-vpn-endpoints show it"
        )
