"""The warning that connections are not counted, because nothing says which of them are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations, Aspects, IAspect

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from cdk_client_connect.tables.connection_registry import ConnectionRegistry

_WARNING = "cdk-client-connect:noReauthorizer"


def warn_without_reauthorizer(handler: Construct, registry: ConnectionRegistry) -> None:
    """Warn at synthesis when policies count connections, and no re-authorizer looks after the registry.

    It is defined after the handler, so an aspect looks.
    """
    Aspects.of(handler).add(_Look(handler, registry))


@jsii.implements(IAspect)
class _Look:
    def __init__(self, handler: Construct, registry: ConnectionRegistry) -> None:
        self._handler = handler
        self._path = handler.node.path
        self._registry = registry

    def visit(self, node: IConstruct) -> None:
        """Look once: when the handler itself is visited, not what is in it."""
        if node.node.path == self._path and self._registry.reauthorizer is None:
            Annotations.of(self._handler).add_warning_v2(
                _WARNING,
                "policies read context.activeConnections, but the registry has no re-authorizer, which alone finds out "
                "which connections are still open, so that the number is always absent and no limit denies; define a "
                f'ConnectionReauthorizer, or acknowledge "{_WARNING}"',
            )
