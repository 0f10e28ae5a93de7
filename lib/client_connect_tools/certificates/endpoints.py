"""The expiring parts of deployed endpoints: certificates in ACM, revocation lists, and identity providers in IAM."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from client_connect_tools.certificates.reading import UnreadableCertificates, read_expiries
from client_connect_tools.deployed.aws import AwsFailed, aws_errors, client
from client_connect_tools.deployed.endpoints import describe_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from client_connect_tools.certificates.expiry import Expiry
    from client_connect_tools.deployed.endpoints import Endpoint


def read_endpoints(ids: Sequence[str]) -> tuple[list[Expiry], list[str]]:
    """Return what expires of endpoints in the Region of the environment, and what cannot be read.

    Args:
        ids: Their ids.

    Raises:
        AwsFailed: When the endpoints cannot be described.
    """
    found: list[Expiry] = []
    problems = []
    for endpoint in describe_endpoints(None, ids):
        for origin, read in _sources(endpoint):
            try:
                with aws_errors():
                    content = read()
                found += read_expiries(content.encode(), origin)
            except (AwsFailed, UnreadableCertificates) as error:
                problems.append(f"cannot read {origin}: {error}")
    return found, problems


def _sources(endpoint: Endpoint) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what to call each source, and what reads it."""
    for arn in dict.fromkeys(filter(None, (endpoint.server_certificate, endpoint.client_authority))):
        yield arn, partial(_of_acm, arn)
    if endpoint.client_authority is not None:
        yield f"the revocation list of {endpoint.id}", partial(_revocation_list, endpoint.id)
    for arn in endpoint.saml_providers:
        yield arn, partial(_metadata, arn)


def _of_acm(arn: str) -> str:
    """Return a certificate and its chain: the authority whose certificate expires is often in the chain alone."""
    found = client("acm", None).get_certificate(CertificateArn=arn)
    return f"{found['Certificate']}\n{found.get('CertificateChain', '')}"


def _revocation_list(endpoint_id: str) -> str:
    """Return the list; nothing when the endpoint has none."""
    ec2: Any = client("ec2", None)
    found = ec2.export_client_vpn_client_certificate_revocation_list(ClientVpnEndpointId=endpoint_id)
    return str(found.get("CertificateRevocationList") or "")


def _metadata(arn: str) -> str:
    return str(client("iam", None).get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"])
