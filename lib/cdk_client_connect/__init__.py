"""A client connect handler for AWS Client VPN, as an AWS CDK construct."""

from cdk_client_connect.client_connect_handler import ClientConnectHandler
from cdk_client_connect.connection_registry import ConnectionRegistry
from cdk_client_connect.device_inventory import DeviceInventory
from cdk_client_connect.errors import (
    InvalidArgument,
    InvalidCode,
    InvalidConcurrency,
    InvalidFunctionName,
    InvalidHandler,
    InvalidMessage,
    InvalidRuntime,
    InvalidTimeout,
    InvalidTimeZone,
)
from cdk_client_connect.function_reference import FunctionReference
from cdk_client_connect.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.service_linked_role import ServiceLinkedRole
from client_connect_tools import (
    BundleError,
    ClientConnectError,
    ExtraFacts,
    Hours,
    InvalidExtraFacts,
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidRules,
    Maintenance,
    MinimumVersion,
    Policies,
    PolicyTestsFailed,
    Rules,
)

__all__ = [
    "BundleError",
    "ClientConnectError",
    "ClientConnectHandler",
    "ConnectionRegistry",
    "DeviceInventory",
    "ExtraFacts",
    "FunctionReference",
    "Hours",
    "InvalidArgument",
    "InvalidCode",
    "InvalidConcurrency",
    "InvalidExtraFacts",
    "InvalidFunctionName",
    "InvalidHandler",
    "InvalidMessage",
    "InvalidPolicies",
    "InvalidPolicyTests",
    "InvalidRules",
    "InvalidRuntime",
    "InvalidTimeZone",
    "InvalidTimeout",
    "Maintenance",
    "MinimumVersion",
    "Policies",
    "PolicyTestsFailed",
    "ProvisionedConcurrency",
    "Rules",
    "ServiceLinkedRole",
]
