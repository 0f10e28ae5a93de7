"""Certificates, revocation lists and SAML metadata with any times."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from typing import Literal

_KEY = ec.generate_private_key(ec.SECP256R1())
_USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


def certificate(
    common_name: str,
    kind: Literal["CA", "server", "client", "both", "certificate"],
    *,
    ends: timedelta,
    begins: timedelta = timedelta(days=-100),
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    """Return a certificate.

    Args:
        common_name: Its name.
        kind: Of what it is; ``both`` of a server and a client, ``certificate`` of neither.
        ends: When it expires, from now on.
        begins: When it begins to be valid.
        encoding: PEM or DER.
    """
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name("Corp VPN CA"))
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=kind == "CA", path_length=None), critical=True)
    )
    usages = list(_USAGES.values()) if kind == "both" else [_USAGES[kind]] if kind in _USAGES else []
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(encoding)


def revocation_list(*, ends: timedelta, encoding: Encoding = Encoding.PEM) -> bytes:
    """Return a revocation list that must be renewed so long from now on."""
    now = datetime.now(UTC)
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name("Corp VPN CA"))
        .last_update(now - timedelta(days=100))
        .next_update(now + ends)
        .sign(_KEY, hashes.SHA256())
        .public_bytes(encoding)
    )


def saml_metadata(*certificates: bytes, valid_until: str = "") -> str:
    """Return the metadata of a SAML provider.

    Args:
        *certificates: Its certificates, as DER.
        valid_until: An attribute of the document, if it has one.
    """
    keys = "".join(
        "<md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n"
        + base64.encodebytes(each).decode().replace("\n", "&#13;\n")
        + "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for each in certificates
    )
    until = f' validUntil="{valid_until}"' if valid_until else ""
    return (
        '<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
        f'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example"{until}>'
        f"<md:IDPSSODescriptor>{keys}</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
