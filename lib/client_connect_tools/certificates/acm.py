"""AWS Certificate Manager, where an endpoint's certificates are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from client_connect_tools.errors import ClientConnectError

if TYPE_CHECKING:
    from client_connect_tools.certificates.authority import Issued


class ImportFailed(ClientConnectError):
    """ACM did not take a certificate."""


def import_certificate(server: Issued, authority: str, *, region: str | None, profile: str | None) -> str:
    """Import a server's certificate with its authority as the chain, and return its ARN.

    Args:
        server: The certificate.
        authority: The certificate of the authority, without its key.
        region: The Region of the endpoint; that of the environment without it.
        profile: The AWS profile; that of the environment without it.

    Raises:
        ImportFailed: When it cannot be imported.
    """
    try:
        client = boto3.Session(profile_name=profile, region_name=region).client("acm")
        answer = client.import_certificate(
            Certificate=server.certificate.encode(),
            PrivateKey=server.key.encode(),
            CertificateChain=authority.encode(),
        )
    except (BotoCoreError, ClientError) as error:
        raise ImportFailed(f"the certificate could not be imported: {error}") from None
    return str(answer["CertificateArn"])
