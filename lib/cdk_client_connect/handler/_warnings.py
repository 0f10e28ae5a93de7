"""Warnings about a handler at synthesis, which can be acknowledged one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Annotations

from cdk_client_connect.handler._answered_endpoints import names_of
from cdk_client_connect.handler._authentication import warn_of_authentication
from cdk_client_connect.handler._prebuilt_code import built_by_other_version
from cdk_client_connect.handler._reauthorization import warn_without_reauthorizer
from cdk_client_connect.handler.function_reference import FunctionReference
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, ENDPOINT_NAME, parts_of, reads
from client_connect_tools import lint, read_policy_tests
from client_connect_tools.bundling.bundle import library_version
from client_connect_tools.cedar.constants import Constants
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.checking.lints import attributes_read
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.nearest import nearest
from client_connect_tools.project.settings import InvalidSettings, find_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from cdk_client_connect.handler._options import Options
    from client_connect_tools import Policies


def warn(handler: Construct, arn: str, options: Options, policies: Policies) -> None:
    """Warn of everything that is doubtful.

    Args:
        handler: The handler.
        arn: What endpoints are given.
        options: Its arguments.
        policies: What decides.
    """
    _warn_of_other_version(handler, options.code)
    _warn_of_policies(handler, options, policies)
    if options.policy_tests:
        _warn_of_other_time_zones(handler, options, policies)
    _warn_of_settings(handler, options, policies)
    has_inventory = options.device_inventory is not None
    warn_of_authentication(handler, arn, policies, has_inventory=has_inventory)
    if options.function_reference is FunctionReference.UNQUALIFIED:
        _warn_of_unused_concurrency(handler, options)


def _warn_of_other_version(handler: Construct, code: lambda_.Code | None) -> None:
    if (version := built_by_other_version(code)) is not None:
        Annotations.of(handler).add_warning_v2(
            "cdk-client-connect:otherVersion",
            f"code was built by {version} of cdk-client-connect, but this is {library_version()}: its handler may "
            "decide otherwise than the checks here; build it again with client-connect bundle",
        )


def _warn_of_policies(handler: Construct, options: Options, policies: Policies) -> None:
    """Warn of what is doubtful in the policies, and of facts that they read but nothing provides."""
    warnings = Annotations.of(handler)
    for finding in lint(policies):
        warnings.add_warning_v2(f"cdk-client-connect:{finding.rule}", str(finding))
    read = attributes_read(policies)
    if read & {"device", "inventory", "ownerTags"} and options.device_inventory is None:
        warnings.add_warning_v2(
            "cdk-client-connect:noDeviceInventory",
            "policies read a device inventory, but the handler has none, so context.inventory "
            'is always "disabled" and there is no context.device',
        )
    if ACTIVE_CONNECTIONS in read and options.connection_registry is not None:
        warn_without_reauthorizer(handler, options.connection_registry)
    elif ACTIVE_CONNECTIONS in read:
        warnings.add_warning_v2(
            "cdk-client-connect:noConnectionRegistry",
            "policies read context.activeConnections, but the handler keeps no registry of connections, so "
            "that it is always absent",
        )
    if not options.names_time_zone and (read_clock := sorted(_clock(policies))):
        warnings.add_warning_v2(
            "cdk-client-connect:noTimeZone",
            f"policies read {', '.join(f'context.time.{name}' for name in read_clock)}, but time_zone of the handler "
            'is not given, so the clock is UTC; give time_zone="Europe/Berlin", or "UTC" if it is meant',
        )
    _warn_of_endpoint_names(handler, names_of(options.endpoints), policies)
    if policies.left_out:
        warnings.add_info(policies.left_out_note())
    if options.extra_facts_module is None and (
        policies.custom is not None or read & {"custom", "customFacts"}
    ):
        warnings.add_warning_v2(
            "cdk-client-connect:noExtraFacts",
            "policies read, or custom.cedarschema declares, what a module of extra facts says, but the handler has "
            'none, so context.customFacts is always "disabled" and there is no context.custom; give '
            'extra_facts=ExtraFacts.from_file("facts.py")',
        )


def _clock(policies: Policies) -> frozenset[str]:
    """Return what policies read of the clock that depends on its zone."""
    parsed = (each.template for each in parse(policies.sources) if each.template is not None)
    found = frozenset[str]().union(*(reads(each, split=("time",)) for each in parsed))
    return parts_of("time", found) - {"now"}


def _warn_of_endpoint_names(handler: Construct, names: Sequence[str], policies: Policies) -> None:
    """Warn of names of endpoints that policies ask for, but that the handler gives none."""
    if ENDPOINT_NAME not in attributes_read(policies):
        return
    if not names:
        Annotations.of(handler).add_warning_v2(
            "cdk-client-connect:noEndpointNames",
            "policies read context.endpointName, but endpoints= of the handler names none, so it is always "
            'absent; give endpoints={"prod": "cvpn-endpoint-...", ...}',
        )
        return
    constants = Constants(each.template for each in parse(policies.sources) if each.template is not None)
    for name in sorted(set(constants.texts(ENDPOINT_NAME)) - set(names)):
        near = nearest(name, names)
        instead = f'write "{near}"' if near else "name the endpoint, or correct the policy"
        Annotations.of(handler).add_warning_v2(
            "cdk-client-connect:unknownEndpointName",
            f'policies compare context.endpointName with "{name}", but endpoints= of the handler names '
            f"{', '.join(names)}; {instead}",
        )


def _warn_of_other_time_zones(handler: Construct, options: Options, policies: Policies) -> None:
    """Warn of tests in another time zone than the handler's, which say nothing of its clock."""
    tests = read_policy_tests(policies, time_zone=options.time_zone)
    zones = {str(test.facts.time_zone): test for test in reversed(tests)}
    zones.pop(str(time_zone_named(options.time_zone)), None)
    for zone, test in sorted(zones.items()):
        Annotations.of(handler).add_warning_v2(
            "cdk-client-connect:otherTimeZone",
            f"{test.file}:{test.line}: the test is in {zone}, but the handler decides in {options.time_zone}; leave "
            "time-zone out of the tests, or set time_zone of the handler",
        )


def _warn_of_settings(handler: Construct, options: Options, policies: Policies) -> None:
    """Warn of settings in another time zone, because the commands would decide otherwise than the handler."""
    if not _clock(policies):
        return
    try:
        settings = find_settings(Path())
    except InvalidSettings as error:
        problem = f"the commands cannot use their settings: {error}"
    else:
        if settings.time_zone in (None, options.time_zone):
            return
        problem = (
            f'time-zone in {settings.name} is "{settings.time_zone}", by which client-connect decides, but the handler '
            f"decides in {options.time_zone}; give both the same"
        )
    Annotations.of(handler).add_warning_v2("cdk-client-connect:otherTimeZone", problem)


def _warn_of_unused_concurrency(handler: Construct, options: Options) -> None:
    if options.provisioned_concurrency.minimum:
        Annotations.of(handler).add_warning_v2(
            "cdk-client-connect:provisionedConcurrencyHasNoEffect",
            "the endpoint is given the unqualified ARN, which invokes $LATEST, where Lambda never applies "
            "provisioned concurrency: it costs and has no effect. Use FunctionReference.ALIAS, or "
            "ProvisionedConcurrency.none()",
        )
