"""The warning that policies count connections, but nothing keeps the registry up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations, Aspects, IAspect

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry

WARNING = "cdk-client-connect:noReauthorizer"


def warn_without_reauthorizer(handler: Construct, registry: IConnectionRegistry) -> None:
    """Warn at synthesis when a registry has no re-authorizer, which is defined after its handler."""
    Aspects.of(handler).add(_LooksForReauthorizer(handler, registry))


@jsii.implements(IAspect)
class _LooksForReauthorizer:
    def __init__(self, handler: Construct, registry: IConnectionRegistry) -> None:
        self._handler = handler
        self._registry = registry

    def visit(self, node: IConstruct) -> None:
        """Look once, when the handler itself is visited, not what is in it."""
        if node.node.path == self._handler.node.path and self._registry.reauthorizer is None:
            Annotations.of(self._handler).add_warning_v2(
                WARNING,
                "policies read context.activeConnections, but no ConnectionReauthorizer keeps the handler's registry "
                "up to date, so it is always absent and a limit of connections allows every connection; define a "
                "ConnectionReauthorizer with all endpoints that ask the handler",
            )
