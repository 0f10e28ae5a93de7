"""A handler's arguments, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_client_connect.handler._prebuilt_code import prebuilt_module
from client_connect.settings import EXTRA_FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs

    from cdk_client_connect.handler._answered_endpoints import Endpoints
    from cdk_client_connect.handler.function_reference import FunctionReference
    from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
    from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
    from client_connect_tools import ExtraFacts, Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The arguments of ``ClientConnectHandler`` that have to be checked; what each is stands there."""

    function_name: str | None
    policies: Policies | None
    code: lambda_.Code | None
    provisioned_concurrency: ProvisionedConcurrency
    function_reference: FunctionReference
    service_linked_role: ServiceLinkedRole
    snap_start: bool
    timeout: Duration
    memory_size: int
    architecture: lambda_.Architecture
    runtime: lambda_.Runtime
    reserved_concurrent_executions: int | None
    previous_versions: int
    log_group: logs.ILogGroup | None
    shadow_mode: bool
    default_message: str
    time_zone: str
    names_time_zone: bool
    device_inventory: IDeviceInventory | None
    connection_registry: IConnectionRegistry | None
    shared_certificates: bool
    endpoints: Endpoints | None
    extra_facts: ExtraFacts | None
    environment: Mapping[str, str]
    policy_tests: bool

    @property
    def extra_facts_module(self) -> str | None:
        """The name of the module of extra facts, wherever it is."""
        module = self.extra_facts.module if self.extra_facts else prebuilt_module(self.code)
        return module or self.environment.get(EXTRA_FACTS)

    @property
    def asks_others(self) -> bool:
        """Whether a decision may have to wait for a table or a module."""
        return bool(self.device_inventory or self.connection_registry or self.extra_facts_module)
