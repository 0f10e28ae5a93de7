"""Whether endpoints ask for a client certificate, and the warning that policies find no device where none does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Annotations, Aspects, IAspect, Stack
from aws_cdk import aws_ec2 as ec2

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

WARNING = "cdk-client-connect:noMutualAuthentication"
_MUTUAL, _SAML = "certificate-authentication", "federated-authentication"


def warn_without_mutual_authentication(handler: Construct) -> None:
    """Warn at synthesis when no endpoint of the app uses mutual authentication.

    Only when everything is defined can this be seen, so an aspect looks.
    """
    Aspects.of(handler).add(_LooksForMutualAuthentication(handler))


def warn_without_certificates(handler: Construct) -> None:
    """Warn at synthesis when the app has endpoints, and none uses mutual authentication, though policies name devices.

    An endpoint that is defined elsewhere is not known, so an app without one gets no warning.
    """
    Aspects.of(handler).add(_LooksForCertificates(handler))


def names_certificates(endpoint: object) -> bool:
    """Tell whether what EC2 calls a common name is known to be that of a client certificate.

    Not where users authenticate by SAML, too: it is not documented whose name EC2 tells then.
    """
    construct = getattr(getattr(endpoint, "node", None), "default_child", None) or endpoint
    if not isinstance(construct, ec2.CfnClientVpnEndpoint):
        return False
    options: Any = Stack.of(construct).resolve(construct.authentication_options)
    kinds = (
        [option.get("type") if isinstance(option, dict) else None for option in options]
        if isinstance(options, list)
        else []
    )
    return _MUTUAL in kinds and _SAML not in kinds and all(isinstance(kind, str) for kind in kinds)


@jsii.implements(IAspect)
class _LooksForMutualAuthentication:
    def __init__(self, handler: Construct) -> None:
        self._handler = handler
        self._path = handler.node.path

    def visit(self, node: IConstruct) -> None:
        """Look through the app once: when the handler itself is visited, not what is in it."""
        if node.node.path != self._path or any(map(_may_use_certificates, node.node.root.node.find_all())):
            return
        Annotations.of(self._handler).add_warning_v2(
            WARNING,
            "policies read what the device inventory says, but no endpoint of this app uses mutual authentication, by "
            "which alone Client VPN learns a device's common name; set client_certificate_arn on the endpoint, or "
            f'acknowledge "{WARNING}" when an endpoint elsewhere does',
        )


@jsii.implements(IAspect)
class _LooksForCertificates:
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
        if endpoints and not any(map(_may_use_certificates, endpoints)):
            Annotations.of(self._handler).add_warning_v2(
                WARNING,
                "policies name devices or read their common names, but no endpoint of this app uses mutual "
                "authentication, by which alone Client VPN learns a device's common name, so these policies never "
                "apply; set client_certificate_arn on the endpoint, or acknowledge "
                f'"{WARNING}" if an endpoint elsewhere uses client certificates',
            )


def _may_use_certificates(construct: IConstruct) -> bool:
    if not isinstance(construct, ec2.CfnClientVpnEndpoint):
        return False
    options: Any = Stack.of(construct).resolve(construct.authentication_options)
    # What is no list of plain options, such as the choice of a condition, is known at deployment only.
    return not isinstance(options, list) or any(map(_may_be_mutual, options))


def _may_be_mutual(option: Any) -> bool:  # noqa: ANN401 - whatever the CDK resolves
    kind = option.get("type") if isinstance(option, dict) else None
    return kind == _MUTUAL or not isinstance(kind, str)
