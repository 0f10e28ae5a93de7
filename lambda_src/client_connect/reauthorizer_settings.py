"""What the construct configures of a deployed re-authorizer, beside what it shares with the handler."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from client_connect.unknown_connections import UnknownConnections

ENDPOINTS = "CLIENT_CONNECT_ENDPOINTS"
INTERVAL = "CLIENT_CONNECT_INTERVAL_SECONDS"
MAXIMUM_TERMINATIONS = "CLIENT_CONNECT_MAXIMUM_TERMINATIONS"
CONNECTIONS_PER_USER = "CLIENT_CONNECT_CONNECTIONS_PER_USER"
UNKNOWN_CONNECTIONS = "CLIENT_CONNECT_UNKNOWN_CONNECTIONS"
DRY_RUN = "CLIENT_CONNECT_DRY_RUN"
HANDLER_VERSION = "CLIENT_CONNECT_HANDLER_VERSION"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReauthorizerSettings:
    """The settings of a re-authorizer.

    Attributes:
        endpoints: The ids of its endpoints.
        interval_s: How often it is run.
        maximum_terminations: How many denied connections there may be; above that, none is terminated.
        connections_per_user: How many connections each user keeps: the newest.
        unknown_connections: What becomes of connections that the registry does not know.
        dry_run: Decide and record, but terminate nothing.
        handler_version: The version of the handler that it decides as: another one for each change of the
            handler's code or configuration.
    """

    endpoints: tuple[str, ...]
    interval_s: float = 300
    maximum_terminations: int = 100
    connections_per_user: int | None = None
    unknown_connections: UnknownConnections = UnknownConnections.LEAVE
    dry_run: bool = False
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
            connections_per_user=None if per_user is None else int(per_user),
            unknown_connections=UnknownConnections(os.environ[UNKNOWN_CONNECTIONS]),
            dry_run={"true": True, "false": False}[os.environ[DRY_RUN]],
            handler_version=os.environ[HANDLER_VERSION],
        )

    def to_json(self) -> str:
        """Return the settings as text, to compare them."""
        return json.dumps(asdict(self), default=str)
