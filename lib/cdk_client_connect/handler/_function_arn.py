"""The ARN of a handler that another app deployed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import Annotations, Fn, Stack, Token

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler._function_name import PREFIX, require_function_name
from cdk_client_connect.shared._unknown_values import is_unknown
from client_connect_tools.deployed.description import ALIAS_NAME

if TYPE_CHECKING:
    from constructs import Construct

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:"
    r"(?P<name>[A-Za-z0-9_-]+)(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?"
)
_EXAMPLE = "arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-handler:live"


class FunctionArn(NamedTuple):
    """The parts of an ARN, any of them may be a token.

    Attributes:
        region: The Region.
        account: The account.
        name: The function's name.
        qualifier: The alias or version; ``None`` in an unqualified ARN.
    """

    region: str
    account: str
    name: str
    qualifier: str | None


def read_arn(scope: Construct, function_arn: str) -> FunctionArn:
    """Check an ARN as far as it is known; of a token, an alias ``live`` of this account and Region is assumed.

    Raises:
        InvalidArgument: When it is no ARN of a function, or of another account or Region than the scope.
        InvalidFunctionName: When Client VPN would not invoke a function of that name.
    """
    stack = Stack.of(scope)
    if is_unknown(function_arn):
        is_token = Token.is_unresolved(function_arn)
        name = Fn.select(6, Fn.split(":", function_arn)) if is_token else f"{PREFIX}not-looked-up-yet"
        return FunctionArn(stack.region, stack.account, name, ALIAS_NAME)
    if (match := _ARN.fullmatch(function_arn)) is None:
        raise InvalidArgument(
            f'function_arn="{function_arn}" must be the ARN of a function, with its alias, such as "{_EXAMPLE}"'
        )
    require_function_name(match["name"])
    for kind, ours in (("account", stack.account), ("region", stack.region)):
        if not Token.is_unresolved(ours) and match[kind] != ours:
            raise InvalidArgument(
                f'function_arn="{function_arn}" is of {kind} {match[kind]}, but stack {stack.node.path} is in {ours}; '
                "Client VPN invokes only functions of the endpoint's own account and Region, so use a handler there"
            )
    qualifier = None if match["qualifier"] == "$LATEST" else match["qualifier"]
    return FunctionArn(match["region"], match["account"], match["name"], qualifier)


def warn_of_qualifier(handler: Construct, arn: FunctionArn, *, is_provisioned: bool | None) -> None:
    """Warn of an ARN that invokes other code than the handler's alias does.

    Args:
        handler: The imported handler.
        arn: Its ARN.
        is_provisioned: Whether environments are kept initialized for its alias, if that is known.
    """
    warnings = Annotations.of(handler)
    if arn.qualifier is None and is_provisioned is not False:
        warnings.add_warning_v2(
            "cdk-client-connect:unqualifiedArn",
            f"the ARN of function {arn.name} has no alias, so endpoints invoke $LATEST: provisioned concurrency, "
            f'gradual deployments and alarms of the alias have no effect. Use the ARN that ends with ":{ALIAS_NAME}": '
            "function_arn of the ClientConnectHandler",
        )
    elif arn.qualifier is not None and arn.qualifier.isdecimal():
        warnings.add_warning_v2(
            "cdk-client-connect:pinnedVersion",
            f"the ARN of function {arn.name} names version {arn.qualifier}, so endpoints keep its policies when a new "
            f'version is deployed. Use the ARN that ends with ":{ALIAS_NAME}"',
        )
