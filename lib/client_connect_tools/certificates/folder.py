"""The folder with the files of an authority, its server and its clients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from client_connect_tools.certificates.authority import Authority, Issued, UnusableAuthority
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.output.private_file import private_file
from client_connect_tools.output.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import timedelta
    from pathlib import Path

AUTHORITY, SERVER = "ca", "server"
_AUTHORITY_NAME = "Client VPN CA"
_SERVER_NAME = "vpn.internal"

# A valid file name on every system, and a common name that OpenVPN passes on unchanged.
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}[A-Za-z0-9]|[A-Za-z0-9]")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{4,64}}$)(?:{_LABEL}\.)+(?=[a-z]){_LABEL}", re.IGNORECASE)
_REMOTE = re.compile(r"^\s*remote\s+\S", re.MULTILINE)
_CREDENTIALS = re.compile(r"^\s*(?:<(?:cert|key|pkcs12)>|(?:cert|key|pkcs12)\s)", re.MULTILINE)


class UnusableFolder(ClientConnectError):
    """The files of a folder, or a name, cannot be used for certificates."""


class CertificateFolder:
    """``ca.crt``, ``server.crt``, ``NAME.crt`` for each client, and the keys next to them.

    Args:
        folder: Where; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(
        self, *, server: str | None, clients: Iterable[str], valid: timedelta
    ) -> tuple[list[Path], list[Path]]:
        """Create what is missing, and return the certificates that were written and those that were there.

        One that is there and cannot be what is asked for ends it, lest it be imported or given to a device.

        Args:
            server: The domain name of the server's certificate. Default: that of the one that is there, else
                ``vpn.internal``.
            clients: The common names of devices.
            valid: How long the certificates of the server and the clients are valid.

        Raises:
            UnusableFolder: When a name cannot be used, one of two files is missing, or a certificate that is there has
                another name or authority, or has expired.
            UnusableAuthority: When the authority in the folder cannot issue them.
            OSError: When a file cannot be read or written.
        """
        names = [*dict.fromkeys(clients)]
        _require_names(server or _SERVER_NAME, names)
        self._folder.mkdir(parents=True, exist_ok=True)
        there = {name for name in (AUTHORITY, SERVER, *names) if self._is_there(name)}
        if AUTHORITY not in there and (others := sorted(there)):
            raise UnusableFolder(
                f'"{self._folder}" has the certificate "{others[0]}.crt", but not ca.crt and ca.key, which issued '
                "it; put them there, or name an empty folder"
            )
        authority = self._authority(is_there=AUTHORITY in there)
        self._require_current(authority, {SERVER: server, **{name: name for name in names}}, there)
        # All are issued before the first is written, so a failure leaves nothing behind.
        issued = {AUTHORITY: authority.own} if AUTHORITY not in there else {}
        if SERVER not in there:
            issued[SERVER] = authority.issue(server or _SERVER_NAME, "server", valid=valid)
        issued |= {name: authority.issue(name, "client", valid=valid) for name in names if name not in there}
        for name, each in issued.items():
            self._write(name, each)
        return [self.certificate(name) for name in issued], [self.certificate(name) for name in sorted(there)]

    def certificate(self, name: str) -> Path:
        """Return the file of a certificate."""
        return self._folder / f"{name}.crt"

    def read(self, name: str) -> Issued:
        """Return a certificate and its key.

        Raises:
            UnusableFolder: When they are not there.
        """
        if not self._is_there(name):
            raise UnusableFolder(
                f'"{self._folder}" has no {name}.crt and {name}.key; create them by: client-connect certificates '
                f"create --client {name}"
            )
        # Only what is between the marks of PEM counts; before it, other tools write names in any encoding.
        texts = [
            file.read_bytes().decode("ascii", "replace") for file in (self.certificate(name), self._key(name))
        ]
        return Issued(certificate=texts[0], key=texts[1])

    def write_profile(self, name: str, configuration: str, origin: str) -> Path:
        """Write the profile of a client: the endpoint's configuration with the client's certificate and key.

        Args:
            name: The client's common name.
            configuration: What the endpoint's configuration was exported as.
            origin: Its file.

        Raises:
            UnusableFolder: When the client has no certificate here, or this is no configuration without one.
            OSError: When it cannot be written.
        """
        if not _REMOTE.search(configuration):
            raise UnusableFolder(
                f'"{origin}" is not the configuration of an endpoint, because it names no "remote"; export it by: '
                "aws ec2 export-client-vpn-client-configuration"
            )
        if _CREDENTIALS.search(configuration):
            raise UnusableFolder(f'"{origin}" has a client\'s certificate or key already; export it again')
        _require_names(_SERVER_NAME, [name])
        issued = self.read(name)
        path = self._folder / f"{name}.ovpn"
        with private_file(path) as stream:
            stream.write(f"{configuration.rstrip()}\n\n")
            stream.write(f"<cert>\n{issued.certificate.strip()}\n</cert>\n")
            stream.write(f"<key>\n{issued.key.strip()}\n</key>\n")
        return path

    def _authority(self, *, is_there: bool) -> Authority:
        if not is_there:
            return Authority.create(_AUTHORITY_NAME)
        try:
            return Authority.read(self.read(AUTHORITY))
        except UnusableAuthority as error:
            raise UnusableAuthority(f'{error}; look at "{self.certificate(AUTHORITY)}"') from None

    def _require_current(
        self, authority: Authority, names: Mapping[str, str | None], there: Collection[str]
    ) -> None:
        for name in sorted(names.keys() & there):
            if note := authority.note(self.read(name).certificate, names[name]):
                raise UnusableFolder(
                    f'"{self.certificate(name)}" cannot be kept, because {note}; move it and its key away to have a '
                    "new one, or name another folder"
                )

    def _is_there(self, name: str) -> bool:
        files = (self.certificate(name), self._key(name))
        found = [file for file in files if file.exists() or file.is_symlink()]
        if len(found) == 1:
            (missing,) = set(files) - set(found)
            raise UnusableFolder(
                f'"{found[0]}" is there, but "{missing}" is not; put it there, or remove the other'
            )
        return bool(found)

    def _key(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def _write(self, name: str, issued: Issued) -> None:
        with private_file(self._key(name)) as stream:
            stream.write(issued.key)
        write_whole(self.certificate(name), issued.certificate)


def _require_names(server: str, clients: Iterable[str]) -> None:
    if not _DOMAIN.fullmatch(server):
        raise UnusableFolder(
            f'"{server}" is no name of a server; use a domain name of at most 64 characters, such as "vpn.example.com"'
        )
    seen: dict[str, str] = {}
    for name in clients:
        if not _CLIENT.fullmatch(name) or name.casefold() in (AUTHORITY, SERVER):
            raise UnusableFolder(
                f'"{name}" cannot be the name of a client; use 1 to 64 letters, digits and . _ @ - between them, other '
                f'than "{AUTHORITY}" and "{SERVER}", such as "alice-laptop"'
            )
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UnusableFolder(
                f'"{other}" and "{name}" differ only in case, so their files would be the same on some systems'
            )
