"""A real OpenVPN client, from its first packet to what its user reads."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from local_aws.process import running
from local_aws.vpn.networks import SERVER_IPV4, SERVER_IPV6, inside
from local_aws.vpn.openvpn_server import PORT
from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from local_aws.vpn.certificates import Certificate, Issuer

# "up" through the tunnel, "refused" with or without a message, or "ended" for another reason.
Outcome = Literal["up", "refused", "ended", "waiting"]

_UP = "Initialization Sequence Completed"
_REFUSED = re.compile(r"AUTH: Received control message: AUTH_FAILED,?(.*)")
_ONCE = (
    *("--connect-retry-max", "1", "--connect-timeout", "60", "--hand-window", "60", "--resolv-retry", "0"),
    *("--auth-retry", "none", "--single-session", "--tls-exit"),
)
_QUIET = ("--data-ciphers", "AES-256-GCM", "--disable-dco", "--explicit-exit-notify", "1", "--verb", "3")
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client connects.

    Attributes:
        username: Its user; ``None`` under mutual authentication alone.
        password: The password.
        ipv6: Whether it connects over IPv6.
        tunnel: Whether it has a tunnel for packets; a client without one is quicker to start.
        local: The public address to connect from, where its place has several.
        program: The client's program; that of this machine by default.
        arguments: Further arguments of OpenVPN.
        retry: Whether it tries again after it has lost its session or was refused for a time, as users' clients do.
        profile: The configuration file of its endpoint, with the server's address and authority.
    """

    username: str | None = None
    password: str = ""
    ipv6: bool = False
    tunnel: bool = False
    local: str | None = None
    program: Path | None = None
    arguments: Sequence[str] = ()
    retry: bool = False
    profile: Path | None = None


@dataclass(slots=True, kw_only=True)
class Client:
    """A client that was started; :meth:`stop` ends it.

    Attributes:
        name: Begins the names of its files.
        directory: The folder of the run.
        namespace: Where it is; ``None`` for the network of this machine.
        authority: Issued the server's certificate.
        certificate: Its own.
        options: How it connects.
    """

    name: str
    directory: Path
    namespace: str | None
    authority: Issuer
    certificate: Certificate
    options: ClientOptions
    _resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start it."""
        with contextlib.ExitStack() as resources:
            output = resources.enter_context(self._log_file.open("w"))
            command = inside(self.namespace, self._command())
            self._process = resources.enter_context(
                running(command, environment=os.environ, directory=self.directory, output=output)
            )
            self._resources = resources.pop_all()

    def stop(self) -> None:
        """End it, with a word to the server."""
        self._resources.close()

    @property
    def has_ended(self) -> bool:
        """Whether its process has ended, as after a refusal, and when the server ended its session."""
        return self._process is not None and self._process.poll() is not None

    @property
    def outcome(self) -> Outcome:
        """Its state so far."""
        ended, log = self.has_ended, self.log()
        if _UP in log:
            return "up"
        if not ended:
            return "waiting"
        return "refused" if _REFUSED.search(log) else "ended"

    @property
    def messages(self) -> list[str]:
        """The message that its user saw at each refusal; an empty text is none."""
        return _REFUSED.findall(self.log())

    def wait(self, seconds: float = 60.0) -> Outcome:
        """Wait until it is up, was refused, or has ended; ``waiting`` when that takes longer."""
        deadline = time.monotonic() + seconds
        while (outcome := self.outcome) == "waiting" and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return outcome

    def log(self) -> str:
        """Return what it has logged so far."""
        return self._log_file.read_text("utf-8", "replace") if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self.directory / f"{self.name}.log"

    def _command(self) -> list[str | Path]:
        options = self.options
        return [
            *(options.program or tool("openvpn"), *self._endpoint()),
            *(*_QUIET, *(() if options.retry else _ONCE)),
            *(("--local", options.local, "--lport", "0") if options.local else ("--nobind",)),
            *("--cert", self.certificate.certificate, "--key", self.certificate.key),
            *(
                ("--dev", "tun0")
                if options.tunnel
                else ("--dev", "null", "--ifconfig-noexec", "--route-noexec")
            ),
            *self._credentials(),
            *options.arguments,
        ]

    def _endpoint(self) -> list[str | Path]:
        options = self.options
        if options.profile is not None:
            return ["--config", options.profile]
        protocol, server = ("udp6", SERVER_IPV6) if options.ipv6 else ("udp4", SERVER_IPV4)
        return [
            *("--client", "--proto", protocol, "--remote", server, str(PORT), "--remote-cert-tls", "server"),
            *("--ca", self.authority.certificate),
        ]

    def _credentials(self) -> list[str | Path]:
        if self.options.username is None:
            return []
        file = self.directory / f"{self.name}.auth"
        file.touch(mode=0o600)
        file.write_text(f"{self.options.username}\n{self.options.password}\n", "utf-8")
        return ["--auth-user-pass", file]
