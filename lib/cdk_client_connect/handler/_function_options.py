"""The arguments of ``lambda_.Function`` that are passed on as they are: all that do not contradict a handler."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LOGS = "decisions are recorded as JSON at level INFO in log_group, which metrics and queries need"

# Options that would make it something other than a handler.
_REFUSED = {
    "application_log_level": _LOGS,
    "application_log_level_v2": _LOGS,
    "current_version_options": "the handler's alias and its versions belong together",
    "description": "it says which policies a version has, which the commands versions and rollback read",
    "durable_config": "Client VPN waits for each answer",
    "environment_encryption": "encryption_key of the handler is the key of all that it defines",
    "events": "Client VPN alone invokes a handler",
    "log_format": _LOGS,
    "log_removal_policy": _LOGS,
    "log_retention": _LOGS,
    "log_retention_retry_options": _LOGS,
    "log_retention_role": _LOGS,
    "logging_format": _LOGS,
    "role": "the handler's role may do what it needs alone; use add_to_role_policy",
    "tenancy_config": "Client VPN names no tenant when it invokes a handler",
}

# Options that a module of extra facts may need in a re-authorizer too, or an organization asks for.
_FOR_THE_SAME_CODE = (
    "adot_instrumentation",
    "allow_public_subnet",
    "code_signing_config",
    "ephemeral_storage_size",
    "filesystem",
    "insights_version",
    "ipv6_allowed_for_dual_stack",
    "layers",
    "params_and_secrets",
    "runtime_management_mode",
)


def arguments_of(options: object, own: Collection[str]) -> dict[str, Any]:
    """Return the arguments that options set.

    Args:
        options: ``lambda_.FunctionOptions``, or ``None`` for none.
        own: The names of the handler's own arguments, which go before.

    Raises:
        InvalidArgument: When it is something else, or sets what a handler decides.
    """
    if options is None:
        return {}
    if not isinstance(options, lambda_.FunctionOptions) or isinstance(options, lambda_.FunctionProps):
        raise InvalidArgument(
            f"function_options={options!r} must be lambda_.FunctionOptions(...), such as "
            "lambda_.FunctionOptions(layers=[...])"
        )
    names = [
        name for name in inspect.signature(lambda_.FunctionOptions.__init__).parameters if name != "self"
    ]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    problems = [
        f"function_options has {name}, but {reason}"
        for name in given
        if (
            reason := f"{name} is an argument of the handler; set it there"
            if name in own
            else _REFUSED.get(name)
        )
    ]
    if problems:
        raise InvalidArgument("\n".join(problems))
    return given


def for_the_same_code(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what another function with the same code needs of a handler's arguments."""
    return {name: arguments[name] for name in _FOR_THE_SAME_CODE if name in arguments}
