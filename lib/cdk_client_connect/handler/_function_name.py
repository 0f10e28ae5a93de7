"""The name that Client VPN demands of the function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aws_cdk import Annotations, Names, Stack, Token

from cdk_client_connect.errors import InvalidFunctionName

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

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
    """Return a name that follows from the construct's path, so it is the same in every synthesis."""
    path = Names.unique_resource_name(
        scope, max_length=MAX_LENGTH - len(PREFIX), separator="-", allowed_special_characters="-_"
    )
    return PREFIX + path


def require_unique_name(scope: Construct, name: str) -> None:
    """Check that no other handler of the app has this explicit name in the same account and Region.

    Where an account or Region is not known, two stacks may be for different ones: then there is a warning. Call this
    before the handler is defined.

    Raises:
        InvalidFunctionName: When another handler has the name.
    """
    stack = Stack.of(scope)
    others = _named.setdefault(scope.node.root, {}).setdefault(name, [])
    for path, other in others:
        if other.node.addr == stack.node.addr or _is_same_environment(stack, other):
            raise InvalidFunctionName(
                f'function_name "{name}" is that of {path} already, and there is one function of a name in an account '
                "and Region; give each handler its own name, or none"
            )
        if not _may_be_same_environment(stack, other):
            continue
        Annotations.of(scope).add_warning_v2(
            "cdk-client-connect:sameFunctionName",
            f'function_name "{name}" is that of {path} too; in the same account and Region, the second '
            "deployment fails. Give each handler its own name, or each stack its env",
        )


def keep_name(handler: Construct, name: str) -> None:
    """Remember the explicit name of a handler."""
    _named.setdefault(handler.node.root, {}).setdefault(name, []).append(
        (handler.node.path, Stack.of(handler))
    )


_named: WeakKeyDictionary[IConstruct, dict[str, list[tuple[str, Stack]]]] = WeakKeyDictionary()


def _environment(stack: Stack) -> tuple[str, str]:
    return stack.account, stack.region


def _is_same_environment(one: Stack, other: Stack) -> bool:
    parts = [*_environment(one), *_environment(other)]
    return not any(map(Token.is_unresolved, parts)) and _environment(one) == _environment(other)


def _may_be_same_environment(one: Stack, other: Stack) -> bool:
    return all(
        Token.is_unresolved(ours) or Token.is_unresolved(theirs) or ours == theirs
        for ours, theirs in zip(_environment(one), _environment(other), strict=True)
    )
