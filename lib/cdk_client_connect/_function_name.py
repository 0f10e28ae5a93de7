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
    problems = []
    if not name.startswith(PREFIX) or name == PREFIX:
        problems.append(f'must begin with "{PREFIX}" and go on, because Client VPN invokes no other function')
    if not _ALLOWED.fullmatch(name):
        problems.append('may have letters, digits, "-" and "_" only')
    if len(name) > MAX_LENGTH:
        problems.append(f"has {len(name)} characters, and Lambda takes at most {MAX_LENGTH}")
    if problems:
        raise InvalidFunctionName(f'function_name "{name}" {"; it ".join(problems)}; use "{_usable(name)}"')


def _usable(name: str) -> str:
    """Return a name like this one that can be used."""
    own = name[len(PREFIX) :] if name.lower().startswith(PREFIX.lower()) else name
    own = re.sub(r"[^A-Za-z0-9_]+", "-", own).strip("-") or "handler"
    return (PREFIX + own)[:MAX_LENGTH]


def generated_function_name(scope: Construct) -> str:
    """Return a name that follows from the construct's path, so that it is the same in every synthesis."""
    path = Names.unique_resource_name(
        scope, max_length=MAX_LENGTH - len(PREFIX), separator="-", allowed_special_characters="-_"
    )
    return PREFIX + path
