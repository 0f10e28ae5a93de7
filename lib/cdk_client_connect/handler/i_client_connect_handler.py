"""A handler as other constructs see it, whether it is defined here or imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from typing import Unpack

    from aws_cdk import Duration
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from constructs import IConstruct, IMixin, Node

    from cdk_client_connect.handler.function_reference import FunctionReference
    from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
    from cdk_client_connect.shared.metric_keywords import MetricKeywords
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
    from client_connect_tools import Policies


@runtime_checkable
class IClientConnectHandler(Protocol):
    """A client connect handler: a ``ClientConnectHandler``, or one that another app deployed.

    Of an imported handler only what was given is known; what is not known is ``None``.
    """

    @property
    def node(self) -> Node:
        """The construct's node."""
        ...

    def with_(self, *mixins: IMixin) -> IConstruct:
        """Apply mixins, as to every construct."""
        ...

    @property
    def function_name(self) -> str:
        """The function's name; a token if the ARN of an imported handler is one."""
        ...

    @property
    def function_arn(self) -> str:
        """The ARN to give an endpoint."""
        ...

    @property
    def function_reference(self) -> FunctionReference:
        """Which ARN endpoints are given."""
        ...

    @property
    def client_connect_options(self) -> ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty:
        """The value for an ``ec2.CfnClientVpnEndpoint``'s ``client_connect_options``."""
        ...

    @property
    def log_group(self) -> logs.ILogGroup | None:
        """Where the decision records go."""
        ...

    @property
    def encryption_key(self) -> kms.IKey | None:
        """The key of what is defined with it, unless it is AWS's own."""
        ...

    @property
    def support_log_retention(self) -> logs.RetentionDays | None:
        """How long the logs of small functions are kept, which do not record decisions."""
        ...

    @property
    def timeout(self) -> Duration | None:
        """How long an invocation may take."""
        ...

    @property
    def shadow_mode(self) -> bool:
        """Whether it decides and records, but always allows."""
        ...

    @property
    def policies(self) -> Policies | None:
        """The policies."""
        ...

    @property
    def provisioned_concurrency(self) -> ProvisionedConcurrency | None:
        """The environments kept initialized."""
        ...

    @property
    def device_inventory(self) -> IDeviceInventory | None:
        """The device inventory that it looks up, if any."""
        ...

    @property
    def connection_registry(self) -> IConnectionRegistry | None:
        """The registry where it records connections, if any."""
        ...

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal other than Client VPN to invoke what endpoints invoke."""
        ...

    def metric(self, metric_name: str, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return one of Lambda's own metrics of what endpoints invoke, such as ``Duration``."""
        ...


WANTED = (
    "a ClientConnectHandler, or one that another app deployed, imported by "
    "ClientConnectHandler.from_function_arn(...) or .from_attributes(...)"
)
