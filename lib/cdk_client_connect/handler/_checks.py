"""What a handler's arguments must be, checked before anything is defined with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Duration, Token
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import (
    InvalidArgument,
    InvalidConcurrency,
    InvalidMessage,
    InvalidTimeout,
    InvalidTimeZone,
)
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency
from cdk_client_connect.handler.service_linked_role import ServiceLinkedRole
from cdk_client_connect.tables.connection_registry import ConnectionRegistry
from cdk_client_connect.tables.device_inventory import DeviceInventory
from client_connect_tools import ExtraFacts, Policies
from client_connect_tools.inputs import messages
from client_connect_tools.inputs.time_zones import time_zone_names

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_TIMEOUT_S = 30

# Inventory, registry and extra facts may take three seconds together before they are given up.
MIN_TIMEOUT_ASKING_OTHERS_S = 5

LEAST_MEMORY_MIB, MOST_MEMORY_MIB = 128, 10_240

FLAG = 'True or False; a value of the context is a text, so compare it: == "true"'
_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "function_name": (str, 'a text, such as "AWSClientVPN-handler"'),
    "policies": (
        Policies,
        "Policies, made by Policies.from_directory(...), .from_rules(...) or another factory",
    ),
    "code": (lambda_.Code, "lambda_.Code, such as lambda_.Code.from_asset(folder)"),
    "provisioned_concurrency": (
        ProvisionedConcurrency,
        "ProvisionedConcurrency.fixed(...), .scaling(...), .for_clients(...) or .none()",
    ),
    "function_reference": (FunctionReference, "FunctionReference.ALIAS or .UNQUALIFIED"),
    "service_linked_role": (ServiceLinkedRole, "ServiceLinkedRole.ENSURE, .CLOUDFORMATION or .EXISTING"),
    "timeout": (Duration, "a Duration, such as Duration.seconds(10)"),
    "memory_size": (int, "a whole number of MiB"),
    "architecture": (lambda_.Architecture, "lambda_.Architecture.ARM_64 or .X86_64"),
    "runtime": (lambda_.Runtime, "a lambda_.Runtime, such as lambda_.Runtime.PYTHON_3_14"),
    "reserved_concurrent_executions": (int, "a whole number"),
    "shadow_mode": (bool, FLAG),
    "default_message": (str, "a text that tells a denied user what to do"),
    "time_zone": (str, 'the IANA name of a time zone, such as "Europe/Berlin"'),
    "device_inventory": (DeviceInventory, "a DeviceInventory"),
    "connection_registry": (ConnectionRegistry, "a ConnectionRegistry"),
    "shared_certificates": (bool, FLAG),
    "extra_facts": (ExtraFacts, "ExtraFacts, made by ExtraFacts.from_file(...) or .from_directory(...)"),
    "environment": (Mapping, 'a mapping of texts, such as {"RISK_SERVICE_URL": "https://risk.example.com"}'),
    "policy_tests": (bool, FLAG),
}
_OPTIONAL = (
    "function_name",
    "policies",
    "code",
    "provisioned_concurrency",
    "timeout",
    "architecture",
    "runtime",
    "reserved_concurrent_executions",
    "device_inventory",
    "connection_registry",
    "extra_facts",
    "environment",
)


def require_types(
    arguments: Mapping[str, object],
    types: Mapping[str, tuple[type | tuple[type, ...], str]] = _TYPES,
    *,
    optional: Collection[str] = _OPTIONAL,
) -> None:
    """Check the types, which Python does not, and of which a wrong one could mean the contrary.

    Args:
        arguments: A construct's arguments; what is not in ``types`` is left to the CDK.
        types: What each must be, also in words. Default: those of the handler.
        optional: Those that may be ``None``.

    Raises:
        InvalidArgument: With everything that is of a wrong type.
    """
    problems = []
    for name, (kind, wanted) in types.items():
        value = arguments[name]
        if value is None and name in optional:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            problems.append(f"{name}={value!r} must be {wanted}")
    if problems:
        raise InvalidArgument("\n".join(problems))


def require_timeout(timeout: Duration, *, asks_others: bool = False) -> None:
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
            "inventory, a connection registry or extra facts, so that a client is answered when one of them is down"
        )


def require_memory(memory_size: int) -> None:
    """Check that Lambda has functions of that size.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

    Raises:
        InvalidArgument: When it does not.
    """
    if not LEAST_MEMORY_MIB <= memory_size <= MOST_MEMORY_MIB:
        raise InvalidArgument(
            f"memory_size={memory_size} must be a number of MiB from {LEAST_MEMORY_MIB} to {MOST_MEMORY_MIB}"
        )


def require_concurrency(
    concurrency: ProvisionedConcurrency, reserved: int | None, reference: FunctionReference
) -> None:
    """Check that the reserved environments suffice.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html

    Raises:
        InvalidConcurrency: When there are none, fewer than the provisioned ones, or no others where only others
            are invoked.
    """
    if reserved is None:
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
            f"provisioned_concurrency takes all of the reserved_concurrent_executions={reserved}, so that Lambda "
            "throttles $LATEST, which the unqualified ARN invokes, and every connection would be denied; use "
            "ProvisionedConcurrency.none()"
        )


def require_message(message: str, custom: Mapping[str, str] | None) -> None:
    """Check the default message.

    Args:
        message: The message, with placeholders.
        custom: The types of the custom facts, by name; ``None`` if they are not known.

    Raises:
        InvalidMessage: When it is empty, longer than Client VPN takes, has an unknown placeholder, or would be a
            command to clients.
    """
    if not message.strip():
        raise InvalidMessage("default_message is empty; tell a denied user what to do")
    if Token.is_unresolved(message):
        return
    found = [problem for _, problem in messages.problems(message, custom)]
    if found := [*found, *filter(None, [messages.command(message)])]:
        raise InvalidMessage("\n".join(f"default_message {problem}" for problem in found))


def require_time_zone(name: str) -> None:
    """Check that the bundle knows a time zone.

    Raises:
        InvalidTimeZone: When it does not.
    """
    if name not in time_zone_names():
        raise InvalidTimeZone(f'time_zone "{name}" is not an IANA time zone; use one such as "Europe/Berlin"')
