"""The construct that defines a client connect handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._alias import check_alias
from cdk_client_connect.final_templates._endpoints import check_endpoints
from cdk_client_connect.final_templates._function import check_function
from cdk_client_connect.final_templates._log_group import check_log_group
from cdk_client_connect.final_templates._role import check_role
from cdk_client_connect.handler import _answered_endpoints
from cdk_client_connect.handler import _checks as _arguments
from cdk_client_connect.handler._environment_variables import require_environment, require_size
from cdk_client_connect.handler._function_code import (
    built_by_other_version,
    bundled_code,
    prebuilt_module,
    prebuilt_policies,
    require_platform,
    require_prebuilt_alone,
    require_prebuilt_for,
)
from cdk_client_connect.handler._function_name import (
    generated_function_name,
    keep_name,
    require_function_name,
    require_unique_name,
)
from cdk_client_connect.handler._mutual_authentication import (
    warn_without_certificates,
    warn_without_mutual_authentication,
)
from cdk_client_connect.handler._policy_metadata import show_policies
from cdk_client_connect.handler._reauthorization import warn_without_reauthorizer
from cdk_client_connect.handler._user_authentication import (
    names_devices,
    names_users,
    warn_without_user_authentication,
)
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole, provide
from cdk_client_connect.shared._environment_check import (
    checked_arn,
    require_client_vpn,
    require_same_environment,
)
from cdk_client_connect.shared._function_role import function_role
from cdk_client_connect.shared._log_group import kept_log_group
from cdk_client_connect.shared._staged_code import require_staged
from client_connect import settings
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, may_read
from client_connect.record import METRIC_NAMESPACE
from client_connect_tools import Policies, Rules, lint, require_passing, require_sound
from client_connect_tools.bundling.bundle import library_version
from client_connect_tools.bundling.extra_facts import require_declared
from client_connect_tools.checking.custom_schema import check_custom_schema, declared_types
from client_connect_tools.checking.lints import attributes_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sqs as sqs
    from constructs import IConstruct

    from cdk_client_connect.shared.function_settings import FunctionSettings
    from cdk_client_connect.tables.connection_registry import ConnectionRegistry
    from cdk_client_connect.tables.device_inventory import DeviceInventory
    from client_connect_tools import ExtraFacts

ALIAS_NAME = "live"
_UNUSED_CONCURRENCY = "cdk-client-connect:provisionedConcurrencyHasNoEffect"


@jsii.implements(ec2.IClientVpnConnectionHandler)
class ClientConnectHandler(Construct):
    """The Lambda function that Client VPN asks whether a connection may be established.

    Defines the function, its version and alias ``live``, its role, its log group and the service-linked
    role by which Client VPN invokes it. Give it to an ``ec2.ClientVpnEndpoint`` as
    ``client_connection_handler``, or its ``client_connect_options`` to an ``ec2.CfnClientVpnEndpoint``, in
    the same account and Region; it may serve many endpoints.

    Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        function_name: Begins with ``AWSClientVPN-``; at most 64 letters, digits, ``-`` and ``_``; no other
            handler's in the same account and Region. With an explicit name, a change of the construct's id or path
            fails to deploy: docs/deployments.md. Default: that prefix and the construct's path.
        policies: What decides. Checked here, and bundled with the function; what is only doubtful in them is
            a warning, which can be acknowledged by ``cdk-client-connect:`` and the name of the lint. Their
            ``digests()`` are metadata of the alias, so that ``cdk diff`` shows which of them change.
            Default: ``Policies.from_rules(Rules())``, which permits every client that authenticated.
        code: Prebuilt code with its policies in it, as ``client-connect bundle`` makes it, for machines
            without a package index; not together with ``policies``, and built for the function's runtime
            and architecture. The policies in a folder or ZIP file are checked, and code that another version of this
            library built draws a warning. Default: built here.
        provisioned_concurrency: The environments kept initialized. Default: ``.fixed(2)``.
        function_reference: Which ARN endpoints are given. Default: the alias's, the only one through which
            provisioned concurrency has an effect.
        service_linked_role: How ``AWSServiceRoleForClientVPNConnections`` comes to be. Default: ``ENSURE``.
        timeout: Whole seconds, from 1 to 30, the time that Client VPN waits; from 5 with an inventory, a
            registry or extra facts. Default: 10 seconds.
        memory_size: In MiB, from 128 to 10,240. Default: 512.
        architecture: Default: ``ARM_64``.
        runtime: Python 3.11 or later. Default: ``PYTHON_3_14``.
        reserved_concurrent_executions: As in ``lambda_.Function``; at least the provisioned environments, and more
            than these with the unqualified ARN. Default: none reserved.
        log_group: Where the decision records go, in the same account and Region. Default: a new one, kept for
            two years and retained when the stack is removed.
        encryption_key: The key of everything that is defined here: the function's environment variables, the log
            groups, and unless they are given another one, the functions and log groups of its re-authorizer,
            monitoring and attachments. CloudWatch Logs is allowed to use it. Tables and topics have keys of their
            own. Default: AWS's own.
        dead_letter_queue: As in ``lambda_.Function``, for packs of rules that ask for one. Client VPN waits for each
            answer, so the handler itself never sends anything there. Default: none.
        vpc: The VPC to run in. Default: none, for nothing in a VPC is needed.
        vpc_subnets: The subnets in ``vpc``. Default: the CDK's.
        security_groups: The security groups in ``vpc``. Default: a new one.
        tracing: X-Ray tracing. Default: disabled.
        shadow_mode: Decide and record, but always allow, also after an error. Default: ``False``.
        default_message: What a denied client is shown when no policy has a message for it; 1 to 255
            characters. It may have placeholders, such as ``{connection-id}``. Default: that the rules
            do not permit it, and to ask the administrator.
        time_zone: The IANA name of the zone in which policies see the clock. Default: ``UTC``.
        device_inventory: What is known of devices, and the waivers. Looked up before each decision, with one
            read; while it cannot be read, policies see ``context.inventory == "unavailable"``. In the same
            account and Region. Default: none.
        connection_registry: Where allowed connections are recorded, with one write that never changes the
            answer. In the same account and Region, and not another handler's. Default: none.
        shared_certificates: Whether several devices use the same client certificate, so that its common name
            does not identify a device. Otherwise a user's older connection with the same common name never
            counts for a limit of connections: the new one replaces it. Default: ``False``.
        endpoints: The ids of the endpoints that the handler answers; connections to others are denied, with an
            error in the record. For an endpoint that is defined with this handler, deploy it first and give its
            id as a string: a reference would make each wait for the other. Default: ``None``, all endpoints.
        extra_facts: A module of the team's own that tells policies more: ``context.custom``, of the type that
            ``custom.cedarschema`` beside the policies declares. Not together with ``code``, which has its module
            in it; while it fails, policies see ``context.customFacts == "unavailable"``. Default: none.
        environment: Environment variables for the module of extra facts, such as the address of a service, of this
            function and of a re-authorizer's; values may be tokens, but when only what one stands for changes, the
            alias keeps the old value: docs/deployments.md. With prebuilt ``code`` that is no local folder,
            ``CLIENT_CONNECT_EXTRA_FACTS`` names its module; other names that begin with ``CLIENT_CONNECT_``, and
            those that Lambda reserves, are refused. With the handler's own at most 4 KB. Default: none.
        policy_tests: Whether the tests beside the policies (``*.tests.toml``) run here, so that nothing is
            synthesized when one fails. ``time_zone`` is the zone of those that name none. Default: ``True``.

    Raises:
        ClientConnectError: When an argument is wrong: ``InvalidArgument``, ``InvalidFunctionName``,
            ``InvalidPolicies``, ``InvalidPolicyTests``, ``PolicyTestsFailed``, ``InvalidTimeout``,
            ``InvalidConcurrency``, ``InvalidRuntime``, ``InvalidMessage``, ``InvalidTimeZone``,
            ``InvalidCode``, ``InvalidExtraFacts``; ``BundleError`` when the code cannot be built.
    """

    def __init__(  # noqa: PLR0913, PLR0915 - one keyword per option, as everywhere in the CDK
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name
        *,
        function_name: str | None = None,
        policies: Policies | None = None,
        code: lambda_.Code | None = None,
        provisioned_concurrency: ProvisionedConcurrency | None = None,
        function_reference: FunctionReference = FunctionReference.ALIAS,
        service_linked_role: ServiceLinkedRole = ServiceLinkedRole.ENSURE,
        timeout: Duration | None = None,
        memory_size: int = 512,
        architecture: lambda_.Architecture | None = None,
        runtime: lambda_.Runtime | None = None,
        reserved_concurrent_executions: int | None = None,
        log_group: logs.ILogGroup | None = None,
        encryption_key: kms.IKey | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        tracing: lambda_.Tracing = lambda_.Tracing.DISABLED,
        shadow_mode: bool = False,
        default_message: str = settings.DEFAULT_DENIAL,
        time_zone: str = "UTC",
        device_inventory: DeviceInventory | None = None,
        connection_registry: ConnectionRegistry | None = None,
        shared_certificates: bool = False,
        endpoints: Sequence[str] | None = None,
        extra_facts: ExtraFacts | None = None,
        environment: Mapping[str, str] | None = None,
        policy_tests: bool = True,
    ) -> None:
        _arguments.require_types(locals())
        timeout = timeout or Duration.seconds(10)
        concurrency = provisioned_concurrency or ProvisionedConcurrency.fixed(2)
        architecture = architecture or lambda_.Architecture.ARM_64
        runtime = runtime or lambda_.Runtime.PYTHON_3_14
        if function_name is not None:
            require_function_name(function_name)
            require_unique_name(scope, function_name)
        require_client_vpn(scope)
        require_prebuilt_alone(code, policies, extra_facts)
        environment = {} if environment is None else dict(environment)
        require_environment(environment, code)
        module = extra_facts.module if extra_facts else prebuilt_module(code)
        module = module or environment.get(settings.EXTRA_FACTS)
        asks_others = bool(device_inventory or connection_registry or module)
        _arguments.require_timeout(timeout, asks_others=asks_others)
        _arguments.require_concurrency(concurrency, reserved_concurrent_executions, function_reference)
        _arguments.require_message(default_message, _custom_types(policies, code))
        _arguments.require_time_zone(time_zone)
        _arguments.require_memory(memory_size)
        _answered_endpoints.require_endpoints(endpoints)
        variables = {
            settings.SHADOW_MODE: "true" if shadow_mode else "false",
            settings.DEFAULT_MESSAGE: default_message,
            settings.TIME_ZONE: time_zone,
            **_sources(device_inventory, connection_registry, module),
            **_restrictions(endpoints, shared_certificates=shared_certificates),
            **environment,
        }
        require_size(variables)
        platform = require_platform(runtime, architecture)
        if code is not None:
            require_prebuilt_for(platform, code)
        _require_own_registry(connection_registry)
        require_same_environment(
            scope,
            _with_tables(device_inventory, connection_registry),
            because="the handler looks for its tables in its own account and Region; define them there",
        )
        if log_group is not None:
            require_same_environment(
                scope,
                [log_group],
                because="Lambda logs to its own account and Region; give a log group there",
            )
        policies_in_code = prebuilt_policies(code)
        policies = policies or policies_in_code or Policies.from_rules(Rules())
        require_sound(policies)
        require_declared(extra_facts, policies)
        if policy_tests:
            require_passing(policies, time_zone=time_zone)

        super().__init__(scope, id)
        self._device_inventory = device_inventory
        self._connection_registry = connection_registry
        self._endpoints = endpoints
        self._policies = policies if code is None else policies_in_code
        self._shadow_mode = shadow_mode
        self._provisioned_concurrency = concurrency
        self._function_reference = function_reference
        self._warn_of_other_version(code)
        is_built_here = code is None
        code = code or bundled_code(self, policies=policies, platform=platform, extra_facts=extra_facts)
        self._warn_of(policies, has_extra_facts=module is not None)
        self._function_name = function_name or generated_function_name(self)
        if function_name is not None:
            keep_name(self, function_name)
        self._log_group = log_group or kept_log_group(self, encryption_key)
        self._role = function_role(self, self._log_group, in_vpc=vpc is not None)
        self._code = code
        self._encryption_key = encryption_key
        self._environment = variables
        self._function = lambda_.Function(
            self,
            "Function",
            function_name=self._function_name,
            description="Decides whether a Client VPN connection may be established",
            code=code,
            handler="client_connect.handler.handler",
            runtime=runtime,
            architecture=architecture,
            memory_size=memory_size,
            timeout=timeout,
            role=self._role,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            environment=self._environment,
            environment_encryption=encryption_key,
            dead_letter_queue=dead_letter_queue,
            reserved_concurrent_executions=reserved_concurrent_executions,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            tracing=tracing,
        )
        require_staged(self._function, code, in_full=is_built_here)
        self._grant_tables()
        self._alias = _alias(self, self._function, concurrency)
        if endpoints is not None:
            _answered_endpoints.refuse_circles(self, self._alias, endpoints)
        if self._policies is not None:
            show_policies(self._alias, self._policies)
        self._target: lambda_.IFunction = self._alias
        target_name = f"{self._function_name}:{ALIAS_NAME}"
        if function_reference is FunctionReference.UNQUALIFIED:
            self._target, target_name = self._function, self._function_name
            self._warn_of_unused(concurrency)
        if (service_role := provide(service_linked_role, Stack.of(self), encryption_key)) is not None:
            self._target.node.add_dependency(service_role)
        self._function_arn = checked_arn(self, self._target, target_name)
        self._check_templates(variables)

    @property
    def function(self) -> lambda_.Function:
        """The function."""
        return self._function

    @property
    def alias(self) -> lambda_.Alias:
        """The alias ``live`` of its current version."""
        return self._alias

    @property
    def role(self) -> iam.Role:
        """The function's role.

        It may write to its log group, use the tables it is given, query connections if its policies count them, and
        nothing else.
        """
        return self._role

    @property
    def log_group(self) -> logs.ILogGroup:
        """Where the decision records go."""
        return self._log_group

    @property
    def encryption_key(self) -> kms.IKey | None:
        """The key of what is defined here, unless it is AWS's own."""
        return self._encryption_key

    @property
    def device_inventory(self) -> DeviceInventory | None:
        """The device inventory that it looks up, if any."""
        return self._device_inventory

    @property
    def connection_registry(self) -> ConnectionRegistry | None:
        """The registry in which it records connections, if any."""
        return self._connection_registry

    @property
    def function_name(self) -> str:
        """The function's name; never a token."""
        return self._function_name

    @property
    def function_arn(self) -> str:
        """The ARN to give an endpoint: the alias's or the unqualified one."""
        return self._function_arn

    @property
    def client_connect_options(self) -> ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty:
        """What an ``ec2.CfnClientVpnEndpoint`` takes as ``client_connect_options``."""
        return ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty(
            enabled=True, lambda_function_arn=self.function_arn
        )

    @property
    def policies(self) -> Policies | None:
        """What decides; ``None`` if they are in prebuilt ``code`` that is neither a folder nor a ZIP file here."""
        return self._policies

    @property
    def shadow_mode(self) -> bool:
        """Whether it decides and records, but always allows."""
        return self._shadow_mode

    @property
    def provisioned_concurrency(self) -> ProvisionedConcurrency:
        """The environments kept initialized."""
        return self._provisioned_concurrency

    @property
    def function_reference(self) -> FunctionReference:
        """Which ARN endpoints are given."""
        return self._function_reference

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody else than Client VPN to invoke what endpoints invoke."""
        return self._target.grant_invoke(grantee)

    def deciding_function(  # noqa: PLR0913 - one keyword per property
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name
        *,
        handler: str,
        description: str,
        role: iam.IRole,
        log_group: logs.ILogGroup,
        timeout: Duration,
        memory_size: int,
        environment: Mapping[str, str],
        max_event_age: Duration,
        encryption_key: kms.IKey | None,
        settings: FunctionSettings,
    ) -> lambda_.Function:
        """Define another function that decides as this one does: its code, with its policies, settings and variables.

        It is deployed after this one. It is granted nothing that this one asks, and is in the VPC of ``settings`` only.

        Args:
            scope: The construct to define it in, in this one's stack.
            id: Its id in ``scope``.
            handler: ``package.module.function`` within the code.
            description: What the function is for.
            role: Its role.
            log_group: Where it logs.
            timeout: How long one invocation may take.
            memory_size: In MiB.
            environment: Variables beside this function's.
            max_event_age: For how long an event that nobody waits for may wait. It is not tried again.
            encryption_key: The key of its variables.
            settings: What an organization asks of the function.
        """
        function = lambda_.Function(
            scope,
            id,
            description=description,
            code=self._code,
            handler=handler,
            runtime=self._function.runtime,
            architecture=self._function.architecture,
            memory_size=memory_size,
            timeout=timeout,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            environment={**self._environment, **environment},
            environment_encryption=encryption_key,
            **settings.arguments(),
            retry_attempts=0,
            max_event_age=max_event_age,
        )
        function.node.add_dependency(self._alias)
        check_function(
            f"re-authorizer {scope.node.path}", function, variables={**self._environment, **environment}
        )
        return function

    def metric(
        self,
        metric_name: str,
        *,
        statistic: str | None = None,
        period: Duration | None = None,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Return one of Lambda's own metrics of what endpoints invoke, such as ``Duration``.

        Args:
            metric_name: As in the namespace ``AWS/Lambda``.
            statistic: Default: the average.
            period: Default: 5 minutes.
            label: Default: the metric's name.
        """
        dimensions = {"FunctionName": self._function_name}
        if self._function_reference is FunctionReference.ALIAS:
            dimensions["Resource"] = f"{self._function_name}:{ALIAS_NAME}"
        # By name as text, not by reference: alarms of another stack must follow a renamed function.
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric_name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=period,
            label=label,
        ).attach_to(self._alias)

    def metric_allowed(
        self, *, statistic: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the number of connections that were allowed."""
        return self._decision_metric("Allowed", statistic or cloudwatch.Stats.SUM, period)

    def metric_denied(
        self, *, statistic: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the number of connections that the handler denied."""
        return self._decision_metric("Denied", statistic or cloudwatch.Stats.SUM, period)

    def metric_errors(
        self, *, statistic: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the number of connections that could not be decided; Lambda's own is ``metric("Errors")``."""
        return self._decision_metric("Errors", statistic or cloudwatch.Stats.SUM, period)

    def metric_shadow_denied(
        self, *, statistic: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the number of connections that were allowed only because of shadow mode."""
        return self._decision_metric("ShadowDenied", statistic or cloudwatch.Stats.SUM, period)

    def metric_decision_time(
        self, *, statistic: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the milliseconds per decision, by default the 99th percentile."""
        return self._decision_metric("DecisionTime", statistic or cloudwatch.Stats.percentile(99), period)

    def _decision_metric(self, name: str, statistic: str, period: Duration | None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=name,
            dimensions_map={"FunctionName": self._function_name},
            statistic=statistic,
            period=period,
        )

    def _warn_of_other_version(self, code: lambda_.Code | None) -> None:
        """Warn when another version of this library built the code."""
        if (version := built_by_other_version(code)) is not None:
            Annotations.of(self).add_warning_v2(
                "cdk-client-connect:otherVersion",
                f"code was built by {version} of cdk-client-connect, but this is {library_version()}: its handler may "
                "decide otherwise than the checks here; build it again with client-connect bundle",
            )

    def _warn_of(self, policies: Policies, *, has_extra_facts: bool) -> None:
        """Warn of what is doubtful in the policies, and of facts that they read but nothing provides."""
        warnings = Annotations.of(self)
        for finding in lint(policies):
            warnings.add_warning_v2(f"cdk-client-connect:{finding.rule}", str(finding))
        read = attributes_read(policies)
        on_devices = bool(read & {"device", "inventory", "ownerTags"})
        if on_devices and self._device_inventory is not None:
            warn_without_mutual_authentication(self)
        elif on_devices:
            warnings.add_warning_v2(
                "cdk-client-connect:noDeviceInventory",
                "policies read what a device inventory says, but the handler has none, so that context.inventory "
                'is always "disabled" and there is no context.device',
            )
        if names_devices(policies) and not (on_devices and self._device_inventory is not None):
            warn_without_certificates(self)
        if names_users(policies):
            warn_without_user_authentication(self)
        if ACTIVE_CONNECTIONS in read and self._connection_registry is not None:
            warn_without_reauthorizer(self, self._connection_registry)
        elif ACTIVE_CONNECTIONS in read:
            warnings.add_warning_v2(
                "cdk-client-connect:noConnectionRegistry",
                "policies read context.activeConnections, but the handler keeps no registry of connections, so "
                "that it is always absent",
            )
        if policies.left_out:
            warnings.add_info(policies.left_out_note())
        if not has_extra_facts and (policies.custom is not None or read & {"custom", "customFacts"}):
            warnings.add_warning_v2(
                "cdk-client-connect:noExtraFacts",
                "policies read, or custom.cedarschema declares, what a module of extra facts says, but the handler has "
                'none, so that context.customFacts is always "disabled" and there is no context.custom; give '
                'extra_facts=ExtraFacts.from_file("facts.py")',
            )

    def _check_templates(self, variables: Mapping[str, str]) -> None:
        """Have what is deployed compared with what is defined here."""
        owner = f"client connect handler {self.node.path}"
        concurrency = self._provisioned_concurrency
        others = self._function_reference is FunctionReference.UNQUALIFIED
        check_function(
            owner,
            self._function,
            variables=variables,
            least_reserved=max(1, concurrency.maximum + (1 if others else 0)),
        )
        check_alias(
            owner,
            self._alias,
            minimum=concurrency.minimum,
            maximum=concurrency.maximum,
            scales=concurrency.target_utilization is not None,
        )
        check_role(owner, self._role)
        check_log_group(owner, self._log_group)
        check_endpoints(owner, self, self._function_arn)

    def _grant_tables(self) -> None:
        if self._device_inventory is not None:
            self._device_inventory.grant_look_up(self._role)
        if self._connection_registry is not None:
            self._connection_registry.keep_connections_of(self)
            self._connection_registry.grant_record(self._role)
            if self._policies is None or may_read(attributes_read(self._policies), ACTIVE_CONNECTIONS):
                self._connection_registry.grant_count(self._role)
                _answered_endpoints.allow_queries(self._role, self._endpoints)

    def _warn_of_unused(self, concurrency: ProvisionedConcurrency) -> None:
        if concurrency.minimum:
            Annotations.of(self).add_warning_v2(
                _UNUSED_CONCURRENCY,
                "the endpoint is given the unqualified ARN, which invokes $LATEST, where Lambda never applies "
                "provisioned concurrency: it costs and has no effect. Use FunctionReference.ALIAS, or "
                "ProvisionedConcurrency.none()",
            )


def _custom_types(policies: Policies | None, code: lambda_.Code | None) -> Mapping[str, str] | None:
    """Return the types of the custom facts; ``None`` if only prebuilt code knows them."""
    if policies is None:
        return None if code else {}
    return None if check_custom_schema(policies) else declared_types(policies.custom)


def _require_own_registry(registry: ConnectionRegistry | None) -> None:
    if registry is not None and registry.handler is not None:
        raise InvalidArgument(
            f"registry {registry.node.path} has the connections of handler {registry.handler.node.path} already, and "
            "its re-authorizer would decide those of another handler by the wrong policies; give each handler a "
            "ConnectionRegistry of its own"
        )


def _with_tables(inventory: DeviceInventory | None, registry: ConnectionRegistry | None) -> list[IConstruct]:
    """Return what is asked, and the tables, which may be somebody else's."""
    found: list[IConstruct] = []
    if inventory is not None:
        found += [inventory, inventory.devices_table, inventory.waivers_table]
    if registry is not None:
        found.append(registry)
    return found


def _sources(
    inventory: DeviceInventory | None, registry: ConnectionRegistry | None, module: str | None
) -> dict[str, str]:
    """Return the environment variables that name what is asked; a handler that asks nothing has none."""
    variables = {}
    if inventory is not None:
        variables[settings.DEVICES_TABLE] = inventory.devices_table.table_name
        variables[settings.WAIVERS_TABLE] = inventory.waivers_table.table_name
        if (longest := inventory.longest_waiver) is not None:
            variables[settings.LONGEST_WAIVER] = f"{longest.to_minutes():.0f}m"
    if registry is not None:
        variables[settings.CONNECTIONS_TABLE] = registry.table.table_name
    if module is not None:
        variables[settings.EXTRA_FACTS] = module
    return variables


def _restrictions(endpoints: Sequence[str] | None, *, shared_certificates: bool) -> dict[str, str]:
    """Return the environment variables for what differs from the default."""
    variables = {}
    if endpoints is not None:
        variables[settings.ANSWERED_ENDPOINTS] = ",".join(endpoints)
    if shared_certificates:
        variables[settings.SHARED_CERTIFICATES] = "true"
    return variables


def _alias(
    scope: Construct, function: lambda_.Function, concurrency: ProvisionedConcurrency
) -> lambda_.Alias:
    scaling = concurrency.target_utilization is not None
    alias = lambda_.Alias(
        scope,
        "Alias",
        alias_name=ALIAS_NAME,
        version=function.current_version,
        # Under scaling, a number here would undo at each deployment what was scaled up.
        provisioned_concurrent_executions=None if scaling else concurrency.minimum or None,
    )
    if concurrency.target_utilization is not None:
        target = alias.add_auto_scaling(min_capacity=concurrency.minimum, max_capacity=concurrency.maximum)
        target.scale_on_utilization(utilization_target=concurrency.target_utilization)
    return alias
