"""The endpoints that a handler answers, and the permission to query which of their connections are open."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import jsii
from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._unknown_values import is_unknown
from client_connect.record import ENDPOINT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import aws_lambda as lambda_

Endpoints: TypeAlias = "Sequence[str] | Mapping[str, str | Sequence[str]]"
"""Ids, or ids by the names that policies see as ``context.endpointName``."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_QUERY = "ec2:DescribeClientVpnConnections"


def ids_of(endpoints: Endpoints) -> list[str]:
    """Return the ids of endpoints, with names or without."""
    return [id_ for _, ids in _named(endpoints) for id_ in ids]


def names_of(endpoints: Endpoints | None) -> list[str]:
    """Return the names of endpoints; none where they have none."""
    return list(endpoints) if isinstance(endpoints, Mapping) else []


def environment_value(endpoints: Endpoints) -> str:
    """Return endpoints as the handler's settings read them."""
    return ",".join(f"{id_}={name}" if name else id_ for name, ids in _named(endpoints) for id_ in ids)


def require_endpoints(endpoints: Endpoints | None) -> None:
    """Check the endpoints that a handler answers; an id that is a token may be any.

    Raises:
        InvalidArgument: When none is given, or one is not the id of an endpoint, has two names, or a name that is not
            allowed.
    """
    if endpoints is None:
        return
    if isinstance(endpoints, str) or not endpoints:
        raise InvalidArgument(
            f"endpoints={endpoints!r} must be a list with the id of each endpoint that asks the handler, such as "
            '["cvpn-endpoint-0123456789abcdef0"], or a mapping of names to ids, such as {"prod": "cvpn-endpoint-..."}; '
            "leave it out to answer all endpoints"
        )
    ids = ids_of(endpoints)
    problems = [*map(_name_problem, names_of(endpoints)), *map(_problem, ids)]
    if isinstance(endpoints, Mapping):
        problems += [
            f"endpoints has the name {name} without an id; give it one"
            for name, of_it in _named(endpoints)
            if not of_it
        ]
        repeated = (id_ for id_, count in Counter(ids).items() if count > 1)
        problems += [f'endpoints has "{id_}" twice; give it one name' for id_ in repeated]
    if any(problems):
        raise InvalidArgument("\n".join(filter(None, problems)))


def refuse_circles(handler: Construct, alias: lambda_.IAlias, endpoints: Endpoints | None) -> None:
    """Let the synthesis fail if one of the endpoints is defined with this handler: each would wait for the other."""
    if endpoints:
        handler.node.add_validation(_CircleCheck(handler, alias, frozenset(ids_of(endpoints))))


def allow_queries(role: iam.Role, endpoints: Endpoints | None) -> None:
    """Allow a role to query which connections are open: of these endpoints, or of all in the account and Region.

    Without a list, the endpoints are not known here: most are defined with the handler, and so after its role.
    """
    arns = [
        Stack.of(role).format_arn(service="ec2", resource="client-vpn-endpoint", resource_name=id_)
        for id_ in (ids_of(endpoints) if endpoints else ["*"])
    ]
    role.add_to_principal_policy(iam.PolicyStatement(actions=[_QUERY], resources=arns))
    # There is no policy where the app customizes its roles, by iam.Role.customize_roles.
    policy = role.node.try_find_child("DefaultPolicy")
    if endpoints is None and policy is not None:
        reason = "any endpoint of this account and Region may use the handler; endpoints= of the handler names them"
        acknowledgment = Acknowledgment(
            id=f"AwsSolutions-IAM5[Resource::{_flat(role, arns[0])}]", reason=reason
        )
        Validations.of(policy).acknowledge(acknowledgment)


def _named(endpoints: Endpoints) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each name with the ids that have it; the empty one for those without."""
    if not isinstance(endpoints, Mapping):
        yield "", endpoints
        return
    for name, ids in endpoints.items():
        yield name, [ids] if isinstance(ids, str) or not isinstance(ids, Sequence) else ids


def _name_problem(name: object) -> str | None:
    if isinstance(name, str) and is_unknown(name):
        return "endpoints has a token as a name, which only the deployment knows; write the name itself"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return (
            f"endpoints has the name {name!r}; a name has 1 to 64 letters, digits, -, _ and ., and begins with a "
            'letter, such as "prod"'
        )
    return None


def _problem(endpoint: object) -> str | None:
    if not isinstance(endpoint, str):
        return (
            f"endpoints has {endpoint!r}; give the id as a string. The id of an endpoint that is defined with this "
            "handler cannot be a reference, because each would wait for the other: deploy the endpoint first, then "
            "give its id"
        )
    if not is_unknown(endpoint) and not ENDPOINT_ID.fullmatch(endpoint):
        return f'endpoints has "{endpoint}"; an id is "cvpn-endpoint-" and hexadecimal digits'
    return None


@jsii.implements(IValidation)
class _CircleCheck:
    def __init__(self, handler: Construct, alias: lambda_.IAlias, endpoints: frozenset[str]) -> None:
        self._handler = handler
        self._alias = alias
        self._endpoints = endpoints

    def validate(self) -> list[str]:
        """Return what is wrong."""
        return [
            f"endpoints has a reference to {construct.node.path}, which is defined with this handler, so each would "
            "wait for the other; deploy the endpoint first, then give its id as a string"
            for construct in self._handler.node.root.node.find_all()
            if isinstance(construct, ec2.CfnClientVpnEndpoint)
            and construct.ref in self._endpoints
            and self._is_used_by(construct)
        ]

    def _is_used_by(self, endpoint: ec2.CfnClientVpnEndpoint) -> bool:
        stack, used = Stack.of(self._handler), [self._alias, *self._handler.node.children]
        options = json.dumps(Stack.of(endpoint).resolve(endpoint.client_connect_options))
        children = [each.node.default_child for each in used]
        return any(
            isinstance(child, CfnElement) and f'"{stack.get_logical_id(child)}"' in options
            for child in children
        )


def _flat(scope: Construct, arn: str) -> str:
    """Return an ARN as cdk-nag writes it in its findings: with each reference by its name."""
    resolved = Stack.of(scope).resolve(arn)
    if isinstance(resolved, str):
        return resolved
    _, parts = resolved["Fn::Join"]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
