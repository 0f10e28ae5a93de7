"""The certificates in ACM that endpoints use, whose expiry ACM publishes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_ec2 as ec2

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._unknown_values import is_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aws_cdk import Stack

    from cdk_client_connect.endpoint._endpoints import AnyEndpoint, Endpoint

_ARN = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


def read_certificates(given: object) -> dict[str, str]:
    """Check certificates that were given by name.

    Raises:
        InvalidArgument: When they are no mapping of names to ARNs of ACM.
    """
    if not isinstance(given, dict):
        raise InvalidArgument(
            f'certificates={given!r} must be a dictionary, such as {{"Server": "arn:aws:acm:..."}}'
        )
    for name, arn in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidArgument(
                f"certificates has the name {name!r}; give letters, digits and hyphens, such as Server"
            )
        if not isinstance(arn, str) or not (is_unknown(arn) or _ARN.fullmatch(arn)):
            raise InvalidArgument(
                f"certificates has {arn!r} as {name}, which is no ARN of a certificate in ACM"
            )
    return dict(given)


def certificates_of(
    endpoints: Sequence[AnyEndpoint], named: Sequence[Endpoint], known: Mapping[str, str], stack: Stack
) -> dict[str, str]:
    """Return the certificates of endpoints that this app defines, each ARN once, by the endpoint and its use.

    Args:
        endpoints: The endpoints; ids and imported ones do not say what they use.
        named: The same, with their names.
        known: Certificates that are watched already.
        stack: Where they are watched.
    """
    found, seen = {}, {_identity(arn, stack) for arn in known.values()}
    for endpoint, name in zip(endpoints, named, strict=True):
        for use, arn in _used(endpoint):
            if (identity := _identity(arn, stack)) not in seen:
                seen.add(identity)
                found[f"{name.name}-{use}"] = arn
    return found


def _used(endpoint: AnyEndpoint) -> Iterator[tuple[str, str]]:
    resource = endpoint if isinstance(endpoint, str) else endpoint.node.default_child or endpoint
    if not isinstance(resource, ec2.CfnClientVpnEndpoint):
        return
    yield "Server", resource.server_certificate_arn
    options: Any = resource.authentication_options
    # A value that only the deployment decides, such as the choice of a condition, is no list of plain options.
    for option in options if isinstance(options, list) else ():
        mutual = getattr(option, "mutual_authentication", None)
        arn = getattr(mutual, "client_root_certificate_chain_arn", None)
        if isinstance(arn, str):
            yield "ClientAuthority", arn


def _identity(arn: str, stack: Stack) -> str:
    return json.dumps(stack.resolve(arn), sort_keys=True)
