"""The construct that defines a client connect handler."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, NamedTuple, cast

import jsii
from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._alias import check_alias
from cdk_client_connect.final_templates._endpoints import check_endpoints
from cdk_client_connect.final_templates._function import check_function
from cdk_client_connect.final_templates._log_group import check_log_group
from cdk_client_connect.final_templates._role import check_role
from cdk_client_connect.handler._alias import define_alias
from cdk_client_connect.handler._answered_endpoints import refuse_circles
from cdk_client_connect.handler._checks import (
    cdk_arguments,
    checked_policies,
    require_as_given,
    require_valid,
    within_guardrails,
)
from cdk_client_connect.handler._environment_variables import require_environment, require_size, variables_of
from cdk_client_connect.handler._function_code import bundled_code
from cdk_client_connect.handler._function_name import generated_function_name, keep_name
from cdk_client_connect.handler._function_options import arguments_of
from cdk_client_connect.handler._grants import grant_what_it_asks, services_asked
from cdk_client_connect.handler._handler_base import HandlerBase
from cdk_client_connect.handler._imported_handler import ImportedHandler, Known
from cdk_client_connect.handler._options import Options
from cdk_client_connect.handler._policy_metadata import digests_of, show_policies
from cdk_client_connect.handler._snap_start import default_concurrency
from cdk_client_connect.handler._warnings import warn
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole, provide
from cdk_client_connect.shared._arguments import flag, require_all, typed
from cdk_client_connect.shared._environment_check import checked_arn
from cdk_client_connect.shared._function_role import function_role
from cdk_client_connect.shared._log_group import kept_log_group, require_new_log_group
from cdk_client_connect.shared._previous_versions import PreviousVersions
from cdk_client_connect.shared._reachability import warn_of_unreachable_services
from cdk_client_connect.shared._staged_code import require_staged
from cdk_client_connect.shared._unknown_values import is_placeholder
from cdk_client_connect.shared.function_settings import FunctionSettings
from client_connect import settings
from client_connect_tools.deployed.description import ALIAS_NAME, describe_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct, IConstruct

    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
    from client_connect_tools import ExtraFacts, Policies


@jsii.implements(ec2.IClientVpnConnectionHandler, iam.IGrantable, ec2.IConnectable)
class ClientConnectHandler(HandlerBase):
    """The Lambda function that Client VPN asks whether a connection may be established.

    Defines the function, its version and alias ``live``, its role, its log group and the service-linked
    role that Client VPN uses to invoke it. Give it to an ``ec2.ClientVpnEndpoint`` as
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
            ``digests()`` are metadata of the alias, so ``cdk diff`` shows which of them change.
            Default: ``Policies.from_rules(Rules())``, which permits every client that authenticated.
        guardrails: Policies that must allow a connection, too, whatever ``policies`` permit: security's baseline, as a
            service control policy bounds IAM policies. Checked and tested by themselves; with them in shadow mode,
            give ``policies=team.guarded_by(baseline, shadow=True)`` instead. Not together with ``code``, which has
            them in it. Default: none.
        code: Prebuilt code with its policies in it, as ``client-connect bundle`` makes it, for machines
            without a package index; not together with ``policies``, and built for the function's runtime
            and architecture. The policies in a folder or ZIP file are checked, and code that another version of this
            library built draws a warning. Default: built here.
        provisioned_concurrency: The environments kept initialized. Default: ``.fixed(2)``; none with
            ``snap_start``.
        snap_start: Whether environments are resumed from a snapshot that Lambda takes when a version is published: a
            shorter wait without environments that are kept. Not together with provisioned concurrency; the
            default is then none, nor with the unqualified ARN; from Python 3.12 on; not in every Region. See
            docs/costs.md. Default: ``False``.
        function_reference: Which ARN endpoints are given. Default: the alias's, the only one through which
            provisioned concurrency has an effect.
        service_linked_role: How ``AWSServiceRoleForClientVPNConnections`` is created. Default: ``ENSURE``.
        timeout: Whole seconds, from 1 to 30, the time that Client VPN waits; from 5 with an inventory, a
            registry or extra facts. Default: 10 seconds.
        memory_size: In MiB, from 128 to 10,240. Default: 512.
        architecture: Default: ``ARM_64``.
        runtime: Python 3.11 or later. Default: ``PYTHON_3_14``.
        reserved_concurrent_executions: As in ``lambda_.Function``; at least the provisioned environments, and more
            than these with the unqualified ARN. Default: none reserved.
        previous_versions: How many previous versions stay after a deployment, for ``client-connect rollback``; from 0
            to 100. Each takes some megabytes of Lambda's code storage, which is free but limited, and the same number
            stays of a re-authorizer. Provisioned environments are the alias's only. See docs/rollback.md. Default: 5.
        log_group: Where the decision records go, in the same account and Region. Default: a new one, kept for
            two years and retained when the stack is removed.
        log_deletion_protection: Whether CloudWatch Logs refuses to delete the new log group until somebody turns this
            off. Turn it on when the stack is deployed: a first deployment that fails could not remove the log group,
            and the next one would find it there. Default: ``False``.
        encryption_key: The key of everything that is defined here: the function's environment variables, the log
            groups, and unless they are given another one, the functions and log groups of its re-authorizer,
            monitoring and attachments. CloudWatch Logs is allowed to use it. Tables and topics have keys of their
            own. Default: AWS's own.
        dead_letter_queue: As in ``lambda_.Function``, for packs of rules that ask for one. Client VPN waits for each
            answer, so the handler itself never sends anything there. Default: none.
        vpc: The VPC to run in. Default: none, because nothing in a VPC is needed.
        vpc_subnets: The subnets in ``vpc``. Default: the CDK's.
        security_groups: The security groups in ``vpc``. Default: a new one.
        tracing: X-Ray tracing. Default: disabled.
        shadow_mode: Decide and record, but always allow, even after an error. Default: ``False``.
        default_message: What a denied client is shown when no policy has a message for it; 1 to 255
            characters. It may have placeholders, such as ``{connection-id}``. Default: that the rules
            do not permit it, and to ask the administrator.
        time_zone: The IANA name of the zone of the policies' clock. Default: ``UTC``, with a warning when
            policies read a date or a time of day.
        device_inventory: What is known of devices, and the waivers. Looked up before each decision, with one
            read; while it cannot be read, policies see ``context.inventory == "unavailable"``. In the same
            account and Region. Default: none.
        connection_registry: Where allowed connections are recorded, with one write that never changes the
            answer. In the same account and Region, and not another handler's. Default: none.
        shared_certificates: Whether several devices use the same client certificate, so its common name
            does not identify a device. Otherwise a user's older connection with the same common name never
            counts for a limit of connections: the new one replaces it; and of a device without a user only 5
            connections count towards the cap of a re-authorizer. Default: ``False``.
        endpoints: The ids of the endpoints that the handler answers; connections to others are denied, with an
            error in the record. As a mapping, such as ``{"prod": id, "dev": [id, id]}``, it also names them: policies
            see the name as ``context.endpointName`` (1 to 64 letters, digits, ``-``, ``_`` and ``.``). For an
            endpoint that is defined with this handler, deploy it first and give its id as a string: a reference would
            make each wait for the other. Default: ``None``, all endpoints.
        extra_facts: A Python module with more facts for policies: ``context.custom``, of the type that
            ``custom.cedarschema`` next to the policies declares. Not together with ``code``, which has its module
            in it; while it fails, policies see ``context.customFacts == "unavailable"``. Default: none.
        environment: Environment variables for the module of extra facts, such as the address of a service, of this
            function and of a re-authorizer's; values may be tokens, but when only what one stands for changes, the
            alias keeps the old value: docs/deployments.md. With prebuilt ``code`` that is no local folder,
            ``CLIENT_CONNECT_EXTRA_FACTS`` names its module; other names that begin with ``CLIENT_CONNECT_``, and
            those that Lambda reserves, are refused. With the handler's own at most 4 KB. Default: none.
        policy_tests: Whether the tests next to the policies (``*.tests.toml``) run here, so nothing is
            synthesized when one fails. ``time_zone`` is the zone of those that name none. Default: ``True``.
        function_options: Further arguments of ``lambda_.Function``, such as ``layers``, ``code_signing_config``,
            ``insights_version``, ``runtime_management_mode`` or ``description``: all that are no arguments here and do
            not contradict a handler. A re-authorizer has the same layers, file system, extensions and code signing.
            Default: none.
        support_log_retention: How long the log group of the function is kept that ensures the service-linked role, and
            those of its attachments' and monitoring's functions. Default: one month.

    Raises:
        ClientConnectError: When an argument is wrong: ``InvalidArgument``, ``InvalidFunctionName``,
            ``InvalidPolicies``, ``InvalidPolicyTests``, ``PolicyTestsFailed``, ``InvalidTimeout``,
            ``InvalidConcurrency``, ``InvalidRuntime``, ``InvalidMessage``, ``InvalidTimeZone``,
            ``InvalidCode``, ``InvalidExtraFacts``; ``BundleError`` when the code cannot be built.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function_name: str | None = None,
        policies: Policies | None = None,
        guardrails: Policies | None = None,
        code: lambda_.Code | None = None,
        provisioned_concurrency: ProvisionedConcurrency | None = None,
        snap_start: bool = False,
        function_reference: FunctionReference = FunctionReference.ALIAS,
        service_linked_role: ServiceLinkedRole = ServiceLinkedRole.ENSURE,
        timeout: Duration | None = None,
        memory_size: int = 512,
        architecture: lambda_.Architecture | None = None,
        runtime: lambda_.Runtime | None = None,
        reserved_concurrent_executions: int | None = None,
        previous_versions: int = 5,
        log_group: logs.ILogGroup | None = None,
        log_deletion_protection: bool = False,
        encryption_key: kms.IKey | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        tracing: lambda_.Tracing = lambda_.Tracing.DISABLED,
        shadow_mode: bool = False,
        default_message: str = settings.DEFAULT_DENIAL,
        time_zone: str | None = None,
        device_inventory: IDeviceInventory | None = None,
        connection_registry: IConnectionRegistry | None = None,
        shared_certificates: bool = False,
        endpoints: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        extra_facts: ExtraFacts | None = None,
        environment: Mapping[str, str] | None = None,
        policy_tests: bool = True,
        function_options: lambda_.FunctionOptions | None = None,
        support_log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
    ) -> None:
        if is_placeholder(function_name):
            function_name = None
        zone = "UTC" if time_zone is None or is_placeholder(time_zone) else time_zone
        options = Options(
            function_name=function_name,
            policies=within_guardrails(policies, guardrails, code=code, time_zone=zone, tests=policy_tests),
            code=code,
            provisioned_concurrency=(
                default_concurrency(snap_start=snap_start)
                if provisioned_concurrency is None
                else provisioned_concurrency
            ),
            snap_start=snap_start,
            function_reference=function_reference,
            service_linked_role=service_linked_role,
            timeout=Duration.seconds(10) if timeout is None else timeout,
            memory_size=memory_size,
            architecture=lambda_.Architecture.ARM_64 if architecture is None else architecture,
            runtime=lambda_.Runtime.PYTHON_3_14 if runtime is None else runtime,
            reserved_concurrent_executions=reserved_concurrent_executions,
            previous_versions=previous_versions,
            log_group=log_group,
            shadow_mode=shadow_mode,
            default_message=default_message,
            time_zone=zone,
            names_time_zone=time_zone is not None,
            device_inventory=device_inventory,
            connection_registry=connection_registry,
            shared_certificates=shared_certificates,
            endpoints=endpoints,
            extra_facts=extra_facts,
            environment={} if environment is None else environment,
            policy_tests=policy_tests,
        )
        others = cdk_arguments(
            encryption_key=encryption_key,
            dead_letter_queue=dead_letter_queue,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            tracing=tracing,
        )
        retention = typed(
            "support_log_retention", support_log_retention, logs.RetentionDays, "a logs.RetentionDays"
        )
        require_valid(
            scope, options, [*others, retention, flag("log_deletion_protection", log_deletion_protection)]
        )
        require_new_log_group(log_group, is_protected=log_deletion_protection)
        passed_on = arguments_of(function_options, _OWN_ARGUMENTS)
        variables = variables_of(options)
        decided_by, self._policies = checked_policies(options)

        super().__init__(scope, id)
        self._options = options
        if connection_registry is not None:
            connection_registry.keep_connections_of(self)
        self._encryption_key = encryption_key
        self._support_log_retention = support_log_retention
        self._passed_on = passed_on
        self._followers: list[Callable[[str, str], None]] = []
        self._network = _Network(vpc, vpc_subnets)
        self._bundled = decided_by if code is None else None
        self._code = code or bundled_code(self, options, decided_by)
        self._environment = variables
        self._function_name = function_name or generated_function_name(self)
        if function_name is not None:
            keep_name(self, function_name)
        self._log_group = log_group or kept_log_group(
            self, encryption_key, is_protected=log_deletion_protection
        )
        self._previous_versions = PreviousVersions(
            self,
            previous_versions,
            encryption_key=encryption_key,
            settings=FunctionSettings(
                vpc=vpc,
                vpc_subnets=vpc_subnets,
                security_groups=security_groups,
                dead_letter_queue=dead_letter_queue,
                reserved_concurrent_executions=None if reserved_concurrent_executions is None else 1,
                log_retention=support_log_retention,
            ),
        )
        is_by_alias = function_reference is FunctionReference.ALIAS
        self._described = digests_of(self._policies, is_prebuilt=code is not None)
        self._role = function_role(self, self._log_group, in_vpc=vpc is not None)
        self._function = lambda_.Function(
            self,
            "Function",
            function_name=self._function_name,
            description=describe_handler(*self._described, is_unqualified=not is_by_alias),
            **passed_on,
            code=self._code,
            handler="client_connect.handler.handler",
            runtime=options.runtime,
            architecture=options.architecture,
            memory_size=memory_size,
            timeout=options.timeout,
            role=self._role,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            environment=variables,
            environment_encryption=encryption_key,
            dead_letter_queue=dead_letter_queue,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            reserved_concurrent_executions=reserved_concurrent_executions,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            tracing=tracing,
            current_version_options=self._previous_versions.options(),
        )
        require_as_given(self, self._function, self._function_name, options)
        self.node.default_child = cast("IConstruct", self._function.node.default_child)
        require_staged(self._function, self._code, in_full=code is None)
        grant_what_it_asks(self._role, options, self._policies)
        self._alias = define_alias(self, self._function, options.provisioned_concurrency)
        refuse_circles(self, self._alias, endpoints)
        if self._policies is not None:
            show_policies(self._alias, self._policies)
        self._qualifier = ALIAS_NAME if is_by_alias else None
        self._target: lambda_.IFunction = self._alias if is_by_alias else self._function
        if (
            service_role := provide(
                service_linked_role, Stack.of(self), encryption_key, support_log_retention
            )
        ) is not None:
            self._target.node.add_dependency(service_role)
        self._previous_versions.prune(self._alias)
        suffix = f":{ALIAS_NAME}" if is_by_alias else ""
        self._function_arn = checked_arn(self, self._target, f"{self._function_name}{suffix}")
        warn(self, self._function_arn, options, decided_by)
        warn_of_unreachable_services(self, vpc, vpc_subnets, services_asked(options, self._policies))
        self._check_templates()

    @staticmethod
    def from_function_arn(scope: Construct, id: str, function_arn: str) -> IClientConnectHandler:
        """Import a handler that another app deployed, to give it to endpoints and attachments.

        Args:
            scope: The construct to import it into.
            id: Its id in ``scope``.
            function_arn: The ``function_arn`` of the ``ClientConnectHandler``, with its alias. May be a token, such as
                ``ssm.StringParameter.value_for_string_parameter(...)`` of what ``publish_arn`` defined.

        Raises:
            InvalidArgument: When it is no ARN of a function, or of another account or Region than the stack.
            InvalidFunctionName: When the name does not begin with ``AWSClientVPN-``.
        """
        return ClientConnectHandler.from_attributes(scope, id, function_arn=function_arn)

    @staticmethod
    def from_attributes(
        scope: Construct,
        id: str,
        *,
        function_arn: str,
        log_group: logs.ILogGroup | None = None,
        timeout: Duration | None = None,
        provisioned_concurrency: ProvisionedConcurrency | None = None,
        encryption_key: kms.IKey | None = None,
        policies: Policies | None = None,
        code: lambda_.Code | None = None,
        architecture: lambda_.Architecture | None = None,
        runtime: lambda_.Runtime | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        shadow_mode: bool = False,
        default_message: str = settings.DEFAULT_DENIAL,
        time_zone: str = "UTC",
        device_inventory: IDeviceInventory | None = None,
        connection_registry: IConnectionRegistry | None = None,
        shared_certificates: bool = False,
        extra_facts: ExtraFacts | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> IClientConnectHandler:
        """Import a handler that another app deployed, with what is known of it.

        A ``ConnectionMonitoring`` needs ``log_group``; it leaves out the alarms on what is not given here. A
        ``ConnectionReauthorizer`` needs ``policies`` or ``code``, and ``connection_registry``; give all else that the
        handler has too, because it decides with these arguments. Deploy both apps from the same policies.

        Args:
            scope: The construct to import it into.
            id: Its id in ``scope``.
            function_arn: As for ``from_function_arn``.
            log_group: Where the decision records go.
            timeout: The function's timeout, for the alarm ``HandlerLatency``. Default: not known.
            provisioned_concurrency: The environments kept initialized, for ``Spillover``. Default: not known.
            encryption_key: The key of what a re-authorizer, monitoring or attachment defines. Default: AWS's own.
            policies: What decides. Checked as the handler's own; their tests do not run again.
            code: As for the handler.
            architecture: Default: ``ARM_64``.
            runtime: Default: ``PYTHON_3_14``.
            vpc: The VPC that a re-authorizer runs in. Default: none.
            vpc_subnets: The subnets in ``vpc``. Default: the CDK's.
            security_groups: The security groups in ``vpc``. Default: a new one.
            shadow_mode: As for the handler. Default: ``False``.
            default_message: As for the handler.
            time_zone: As for the handler. Default: ``UTC``.
            device_inventory: The inventory that it looks up. Default: none.
            connection_registry: The registry where it records connections. Default: none.
            shared_certificates: As for the handler. Default: ``False``.
            extra_facts: As for the handler. Default: none.
            environment: As for the handler. Default: none.

        Raises:
            ClientConnectError: When an argument is wrong, as for the handler; ``InvalidArgument`` when the ARN is of
                another account or Region than the stack.
        """
        options = Options(
            function_name=None,
            policies=policies,
            code=code,
            provisioned_concurrency=provisioned_concurrency or ProvisionedConcurrency.none(),
            function_reference=FunctionReference.ALIAS,
            service_linked_role=ServiceLinkedRole.EXISTING,
            timeout=Duration.seconds(10) if timeout is None else timeout,
            memory_size=512,
            architecture=lambda_.Architecture.ARM_64 if architecture is None else architecture,
            runtime=lambda_.Runtime.PYTHON_3_14 if runtime is None else runtime,
            reserved_concurrent_executions=None,
            previous_versions=0,
            snap_start=False,
            log_group=log_group,
            shadow_mode=shadow_mode,
            default_message=default_message,
            time_zone=time_zone,
            names_time_zone=True,
            device_inventory=device_inventory,
            connection_registry=connection_registry,
            shared_certificates=shared_certificates,
            endpoints=None,
            extra_facts=extra_facts,
            environment={} if environment is None else environment,
            policy_tests=False,
        )
        require_all(typed("function_arn", function_arn, str, "the ARN of a function, as a string"))
        require_valid(scope, options)
        known_policies = checked_policies(options)[1] if policies or code else None
        known = Known(
            options=options,
            policies=known_policies,
            provisioned_concurrency=provisioned_concurrency,
            timeout=timeout,
            encryption_key=encryption_key,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=None if security_groups is None else list(security_groups),
        )
        return ImportedHandler(scope, id, function_arn, known)

    def publish_arn(self, parameter_name: str) -> ssm.StringParameter:
        """Write the ARN that endpoints need into a parameter of Systems Manager, for other apps.

        They read it by ``ssm.StringParameter.value_for_string_parameter`` and give it to ``from_function_arn``.

        Args:
            parameter_name: The name of the parameter, such as ``/vpn/handler-arn``.

        Raises:
            InvalidArgument: When the name is no string, is empty, or the ARN was published already.
        """
        require_all(typed("parameter_name", parameter_name, str, 'a string, such as "/vpn/handler-arn"'))
        if not parameter_name.strip() or self.node.try_find_child("Arn") is not None:
            raise InvalidArgument(
                f'parameter_name="{parameter_name}" must be a name such as "/vpn/handler-arn", given once'
            )
        return ssm.StringParameter(
            self,
            "Arn",
            parameter_name=parameter_name,
            string_value=self.function_arn,
            description="What a Client VPN endpoint is given as its client connect handler",
        )

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
    def support_log_retention(self) -> logs.RetentionDays:
        """How long the logs of small functions are kept, which do not record decisions."""
        return self._support_log_retention

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, so the handler can be given to the grants of other constructs."""
        return self._role.grant_principal

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the function, in a VPC.

        Raises:
            InvalidArgument: When it runs in no VPC.
        """
        if self._network.vpc is None:
            raise InvalidArgument(
                f"handler {self.node.path} runs in no VPC, so it has no security groups; give it vpc"
            )
        return self._function.connections

    def add_to_role_policy(self, statement: iam.PolicyStatement) -> None:
        """Allow the function something more, such as what its module of extra facts calls.

        A re-authorizer runs the same module and needs the same: ``ConnectionReauthorizer.add_to_role_policy``.

        Args:
            statement: What it may do.
        """
        # In the role's own policy, which the function waits for, whatever the feature flags.
        self._role.add_to_principal_policy(statement)

    def add_environment(self, name: str, value: str) -> None:
        """Set an environment variable of the function and of its re-authorizer, as by ``environment``.

        Args:
            name: The variable; not one of the handler's own.
            value: Its value; may be a token.

        Raises:
            InvalidArgument: When the name or the value is wrong, or all variables are too large.
        """
        require_environment({name: value}, self._options.code)
        require_size({**self._environment, name: value})
        self._environment[name] = value
        self._function.add_environment(name, value)
        for follow in self._followers:
            follow(name, value)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set the removal policy of all that is defined here when the stack is removed, including the log of decisions.

        With ``RETAIN``, endpoints go on asking the handler.

        Args:
            policy: The policy.
        """
        require_all(typed("policy", policy, RemovalPolicy, "a RemovalPolicy"))
        for each in self.node.find_all():
            if isinstance(each, CfnResource):
                each.apply_removal_policy(policy)

    @property
    def device_inventory(self) -> IDeviceInventory | None:
        """The device inventory that it looks up, if any."""
        return self._options.device_inventory

    @property
    def connection_registry(self) -> IConnectionRegistry | None:
        """The registry where it records connections, if any."""
        return self._options.connection_registry

    @property
    def policies(self) -> Policies | None:
        """The policies; ``None`` if they are in prebuilt ``code`` that is neither a folder nor a ZIP file here."""
        return self._policies

    @property
    def timeout(self) -> Duration:
        """How long an invocation may take."""
        return self._options.timeout

    @property
    def shadow_mode(self) -> bool:
        """Whether it decides and records, but always allows."""
        return self._options.shadow_mode

    @property
    def provisioned_concurrency(self) -> ProvisionedConcurrency:
        """The environments kept initialized."""
        return self._options.provisioned_concurrency

    @property
    def function_reference(self) -> FunctionReference:
        """Which ARN endpoints are given."""
        return self._options.function_reference

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal other than Client VPN to invoke what endpoints invoke."""
        return self._target.grant_invoke(grantee)

    def _check_templates(self) -> None:
        """Have what is deployed compared with what is defined here."""
        owner = f"client connect handler {self.node.path}"
        concurrency = self.provisioned_concurrency
        others = self.function_reference is FunctionReference.UNQUALIFIED
        check_function(
            owner,
            self._function,
            variables=self._environment,
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
        check_endpoints(owner, self, self._function_arn, self._function_name)


_OWN_ARGUMENTS = frozenset(signature(ClientConnectHandler.__init__).parameters)


class _Network(NamedTuple):
    """Where the function runs, unless it is in no VPC."""

    vpc: ec2.IVpc | None
    subnets: ec2.SubnetSelection | None
