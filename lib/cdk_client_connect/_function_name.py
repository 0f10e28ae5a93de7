"""The name that Client VPN demands of the function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Names, Token

from cdk_client_connect.errors import InvalidFunctionName

if TYPE_CHECKING:
    from constructs import Construct

PREFIX = "AWSClientVPN-"
MAX_LENGTH = 64
_ALLOWED = re.compile(r"[A-Za-z0-9_-]+")


def require_function_name(name: str) -> None:
    """Check a name against the rules of Client VPN and of Lambda.

    Sources: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html,
    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html

    Raises:
        InvalidFunctionName: When it does not keep to them, or is a token that cannot be checked.
    """
    if Token.is_unresolved(name):
        raise InvalidFunctionName(
            f'function_name is a token that gets its value only at deployment, so its prefix "{PREFIX}" cannot '
            "be checked, and with another one Client VPN would deny every connection; give a text"
        )
    if not name.startswith(PREFIX) or name == PREFIX:
        raise InvalidFunctionName(
            f'function_name "{name}" must begin with "{PREFIX}" and go on, because Client VPN invokes no other '
            f'function; use "{PREFIX}{name.removeprefix(PREFIX) or "handler"}"'
        )
    if not _ALLOWED.fullmatch(name):
        raise InvalidFunctionName(
            f'function_name "{name}" has characters that Lambda does not allow; use letters, digits, "-" and "_"'
        )
    if len(name) > MAX_LENGTH:
        raise InvalidFunctionName(
            f'function_name "{name}" has {len(name)} characters; Lambda takes at most {MAX_LENGTH}, so shorten it'
        )


def generated_function_name(scope: Construct) -> str:
    """Return a name that follows from the construct's path, so that it is the same in every synthesis."""
    path = Names.unique_resource_name(
        scope, max_length=MAX_LENGTH - len(PREFIX), separator="-", allowed_special_characters="-_"
    )
    return PREFIX + path
