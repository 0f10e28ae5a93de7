"""The endpoints that a construct is given: constructs of both levels, or ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias, cast

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._endpoints import arn_of
from cdk_client_connect.final_templates._templates import top_level
from cdk_client_connect.shared._unknown_values import is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct, IConstruct

AnyEndpoint: TypeAlias = "ec2.IClientVpnEndpoint | ec2.CfnClientVpnEndpoint | str"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, by its id, which may be a token, and by a name for construct ids and legends."""

    name: str
    id: str


def read_endpoints(endpoints: Sequence[AnyEndpoint]) -> tuple[Endpoint, ...]:
    """Check the endpoints and name them.

    Raises:
        InvalidArgument: When they are no sequence, one is nothing of the kind, or one is there twice.
    """
    if isinstance(endpoints, str) or not isinstance(endpoints, list | tuple):
        raise InvalidArgument(f"endpoints={endpoints!r} must be a list; write [endpoint]")
    found = tuple(_endpoint(endpoint, position) for position, endpoint in enumerate(endpoints, start=1))
    names, ids = [endpoint.name for endpoint in found], [endpoint.id for endpoint in found]
    if twice := sorted({each.name for each in found if ids.count(each.id) > 1}):
        raise InvalidArgument(f"endpoints has {', '.join(twice)} more than once; give each once")
    return tuple(
        replace(each, name=f"{each.name}-{_hash(cast('IConstruct', endpoint))}")
        if names.count(each.name) > 1
        else each
        for each, endpoint in zip(found, endpoints, strict=True)
    )


def read_added(endpoint: AnyEndpoint, existing: Sequence[Endpoint]) -> Endpoint:
    """Check an endpoint that joins others, which keep their names, and name it.

    Raises:
        InvalidArgument: When it is nothing of the kind, or there already.
    """
    found = _endpoint(endpoint, len(existing) + 1)
    if any(each.id == found.id for each in existing):
        raise InvalidArgument(f"{found.name} is among the endpoints already; give each once")
    if any(each.name == found.name for each in existing):
        return replace(found, name=f"{found.name}-{_hash(cast('IConstruct', endpoint))}")
    return found


def require_no_circle(
    scope: Construct, endpoints: Sequence[AnyEndpoint], handler: IConstruct, arn: str
) -> None:
    """Refuse endpoints whose stack waits for the stack of what is to use them.

    An endpoint waits for its handler. What is in the handler's stack cannot wait for that endpoint too, unless it is
    in the same stack; the CDK would report a ``DependencyCycle`` without the way out.

    Args:
        scope: Where they are used.
        endpoints: The endpoints.
        handler: The handler.
        arn: What endpoints of the handler are given.

    Raises:
        InvalidArgument: When one waits for this stack.
    """
    ours = top_level(Stack.of(scope))
    is_handlers = top_level(Stack.of(handler)).node.addr == ours.node.addr
    for endpoint in endpoints:
        if isinstance(endpoint, str):
            continue
        theirs = top_level(Stack.of(endpoint))
        waits = (is_handlers and _asks(endpoint, arn)) or any(
            each.node.addr == ours.node.addr for each in theirs.dependencies
        )
        if waits and theirs.node.addr != ours.node.addr:
            raise InvalidArgument(
                f"endpoint {endpoint.node.path} is in stack {theirs.node.path}, which is deployed after "
                f"{ours.node.path}, so nothing in {ours.node.path} can refer to it; define this in "
                f"{theirs.node.path} or in a third stack, with the same handler, or give the endpoint's id as a "
                "string once it is deployed"
            )


def _asks(endpoint: IConstruct, arn: str) -> bool:
    """Whether an endpoint is given this ARN."""
    resource = endpoint.node.default_child or endpoint
    return isinstance(resource, ec2.CfnClientVpnEndpoint) and arn_of(resource) == arn


def _endpoint(endpoint: object, position: int) -> Endpoint:
    if isinstance(endpoint, str):
        if is_unknown(endpoint):
            return Endpoint(f"Endpoint{position}", endpoint)
        if re.fullmatch(r"cvpn-endpoint-[0-9a-f]+", endpoint):
            return Endpoint(endpoint, endpoint)
    elif isinstance(endpoint, ec2.CfnClientVpnEndpoint):
        return Endpoint(_name(endpoint), endpoint.ref)
    elif hasattr(endpoint, "endpoint_id") and hasattr(endpoint, "node"):
        # Not isinstance: what CDK imports is a proxy of an interface.
        return Endpoint(_name(cast("ec2.IClientVpnEndpoint", endpoint)), endpoint.endpoint_id)
    raise InvalidArgument(
        f"endpoints has {endpoint!r}; give an ec2.ClientVpnEndpoint, an ec2.CfnClientVpnEndpoint or the id of one, "
        'such as "cvpn-endpoint-0123456789abcdef0"'
    )


def _name(endpoint: IConstruct) -> str:
    return "-".join(re.findall(r"\w+", _path(endpoint)))


def _path(endpoint: IConstruct) -> str:
    """Return the id of the stack with the path in it: the same in every stage."""
    stack = Stack.of(endpoint)
    return stack.node.id + endpoint.node.path.removeprefix(stack.node.path)


def _hash(endpoint: IConstruct) -> str:
    """Return what distinguishes endpoints whose names are alike, as those of ``Eu-West`` and of ``West`` in ``Eu``."""
    return sha256(_path(endpoint).encode()).hexdigest()[:8]
