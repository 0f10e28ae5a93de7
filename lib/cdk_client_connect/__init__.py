"""A client connect handler for AWS Client VPN, as an AWS CDK construct."""

from cdk_client_connect.deployment.gradual_deployment import GradualDeployment
from cdk_client_connect.deployment.traffic_shifting import TrafficShifting
from cdk_client_connect.devices.device_source import DeviceSource
from cdk_client_connect.devices.device_sync import DeviceSync
from cdk_client_connect.devices.sources import CrowdStrike, Fleet, Intune, Iru, JamfPro, JsonSource, JumpCloud
from cdk_client_connect.endpoint.endpoint_attachment import AttachmentRemoval, EndpointAttachment
from cdk_client_connect.endpoint.endpoint_authorization_policy import EndpointAuthorizationPolicy
from cdk_client_connect.endpoint.trust_provider import TrustProvider
from cdk_client_connect.errors import (
    InvalidArgument,
    InvalidAuthorizationPolicy,
    InvalidCode,
    InvalidConcurrency,
    InvalidConstructArgument,
    InvalidFunctionName,
    InvalidMessage,
    InvalidRuntime,
    InvalidTimeout,
    InvalidTimeZone,
    InvalidTrustProvider,
)
from cdk_client_connect.handler.client_connect_handler import ClientConnectHandler
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole
from cdk_client_connect.monitoring.connection_monitoring import ConnectionMonitoring
from cdk_client_connect.monitoring.monitoring_alarms import AlarmSettings, MonitoringAlarms
from cdk_client_connect.monitoring.notifications import Notifications
from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer
from cdk_client_connect.shared.function_settings import FunctionSettings
from cdk_client_connect.shared.metric_keywords import MetricKeywords
from cdk_client_connect.tables.connection_registry import ConnectionRegistry
from cdk_client_connect.tables.device_inventory import DeviceInventory
from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect_tools import (
    BundleError,
    ClientConnectError,
    ExtraFacts,
    Hours,
    InvalidExtraFacts,
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidRules,
    MinimumVersion,
    Period,
    Policies,
    PolicyTestsFailed,
    Rules,
    Scope,
    periods_from_csv,
)

__all__ = [
    "AlarmSettings",
    "AttachmentRemoval",
    "BundleError",
    "ClientConnectError",
    "ClientConnectHandler",
    "ConnectionMonitoring",
    "ConnectionReauthorizer",
    "ConnectionRegistry",
    "CrowdStrike",
    "DeviceInventory",
    "DeviceSource",
    "DeviceSync",
    "EndpointAttachment",
    "EndpointAuthorizationPolicy",
    "ExtraFacts",
    "Fleet",
    "FunctionReference",
    "FunctionSettings",
    "GradualDeployment",
    "Hours",
    "IClientConnectHandler",
    "IConnectionRegistry",
    "IDeviceInventory",
    "Intune",
    "InvalidArgument",
    "InvalidAuthorizationPolicy",
    "InvalidCode",
    "InvalidConcurrency",
    "InvalidConstructArgument",
    "InvalidExtraFacts",
    "InvalidFunctionName",
    "InvalidMessage",
    "InvalidPolicies",
    "InvalidPolicyTests",
    "InvalidRules",
    "InvalidRuntime",
    "InvalidTimeZone",
    "InvalidTimeout",
    "InvalidTrustProvider",
    "Iru",
    "JamfPro",
    "JsonSource",
    "JumpCloud",
    "MetricKeywords",
    "MinimumVersion",
    "MonitoringAlarms",
    "Notifications",
    "Period",
    "Policies",
    "PolicyTestsFailed",
    "ProvisionedConcurrency",
    "Rules",
    "Scope",
    "ServiceLinkedRole",
    "TrafficShifting",
    "TrustProvider",
    "UnknownConnections",
    "periods_from_csv",
]
