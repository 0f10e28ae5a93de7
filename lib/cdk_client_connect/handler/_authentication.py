"""How endpoints authenticate, and the warnings when they provide no value that policies read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Annotations, Aspects, IAspect, Stack
from aws_cdk import aws_ec2 as ec2
from cedarpy import pst

from cdk_client_connect.final_templates._endpoints import arn_of
from client_connect_tools.cedar.nodes import walk
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.checking.lints import attributes_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from constructs import Construct, IConstruct

    from client_connect_tools import Policies

_NO_CERTIFICATES = "cdk-client-connect:noMutualAuthentication"
_NO_USERS = "cdk-client-connect:noUserAuthentication"
_MUTUAL, _SAML = "certificate-authentication", "federated-authentication"
_USERS = {pst.EntityType("User", ("ClientVpn",)), pst.EntityType("Group", ("ClientVpn",))}
_DEVICES = {pst.EntityType("Device", ("ClientVpn",))}
_OF_THE_INVENTORY = {"device", "inventory", "ownerTags"}


def warn_of_authentication(handler: Construct, arn: str, policies: Policies, *, has_inventory: bool) -> None:
    """Warn at synthesis when endpoints do not authenticate what the policies are about: users, or devices.

    Each endpoint that is defined with the handler is looked at. Without one, it is all endpoints of the app
    together, as one of them may be attached later; an endpoint elsewhere is not known. Only when everything is
    defined can this be seen, so an aspect looks.

    Args:
        handler: The handler.
        arn: What endpoints are given.
        policies: Its policies.
        has_inventory: Whether it looks devices up, which it cannot without their common names.
    """
    read = attributes_read(policies)
    reads_inventory = has_inventory and bool(read & _OF_THE_INVENTORY)
    names_devices = bool(read & {"commonName", "ownCertificate"}) or _names(policies, _DEVICES)
    names_users = "username" in read or _names(policies, _USERS)
    Aspects.of(handler).add(
        _Look(
            handler,
            arn,
            reads_inventory=reads_inventory,
            names_devices=names_devices,
            names_users=names_users,
        )
    )


def names_certificates(endpoint: object) -> bool:
    """Tell whether what EC2 calls a common name is known to be that of a client certificate.

    Not where users authenticate by SAML, too: it is not documented whose name EC2 reports then.
    """
    construct = getattr(getattr(endpoint, "node", None), "default_child", None) or endpoint
    if not isinstance(construct, ec2.CfnClientVpnEndpoint):
        return False
    kinds = _kinds(construct)
    return (
        kinds is not None
        and _MUTUAL in kinds
        and _SAML not in kinds
        and all(isinstance(kind, str) for kind in kinds)
    )


@jsii.implements(IAspect)
class _Look:
    def __init__(
        self,
        handler: Construct,
        arn: str,
        *,
        reads_inventory: bool,
        names_devices: bool,
        names_users: bool,
    ) -> None:
        self._handler = handler
        self._path = handler.node.path
        self._arn = arn
        self._reads_inventory = reads_inventory
        self._names_devices = names_devices
        self._names_users = names_users

    def visit(self, node: IConstruct) -> None:
        """Look through the app once: when the handler itself is visited, not what is in it."""
        if node.node.path != self._path:
            return
        everywhere = [
            each for each in node.node.root.node.find_all() if isinstance(each, ec2.CfnClientVpnEndpoint)
        ]
        own = [each for each in everywhere if arn_of(each) == self._arn]
        if self._names_users:
            self._warn_of_users(own, everywhere)
        if self._reads_inventory or self._names_devices:
            self._warn_of_certificates(own, everywhere)

    def _warn_of_users(
        self, own: Sequence[ec2.CfnClientVpnEndpoint], everywhere: Sequence[ec2.CfnClientVpnEndpoint]
    ) -> None:
        where = _without(_may_authenticate_users, own, everywhere)
        if where and everywhere:
            Annotations.of(self._handler).add_warning_v2(
                _NO_USERS,
                f"policies read users or groups, but {where} authenticates users: under mutual authentication alone, "
                "Client VPN sends no user name and no groups, so these policies never apply there; set "
                "user_based_authentication on the endpoint, write the policies for devices (context.commonName, "
                f'ClientVpn::Device), or acknowledge "{_NO_USERS}" if another endpoint authenticates users',
            )

    def _warn_of_certificates(
        self, own: Sequence[ec2.CfnClientVpnEndpoint], everywhere: Sequence[ec2.CfnClientVpnEndpoint]
    ) -> None:
        where = _without(_may_use_certificates, own, everywhere)
        if where and (everywhere or self._reads_inventory):
            what = (
                "what the device inventory says" if self._reads_inventory else "the common names of devices"
            )
            Annotations.of(self._handler).add_warning_v2(
                _NO_CERTIFICATES,
                f"policies read {what}, but {where} uses mutual authentication, by which alone Client VPN learns a "
                "device's common name; set client_certificate_arn on the endpoint, or acknowledge "
                f'"{_NO_CERTIFICATES}" if another endpoint does',
            )


def _without(
    may: Callable[[ec2.CfnClientVpnEndpoint], bool],
    own: Sequence[ec2.CfnClientVpnEndpoint],
    everywhere: Sequence[ec2.CfnClientVpnEndpoint],
) -> str:
    """Return how a warning names the endpoints that do not; nothing if there is no reason to warn."""
    if own:
        lacking = [each.node.path for each in own if not may(each)]
        return f"not every endpoint of the handler ({', '.join(lacking)} does not)" if lacking else ""
    return "" if any(map(may, everywhere)) else "no endpoint of this app"


def _names(policies: Policies, types: Iterable[pst.EntityType]) -> bool:
    """Tell whether a policy names an entity of one of these types, or asks for the type."""
    templates = [each.template for each in parse(policies.sources) if each.template is not None]
    return any(
        node in types for template in templates for node in walk(template) if isinstance(node, pst.EntityType)
    )


def _may_use_certificates(endpoint: ec2.CfnClientVpnEndpoint) -> bool:
    kinds = _kinds(endpoint)
    return kinds is None or any(kind == _MUTUAL or not isinstance(kind, str) for kind in kinds)


def _may_authenticate_users(endpoint: ec2.CfnClientVpnEndpoint) -> bool:
    kinds = _kinds(endpoint)
    return kinds is None or any(kind != _MUTUAL for kind in kinds)


def _kinds(endpoint: ec2.CfnClientVpnEndpoint) -> list[object] | None:
    """Return the types of authentication, those that only the deployment knows not as text.

    ``None`` for what is no list of plain options, such as the choice of a condition.
    """
    options: Any = Stack.of(endpoint).resolve(endpoint.authentication_options)
    if not isinstance(options, list):
        return None
    return [option.get("type") if isinstance(option, dict) else None for option in options]
