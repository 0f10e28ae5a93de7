"""The errors of this library, all of them ``ClientConnectError``.

ClientConnectError (a ValueError)
├── InvalidPolicies      policies that cannot be read, parsed or trusted
├── InvalidRules         fields of ``Rules`` that are empty, malformed or contradictory
├── BundleError          the function's code could not be put together
└── InvalidHandler       an argument of a construct; see ``cdk_client_connect.errors``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.finding import Finding


class ClientConnectError(ValueError):
    """Something that this library was given is wrong; the message says what to do."""


class InvalidPolicies(ClientConnectError):
    """Policies cannot be read, parsed or trusted.

    Attributes:
        findings: Everything that is wrong with them, in the order of the files.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {finding}" for finding in findings)]))
        self.findings: tuple[Finding, ...] = tuple(findings)


class InvalidRules(ClientConnectError):
    """A field of ``Rules`` is empty, malformed or contradicts another."""


class BundleError(ClientConnectError):
    """The function's code could not be put together."""
