"""The role that Client VPN uses to invoke the handler."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources as cr
from constructs import Construct, IDependable

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._sdk_call import sdk_call

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs

_SERVICE = "clientvpn-connections.amazonaws.com"
_ROLE_NAME = "AWSServiceRoleForClientVPNConnections"
_ID = "ClientVpnConnectionsRole"


class ServiceLinkedRole(Enum):
    """How the account gets the role ``AWSServiceRoleForClientVPNConnections``.

    Client VPN invokes the handler by it. AWS creates it with the account's first endpoint, but does not say
    whether it does so for an endpoint without a handler.

    Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/using-service-linked-roles.html
    """

    ENSURE = "ensure"
    """Create it if it is missing; never delete it. One small function in each stack does this."""

    CLOUDFORMATION = "cloudformation"
    """Create it as a retained ``AWS::IAM::ServiceLinkedRole``. Fails in an account that has it already."""

    EXISTING = "existing"
    """Rely on its being there."""


def provide(
    choice: ServiceLinkedRole,
    stack: Stack,
    encryption_key: kms.IKey | None = None,
    log_retention: logs.RetentionDays | None = None,
) -> IDependable | None:
    """Define what the choice needs, once per stack; return what users of the function must wait for.

    Raises:
        InvalidArgument: When the stack has what another choice needs.
    """
    constructs: dict[ServiceLinkedRole, type[Construct]] = {
        ServiceLinkedRole.ENSURE: _EnsuredRole,
        ServiceLinkedRole.CLOUDFORMATION: _OwnedRole,
    }
    if choice not in constructs:
        return None
    existing = stack.node.try_find_child(_ID)
    if existing is not None and not isinstance(existing, constructs[choice]):
        raise InvalidArgument(
            f"service_linked_role is {choice}, but another handler of stack {stack.node.path} has chosen "
            "otherwise, and there is one such role in an account; choose the same"
        )
    if existing is not None:
        return existing
    return (
        _EnsuredRole(stack, _ID, encryption_key, log_retention)
        if choice is ServiceLinkedRole.ENSURE
        else _OwnedRole(stack, _ID)
    )


class _OwnedRole(Construct):
    """The role as a resource of the stack, kept when the stack is removed: other endpoints may use it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        role = iam.CfnServiceLinkedRole(self, "Resource", aws_service_name=_SERVICE)
        # Left behind by a deployment that failed, it would make the next one fail.
        role.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


class _EnsuredRole(Construct):
    """Creates the role if it is missing, by a custom resource that accepts that it exists."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        encryption_key: kms.IKey | None,
        log_retention: logs.RetentionDays | None,
    ) -> None:
        super().__init__(scope, id)
        sdk_call(
            self,
            "Create",
            on_create=cr.AwsSdkCall(
                service="IAM",
                action="createServiceLinkedRole",
                parameters={"AWSServiceName": _SERVICE},
                physical_resource_id=cr.PhysicalResourceId.of(_ROLE_NAME),
                # IAM answers InvalidInput when the role exists; EntityAlreadyExists would mean the same.
                ignore_error_codes_matching="InvalidInput|EntityAlreadyExists",
            ),
            permission=_permission(Stack.of(self)),
            encryption_key=encryption_key,
            log_retention=log_retention,
        )


def _permission(stack: Stack) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["iam:CreateServiceLinkedRole"],
        resources=[
            stack.format_arn(
                service="iam",
                region="",
                resource="role",
                resource_name=f"aws-service-role/{_SERVICE}/{_ROLE_NAME}",
            )
        ],
        conditions={"StringEquals": {"iam:AWSServiceName": _SERVICE}},
    )
