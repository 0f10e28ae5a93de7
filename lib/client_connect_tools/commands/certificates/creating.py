"""``client-connect certificates create`` and ``profile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.commands.certificates._shared import require_cryptography

FolderOption = Annotated[Path, typer.Option(help="Where the certificates are; it need not exist.")]
_FOLDER = Path("certificates")
_IGNORED = "*.key\n*.ovpn\n"


def create(  # noqa: PLR0913, PLR0917 - each is an option
    client: Annotated[
        list[str] | None,
        typer.Option(
            help="The common name of a device, such as alice-laptop; repeatable.", show_default=False
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            help="The domain name of the server's certificate. Default: of the one that is there, else vpn.internal."
        ),
    ] = None,
    folder: FolderOption = _FOLDER,
    days: Annotated[
        int, typer.Option(help="How long the server's and the clients' are valid.", min=1, max=3650)
    ] = 825,
    import_to_acm: Annotated[
        bool, typer.Option("--import-to-acm", help="Import the server's into AWS Certificate Manager.")
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(help="The Region to import into. Default: that of the environment.", show_default=False),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="The AWS profile. Default: that of the environment.", show_default=False),
    ] = None,
) -> None:
    """Create a certificate authority, the certificate of a server and those of clients.

    What is in the folder already stays as it is, so the command can be repeated for further clients.
    """
    require_cryptography()
    from datetime import timedelta

    from client_connect_tools.certificates.folder import AUTHORITY, SERVER, CertificateFolder
    from client_connect_tools.errors import ClientConnectError

    files = CertificateFolder(folder)
    try:
        written, kept = files.create(server=server, clients=client or [], valid=timedelta(days=days))
        _ignore_keys(folder)
        for path in written:
            print(printable(f"wrote {path.as_posix()} and {path.with_suffix('.key').name}"))
        for path in kept:
            print(printable(f"kept {path.as_posix()}"))
        if import_to_acm:
            from client_connect_tools.certificates.acm import import_certificate

            authority = files.read(AUTHORITY).certificate
            print(import_certificate(files.read(SERVER), authority, region=region, profile=profile))
    except ClientConnectError as error:
        wrong_use(error)


def profile(
    configuration: Annotated[
        Path, typer.Argument(help="What `aws ec2 export-client-vpn-client-configuration` wrote.")
    ],
    client: Annotated[list[str], typer.Option(help="The common name of a device; repeatable.")],
    folder: FolderOption = _FOLDER,
) -> None:
    """Write the profiles of clients: the endpoint's configuration with the client's certificate and key."""
    require_cryptography()
    from client_connect_tools.certificates.folder import CertificateFolder
    from client_connect_tools.errors import ClientConnectError

    try:
        text = configuration.read_text("utf-8-sig")
    except UnicodeDecodeError:
        wrong_use(
            f'"{configuration}" is not text in UTF-8; export the configuration again with --output text'
        )
    try:
        for name in client:
            path = CertificateFolder(folder).write_profile(name, text, str(configuration))
            print(printable(f"wrote {path.as_posix()}"))
    except ClientConnectError as error:
        wrong_use(error)


def _ignore_keys(folder: Path) -> None:
    """Keep the private keys out of version control."""
    file = folder / ".gitignore"
    if not file.exists():
        file.write_text(_IGNORED, "utf-8")
