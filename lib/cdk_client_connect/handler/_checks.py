"""The rules for a handler's arguments, checked before anything is defined with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import (
    InvalidArgument,
    InvalidConcurrency,
    InvalidMessage,
    InvalidTimeout,
    InvalidTimeZone,
)
from cdk_client_connect.handler._answered_endpoints import require_endpoints
from cdk_client_connect.handler._environment_variables import require_environment
from cdk_client_connect.handler._function_code import require_platform
from cdk_client_connect.handler._function_name import require_function_name, require_unique_name
from cdk_client_connect.handler._prebuilt_code import (
    prebuilt_policies,
    require_prebuilt_alone,
    require_prebuilt_for,
)
from cdk_client_connect.handler._snap_start import require_snap_start
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole
from cdk_client_connect.shared._arguments import (
    Argument,
    flag,
    is_number_token,
    is_whole,
    key_argument,
    require_all,
    typed,
    with_attribute,
)
from cdk_client_connect.shared._environment_check import require_client_vpn, require_same_environment
from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
from cdk_client_connect.tables.i_device_inventory import IDeviceInventory
from client_connect_tools import ExtraFacts, Policies, Rules, require_passing, require_sound
from client_connect_tools.bundling.extra_facts import require_declared
from client_connect_tools.checking.custom_schema import check_custom_schema, declared_types
from client_connect_tools.inputs import messages
from client_connect_tools.inputs.time_zones import time_zone_advice, time_zone_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct, IConstruct

    from cdk_client_connect.handler._options import Options

MAX_TIMEOUT_S = 30

# Inventory, registry and extra facts may take three seconds together before they are given up.
MIN_TIMEOUT_ASKING_OTHERS_S = 5

# Lambda's code storage has 75 GB; a version takes some megabytes.
MOST_PREVIOUS_VERSIONS = 100

LEAST_MEMORY_MIB, MOST_MEMORY_MIB = 128, 10_240


def require_types(options: Options, others: Sequence[Argument]) -> None:
    """Check the types, which Python does not; a wrong one could mean the contrary.

    Args:
        options: The handler's arguments.
        others: Arguments that are passed on to the CDK.

    Raises:
        InvalidArgument: With everything that is of a wrong type.
    """
    o = options
    require_all(
        typed("function_name", o.function_name, str, 'a text, such as "AWSClientVPN-handler"', optional=True),
        typed(
            "policies",
            o.policies,
            Policies,
            "Policies, made by Policies.from_directory(...), .from_rules(...) or another factory",
            optional=True,
        ),
        typed(
            "code",
            o.code,
            lambda_.Code,
            "lambda_.Code, such as lambda_.Code.from_asset(folder)",
            optional=True,
        ),
        typed(
            "provisioned_concurrency",
            o.provisioned_concurrency,
            ProvisionedConcurrency,
            "ProvisionedConcurrency.fixed(...), .scaling(...), .for_clients(...) or .none()",
        ),
        flag("snap_start", o.snap_start),
        typed(
            "function_reference",
            o.function_reference,
            FunctionReference,
            "FunctionReference.ALIAS or .UNQUALIFIED",
        ),
        typed(
            "service_linked_role",
            o.service_linked_role,
            ServiceLinkedRole,
            "ServiceLinkedRole.ENSURE, .CLOUDFORMATION or .EXISTING",
        ),
        typed("timeout", o.timeout, Duration, "a Duration, such as Duration.seconds(10)"),
        _whole("memory_size", o.memory_size, "a whole number of MiB"),
        typed("architecture", o.architecture, lambda_.Architecture, "lambda_.Architecture.ARM_64 or .X86_64"),
        typed(
            "runtime",
            o.runtime,
            lambda_.Runtime,
            "a lambda_.Runtime, such as lambda_.Runtime.PYTHON_3_14",
        ),
        _whole(
            "reserved_concurrent_executions",
            o.reserved_concurrent_executions,
            "a whole number or None",
            optional=True,
        ),
        Argument(
            "previous_versions",
            o.previous_versions,
            is_whole(o.previous_versions, 0, MOST_PREVIOUS_VERSIONS),
            f"a whole number from 0 to {MOST_PREVIOUS_VERSIONS}",
        ),
        flag("shadow_mode", o.shadow_mode),
        typed("default_message", o.default_message, str, "a text that says what a denied user can do"),
        typed("time_zone", o.time_zone, str, 'the IANA name of a time zone, such as "Europe/Berlin"'),
        typed(
            "device_inventory",
            o.device_inventory,
            IDeviceInventory,
            "a DeviceInventory; for tables that exist, DeviceInventory(devices_table=...) or .from_attributes(...)",
            optional=True,
        ),
        typed(
            "connection_registry",
            o.connection_registry,
            IConnectionRegistry,
            "a ConnectionRegistry; for a table that exists, ConnectionRegistry(table=...) or .from_attributes(...)",
            optional=True,
        ),
        flag("shared_certificates", o.shared_certificates),
        typed(
            "extra_facts",
            o.extra_facts,
            ExtraFacts,
            "ExtraFacts, made by ExtraFacts.from_file(...) or .from_directory(...)",
            optional=True,
        ),
        typed(
            "environment",
            o.environment,
            Mapping,
            'a mapping of texts, such as {"RISK_SERVICE_URL": "https://risk.example.com"}',
        ),
        flag("policy_tests", o.policy_tests),
        with_attribute("log_group", o.log_group, "log_group_name", "a logs.LogGroup or None", optional=True),
        *others,
    )


def _whole(name: str, value: object, wanted: str, *, optional: bool = False) -> Argument:
    """Check that a number is whole; nothing depends on its value at synthesis, so it may be a token."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return Argument(name, value, is_int or is_number_token(value) or (optional and value is None), wanted)


def cdk_arguments(
    *,
    encryption_key: object,
    dead_letter_queue: object,
    vpc: object,
    vpc_subnets: object,
    security_groups: object,
    tracing: object,
) -> list[Argument]:
    """Return the checks of what is passed on to the CDK."""
    groups = security_groups if isinstance(security_groups, list | tuple) else [security_groups]
    needs_vpc = "a {} or None; it needs vpc, too"
    return [
        key_argument(encryption_key),
        with_attribute(
            "dead_letter_queue", dead_letter_queue, "queue_arn", "an sqs.Queue or None", optional=True
        ),
        with_attribute("vpc", vpc, "vpc_id", "an ec2.Vpc or None", optional=True),
        Argument(
            "vpc_subnets",
            vpc_subnets,
            vpc_subnets is None or (vpc is not None and isinstance(vpc_subnets, ec2.SubnetSelection)),
            needs_vpc.format("ec2.SubnetSelection"),
        ),
        Argument(
            "security_groups",
            security_groups,
            security_groups is None
            or (vpc is not None and all(hasattr(each, "security_group_id") for each in groups)),
            needs_vpc.format("list of ec2.SecurityGroup"),
        ),
        typed("tracing", tracing, lambda_.Tracing, "lambda_.Tracing.ACTIVE, .PASS_THROUGH or .DISABLED"),
    ]


def require_valid(scope: Construct, options: Options, others: Sequence[Argument] = ()) -> None:
    """Check everything but the policies, before anything is defined.

    Raises:
        ClientConnectError: At the first kind of arguments that is wrong, with all that is wrong of that kind.
    """
    require_types(options, others)
    if options.function_name is not None:
        require_function_name(options.function_name)
        require_unique_name(scope, options.function_name)
    require_client_vpn(scope)
    require_prebuilt_alone(options.code, options.policies, options.extra_facts)
    require_environment(options.environment, options.code)
    _require_timeout(options.timeout, asks_others=options.asks_others)
    _require_concurrency(
        options.provisioned_concurrency,
        options.reserved_concurrent_executions,
        options.function_reference,
    )
    require_snap_start(scope, options)
    _require_message(options.default_message, _custom_types(options.policies, options.code))
    _require_time_zone(options.time_zone)
    _require_memory(options.memory_size)
    require_endpoints(options.endpoints)
    platform = require_platform(options.runtime, options.architecture)
    if options.code is not None:
        require_prebuilt_for(platform, options.code)
    require_same_environment(
        scope,
        _with_tables(options.device_inventory, options.connection_registry),
        because="the handler looks for its tables in its own account and Region; define them there",
    )
    _require_own_registry(options.connection_registry)
    if options.log_group is not None:
        require_same_environment(
            scope,
            [options.log_group],
            because="Lambda logs to its own account and Region; give a log group there",
        )


def require_as_given(
    handler: Construct, function: lambda_.Function, function_name: str, options: Options
) -> None:
    """Check that no property injector of the app has changed what a handler depends on.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/blueprints.html

    Raises:
        InvalidArgument: When one has.
    """
    resource = function.node.default_child
    if not isinstance(resource, lambda_.CfnFunction):
        return
    wanted = {
        "function_name": (function_name, resource.function_name),
        "handler": ("client_connect.handler.handler", resource.handler),
        "runtime": (options.runtime.name, resource.runtime),
        "architecture": ([options.architecture.name], resource.architectures),
        "timeout": (options.timeout.to_seconds(), resource.timeout),
    }
    problems = [
        f"{name} is {found!r}, but {ours!r} was given"
        for name, (ours, found) in wanted.items()
        if ours != Stack.of(function).resolve(found)
    ]
    if problems:
        raise InvalidArgument(
            f"a property injector changed the function of handler {handler.node.path}: {'; '.join(problems)}; set the "
            "arguments of the handler instead, and let the injector leave this function as it is"
        )


def within_guardrails(
    policies: Policies | None, guardrails: Policies | None, *, code: object, time_zone: str, tests: bool
) -> Policies | None:
    """Return policies within guardrails, which are checked and tested by themselves.

    Raises:
        ClientConnectError: When they have errors, one of their tests fails, or they do not fit to the policies.
    """
    if guardrails is None:
        return policies
    require_all(
        typed(
            "guardrails",
            guardrails,
            Policies,
            "Policies, made by Policies.from_directory(...) or another factory",
        ),
        typed(
            "policies", policies, Policies, "Policies, made by Policies.from_directory(...)", optional=True
        ),
    )
    if code is not None:
        raise InvalidArgument(
            "guardrails and code are both given; the policies are in the code, so give the guardrails to "
            "client-connect bundle --guardrails"
        )
    require_sound(guardrails)
    if tests:
        require_passing(guardrails, time_zone=time_zone)
    return (policies or Policies.from_rules(Rules())).guarded_by(guardrails)


def checked_policies(options: Options) -> tuple[Policies, Policies | None]:
    """Return the policies that decide, checked and tested, and those that are known to be in the code.

    Raises:
        ClientConnectError: When they cannot be trusted, are not what prebuilt code needs, or a test fails.
    """
    in_code = prebuilt_policies(options.code)
    policies = options.policies or in_code or Policies.from_rules(Rules())
    require_sound(policies)
    require_declared(options.extra_facts, policies)
    if options.policy_tests:
        require_passing(policies, time_zone=options.time_zone)
    return policies, policies if options.code is None else in_code


def _require_timeout(timeout: Duration, *, asks_others: bool = False) -> None:
    """Check that Lambda gives up no later than Client VPN, and not before the handler gives up asking others.

    Raises:
        InvalidTimeout: When it is not whole seconds from 1 (from 5 when it asks others) to 30, or a token.
    """
    if timeout.is_unresolved():
        raise InvalidTimeout(
            "timeout is a token, which cannot be checked at synthesis; give a number of seconds"
        )
    milliseconds = timeout.to_milliseconds()
    if milliseconds % 1000 or not 0 < milliseconds <= MAX_TIMEOUT_S * 1000:
        raise InvalidTimeout(
            f"timeout of {milliseconds / 1000:g} s must be whole seconds from 1 to {MAX_TIMEOUT_S}, because "
            f"Client VPN waits {MAX_TIMEOUT_S} s and then denies the connection without our message"
        )
    if asks_others and milliseconds < MIN_TIMEOUT_ASKING_OTHERS_S * 1000:
        raise InvalidTimeout(
            f"timeout of {milliseconds / 1000:g} s must be at least {MIN_TIMEOUT_ASKING_OTHERS_S} s with a device "
            "inventory, a connection registry or extra facts, so a client is answered when one of them is down"
        )


def _require_memory(memory_size: int) -> None:
    """Check that Lambda has functions of that size.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

    Raises:
        InvalidArgument: When it does not.
    """
    if not is_number_token(memory_size) and not LEAST_MEMORY_MIB <= memory_size <= MOST_MEMORY_MIB:
        raise InvalidArgument(
            f"memory_size={memory_size} must be a number of MiB from {LEAST_MEMORY_MIB} to {MOST_MEMORY_MIB}"
        )


def _require_concurrency(
    concurrency: ProvisionedConcurrency, reserved: int | None, reference: FunctionReference
) -> None:
    """Check that the reserved environments suffice.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html

    Raises:
        InvalidConcurrency: When it is zero, fewer than the provisioned ones, or no others where only others
            are invoked.
    """
    if reserved is None or is_number_token(reserved):
        return
    if reserved < 0:
        raise InvalidConcurrency(f"reserved_concurrent_executions={reserved} is negative; give 1 or more")
    if reserved == 0:
        raise InvalidConcurrency(
            "reserved_concurrent_executions=0 throttles every invocation, so every connection would be denied"
        )
    if concurrency.maximum > reserved:
        raise InvalidConcurrency(
            f"provisioned_concurrency keeps up to {concurrency.maximum} environments, but "
            f"reserved_concurrent_executions={reserved} allows no more than that; reserve at least as many"
        )
    if reference is FunctionReference.UNQUALIFIED and concurrency.maximum == reserved:
        raise InvalidConcurrency(
            f"provisioned_concurrency takes all of the reserved_concurrent_executions={reserved}, so Lambda "
            "throttles $LATEST, which the unqualified ARN invokes, and every connection would be denied; use "
            "ProvisionedConcurrency.none()"
        )


def _require_message(message: str, custom: Mapping[str, str] | None) -> None:
    """Check the default message.

    Args:
        message: The message, with placeholders.
        custom: The types of the custom facts, by name; ``None`` if they are not known.

    Raises:
        InvalidMessage: When it is empty, longer than Client VPN takes, has an unknown placeholder, or would be a
            command to clients.
    """
    if not message.strip():
        raise InvalidMessage("default_message is empty; say what a denied user can do")
    if Token.is_unresolved(message):
        return
    found = [problem for _, problem in messages.problems(message, custom)]
    if found := [*found, *filter(None, [messages.command(message)])]:
        raise InvalidMessage("\n".join(f"default_message {problem}" for problem in found))


def _require_own_registry(registry: IConnectionRegistry | None) -> None:
    """Check that no other handler records its connections in a registry.

    Raises:
        InvalidArgument: When one does: the re-authorizer would decide its connections by the wrong policies.
    """
    if registry is not None and registry.handler is not None:
        raise InvalidArgument(
            f"connection_registry {registry.node.path} is that of handler {registry.handler.node.path}, and a "
            "re-authorizer would decide the connections of both by the policies of one; give each handler a registry "
            "and its own re-authorizer"
        )


def _require_time_zone(name: str) -> None:
    """Check that the bundle knows a time zone.

    Raises:
        InvalidTimeZone: When it does not.
    """
    if Token.is_unresolved(name):
        raise InvalidTimeZone(
            'time_zone is a token, whose value only the deployment knows; give a name such as "Europe/Berlin"'
        )
    if name not in time_zone_names():
        raise InvalidTimeZone(f'time_zone "{name}" is not an IANA time zone; {time_zone_advice(name)}')


def _custom_types(policies: Policies | None, code: lambda_.Code | None) -> Mapping[str, str] | None:
    """Return the types of the custom facts; ``None`` if only prebuilt code knows them."""
    if policies is None:
        return None if code else {}
    return None if check_custom_schema(policies) else declared_types(policies.custom)


def _with_tables(
    inventory: IDeviceInventory | None, registry: IConnectionRegistry | None
) -> list[IConstruct]:
    """Return what is asked, and the tables, which another app may have defined."""
    found: list[IConstruct] = []
    if inventory is not None:
        found += [inventory, inventory.devices_table, inventory.waivers_table]
    if registry is not None:
        found.append(registry)
    return found
