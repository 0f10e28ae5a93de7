"""The warning that policies on users or groups never see one, because no endpoint authenticates users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Annotations, Aspects, IAspect, Stack
from aws_cdk import aws_ec2 as ec2
from cedarpy import pst

from client_connect_tools.cedar.nodes import walk
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.checking.lints import attributes_read

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from client_connect_tools import Policies

WARNING = "cdk-client-connect:noUserAuthentication"
_BY_CERTIFICATE = "certificate-authentication"
_USERS = {pst.EntityType("User", ("ClientVpn",)), pst.EntityType("Group", ("ClientVpn",))}
_DEVICES = {pst.EntityType("Device", ("ClientVpn",))}


def names_users(policies: Policies) -> bool:
    """Tell whether a policy names a user or a group, or asks who the user is."""
    return "username" in attributes_read(policies) or _names(policies, _USERS)


def names_devices(policies: Policies) -> bool:
    """Tell whether a policy names a device, or asks for the common name of its certificate."""
    return bool(attributes_read(policies) & {"commonName", "ownCertificate"}) or _names(policies, _DEVICES)


def _names(policies: Policies, types: set[pst.EntityType]) -> bool:
    templates = [each.template for each in parse(policies.sources) if each.template is not None]
    return any(
        node in types for template in templates for node in walk(template) if isinstance(node, pst.EntityType)
    )


def warn_without_user_authentication(handler: Construct) -> None:
    """Warn at synthesis when the app has endpoints, and none authenticates users.

    An endpoint that is defined elsewhere is not known, so an app without one gets no warning. Only when everything is
    defined can this be seen, so an aspect looks.
    """
    Aspects.of(handler).add(_LooksForUserAuthentication(handler))


@jsii.implements(IAspect)
class _LooksForUserAuthentication:
    def __init__(self, handler: Construct) -> None:
        self._handler = handler
        self._path = handler.node.path

    def visit(self, node: IConstruct) -> None:
        """Look through the app once: when the handler itself is visited, not what is in it."""
        if node.node.path != self._path:
            return
        endpoints = [
            each for each in node.node.root.node.find_all() if isinstance(each, ec2.CfnClientVpnEndpoint)
        ]
        if endpoints and not any(map(_may_authenticate_users, endpoints)):
            Annotations.of(self._handler).add_warning_v2(
                WARNING,
                "policies read users or groups, but no endpoint of this app authenticates users: under mutual "
                "authentication alone, Client VPN sends no user name and no groups, so these policies never apply; "
                "set user_based_authentication on the endpoint, write the policies for devices (context.commonName, "
                f'ClientVpn::Device), or acknowledge "{WARNING}" if an endpoint elsewhere authenticates users',
            )


def _may_authenticate_users(endpoint: ec2.CfnClientVpnEndpoint) -> bool:
    options: Any = Stack.of(endpoint).resolve(endpoint.authentication_options)
    # Anything but a list of plain options, such as the choice of a condition, is known at deployment only.
    return not isinstance(options, list) or any(map(_may_be_of_users, options))


def _may_be_of_users(option: Any) -> bool:  # noqa: ANN401 - whatever the CDK resolves
    kind = option.get("type") if isinstance(option, dict) else None
    return kind != _BY_CERTIFICATE
