"""A handler that another app deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk.interfaces import ResourceEnvironment

from cdk_client_connect.final_templates._endpoints import check_endpoints
from cdk_client_connect.handler._environment_variables import variables_of
from cdk_client_connect.handler._function_arn import read_arn, warn_of_qualifier
from cdk_client_connect.handler._handler_base import HandlerBase
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.shared._environment_check import arn_of_other_app
from cdk_client_connect.shared._unknown_values import is_unknown

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from cdk_client_connect.handler._options import Options
    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
    from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
    from client_connect_tools import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The known settings of an imported handler.

    Attributes:
        options: The arguments that it was deployed with.
        policies: What decides; ``None`` if that is not known.
        provisioned_concurrency: The environments kept initialized; ``None`` if that is not known.
        timeout: How long an invocation may take; ``None`` if that is not known.
        encryption_key: The key of what is defined with it.
        vpc: The VPC that it runs in.
        vpc_subnets: The subnets in it.
        security_groups: The security groups in it.
    """

    options: Options
    policies: Policies | None = None
    provisioned_concurrency: ProvisionedConcurrency | None = None
    timeout: Duration | None = None
    encryption_key: kms.IKey | None = None
    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: list[ec2.ISecurityGroup] | None = None


@jsii.implements(ec2.IClientVpnConnectionHandler)
class ImportedHandler(HandlerBase):
    """A handler by its ARN, with what else is known of it.

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        function_arn: What endpoints are given.
        known: What else is known.

    Raises:
        ClientConnectError: When the ARN is wrong.
    """

    def __init__(self, scope: Construct, id: str, function_arn: str, known: Known) -> None:
        arn = read_arn(scope, function_arn)
        super().__init__(scope, id)
        self.known = known
        self._arn = arn
        self._function_name, self._qualifier = arn.name, arn.qualifier
        self._function_arn = arn_of_other_app(self, function_arn)
        self._given_arn = function_arn
        check_endpoints(f"imported handler {self.node.path}", self, self._function_arn, self._function_name)
        concurrency = known.provisioned_concurrency
        warn_of_qualifier(self, arn, is_provisioned=None if concurrency is None else concurrency.minimum > 0)
        if known.options.connection_registry is not None:
            known.options.connection_registry.keep_connections_of(self)

    def is_same_as(self, other: ImportedHandler) -> bool | None:
        """Whether another import is of the same function and alias; ``None`` if only the deployment knows."""
        if self._given_arn == other._given_arn:
            return True
        return None if is_unknown(self._given_arn) or is_unknown(other._given_arn) else False

    @property
    def key(self) -> str:
        """The same text for each import of the same function, as far as it is known."""
        return self.node.path if is_unknown(self._given_arn) else self._given_arn

    @property
    def env(self) -> ResourceEnvironment:
        """Where the function is."""
        return ResourceEnvironment(account=self._arn.account, region=self._arn.region)

    @property
    def function_reference(self) -> FunctionReference:
        """Which ARN endpoints are given."""
        return FunctionReference.UNQUALIFIED if self._qualifier is None else FunctionReference.ALIAS

    @property
    def log_group(self) -> logs.ILogGroup | None:
        """Where the decision records go, if that is known."""
        return self.known.options.log_group

    @property
    def encryption_key(self) -> kms.IKey | None:
        """The key of what is defined with it."""
        return self.known.encryption_key

    @property
    def support_log_retention(self) -> logs.RetentionDays | None:
        """Nothing: what is defined here has the default, or its own settings."""
        return None

    @property
    def timeout(self) -> Duration | None:
        """How long an invocation may take, if that is known."""
        return self.known.timeout

    @property
    def shadow_mode(self) -> bool:
        """Whether it decides and records, but always allows."""
        return self.known.options.shadow_mode

    @property
    def policies(self) -> Policies | None:
        """The policies, if they are known."""
        return self.known.policies

    @property
    def provisioned_concurrency(self) -> ProvisionedConcurrency | None:
        """The environments kept initialized, if that is known."""
        return self.known.provisioned_concurrency

    @property
    def device_inventory(self) -> IDeviceInventory | None:
        """The device inventory that it looks up, if any is known."""
        return self.known.options.device_inventory

    @property
    def connection_registry(self) -> IConnectionRegistry | None:
        """The registry where it records connections, if any is known."""
        return self.known.options.connection_registry

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that its function has."""
        return variables_of(self.known.options)

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal other than Client VPN to invoke what endpoints invoke."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["lambda:InvokeFunction"], resource_arns=[self.function_arn]
        )


def handler_key(handler: IClientConnectHandler) -> str:
    """Return the same text for each construct that stands for the same handler, as far as that is known."""
    return handler.key if isinstance(handler, ImportedHandler) else handler.node.path
