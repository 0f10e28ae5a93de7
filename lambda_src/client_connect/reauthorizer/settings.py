"""The settings of a deployed re-authorizer, besides those that it shares with the handler."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from fractions import Fraction

from client_connect.reauthorizer.unknown_connections import UnknownConnections

ENDPOINTS = "CLIENT_CONNECT_ENDPOINTS"
INTERVAL = "CLIENT_CONNECT_INTERVAL_SECONDS"
MAXIMUM_TERMINATIONS = "CLIENT_CONNECT_MAXIMUM_TERMINATIONS"
MAXIMUM_SHARE = "CLIENT_CONNECT_MAXIMUM_SHARE"
SHARE_FLOOR = "CLIENT_CONNECT_SHARE_FLOOR"
WAIT = "CLIENT_CONNECT_WAIT_SECONDS"
TERMINATION_WINDOW = "CLIENT_CONNECT_TERMINATION_WINDOW_SECONDS"
CERTIFICATE_ENDPOINTS = "CLIENT_CONNECT_CERTIFICATE_ENDPOINTS"
CONNECTIONS_PER_USER = "CLIENT_CONNECT_CONNECTIONS_PER_USER"
UNKNOWN_CONNECTIONS = "CLIENT_CONNECT_UNKNOWN_CONNECTIONS"
DRY_RUN = "CLIENT_CONNECT_DRY_RUN"
HANDLER_VERSION = "CLIENT_CONNECT_HANDLER_VERSION"

DEFAULT_SHARE, DEFAULT_FLOOR, DEFAULT_WINDOW_S = 0.25, 10, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ReauthorizerSettings:
    """The settings of a re-authorizer.

    Attributes:
        endpoints: The ids of its endpoints.
        interval_s: How often it is run.
        maximum_terminations: How many denied connections there may be within ``window_s``; above that, none is
            terminated.
        maximum_share: Which share of the open connections these may be.
        share_floor: How many they may be whatever their share.
        window_s: For how long terminations add up.
        wait_s: For how long after a change of the policies connections that they deny are only reported.
        connections_per_user: How many connections each user keeps: the newest.
        unknown_connections: How to treat connections that the registry does not know.
        dry_run: Decide and record, but terminate nothing.
        ends_blocked: Whether it terminates what is blocked all the same: in a dry run that is only one because the
            handler is in shadow mode.
        certificate_endpoints: The ids of the endpoints where EC2's common name is a client
            certificate's.
        shared_certificates: Whether several devices use the same client certificate, as the handler has it.
        handler_version: The version of the handler that it decides as: another one for each change of the
            handler's code or configuration.
    """

    endpoints: tuple[str, ...]
    interval_s: float = 300
    maximum_terminations: int = 100
    maximum_share: float = DEFAULT_SHARE
    share_floor: int = DEFAULT_FLOOR
    window_s: float = DEFAULT_WINDOW_S
    wait_s: float = 0
    connections_per_user: int | None = None
    unknown_connections: UnknownConnections = UnknownConnections.LEAVE
    dry_run: bool = False
    ends_blocked: bool = False
    certificate_endpoints: tuple[str, ...] = ()
    shared_certificates: bool = False
    handler_version: str = ""

    @classmethod
    def from_environment(cls) -> ReauthorizerSettings:
        """Read the settings of this process.

        Raises:
            LookupError, ValueError: When a variable is missing, or has a value that is not allowed.
        """
        per_user = os.environ.get(CONNECTIONS_PER_USER)
        return cls(
            endpoints=tuple(os.environ[ENDPOINTS].split(",")),
            interval_s=float(os.environ[INTERVAL]),
            maximum_terminations=int(os.environ[MAXIMUM_TERMINATIONS]),
            maximum_share=float(os.environ.get(MAXIMUM_SHARE, DEFAULT_SHARE)),
            share_floor=int(os.environ.get(SHARE_FLOOR, DEFAULT_FLOOR)),
            window_s=float(os.environ.get(TERMINATION_WINDOW, DEFAULT_WINDOW_S)),
            wait_s=float(os.environ.get(WAIT, "0")),
            connections_per_user=None if per_user is None else int(per_user),
            unknown_connections=UnknownConnections(os.environ[UNKNOWN_CONNECTIONS]),
            dry_run={"true": True, "false": False}[os.environ[DRY_RUN]],
            certificate_endpoints=tuple(filter(None, os.environ.get(CERTIFICATE_ENDPOINTS, "").split(","))),
            handler_version=os.environ[HANDLER_VERSION],
        )

    def most_terminations(self, connections: int) -> int:
        """Return how many of so many connections the policies may end."""
        share = max(self.share_floor, int(Fraction(repr(self.maximum_share)) * connections))
        return min(self.maximum_terminations, share)

    def to_json(self) -> str:
        """Return the settings as text, to compare them."""
        return json.dumps(asdict(self), default=str)
