"""A certificate authority for an endpoint: RSA keys of 2048 bits, which are the longest that Client VPN takes.

Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/mutual.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from client_connect_tools.errors import ClientConnectError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_KEY_BITS = 2048
_AUTHORITY_VALID = timedelta(days=7300)
_CLOCKS_DIFFER = timedelta(hours=1)
_USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


class UnusableAuthority(ClientConnectError):
    """A certificate and a key are not those of an authority that can issue certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its key, as PEM.

    Attributes:
        certificate: The certificate.
        key: The private key, not encrypted.
    """

    certificate: str
    key: str


class Authority:
    """Issues certificates of servers and clients.

    Args:
        certificate: The authority's own.
        key: Its private key.
    """

    def __init__(self, certificate: x509.Certificate, key: RSAPrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, common_name: str) -> Authority:
        """Return a new authority, which is valid for twenty years."""
        key = generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        name = _name(common_name)
        builder = _builder(name, name, key.public_key(), key.public_key(), _AUTHORITY_VALID)
        usage = _key_usage(certificates=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, own: Issued) -> Authority:
        """Return an authority that was created before.

        Raises:
            UnusableAuthority: When they cannot be read, do not belong together or are not those of an authority.
        """
        try:
            certificate = x509.load_pem_x509_certificate(own.certificate.encode())
            key = load_pem_private_key(own.key.encode(), password=None)
        except TypeError:
            raise UnusableAuthority(
                "the key of the authority is encrypted; decrypt it by: openssl pkey -in ca.key -out decrypted.key"
            ) from None
        except ValueError as error:
            raise UnusableAuthority(
                f"the certificate or the key of the authority is damaged: {error}"
            ) from None
        if not isinstance(key, RSAPrivateKey) or certificate.public_key() != key.public_key():
            raise UnusableAuthority("the key of the authority is not that of its certificate, or no RSA key")
        try:
            is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_authority = False
        if not is_authority:
            raise UnusableAuthority("the certificate of the authority is not one of an authority (CA)")
        return cls(certificate, key)

    def note(self, certificate: str, common_name: str | None) -> str:
        """Return what of a certificate that exists already is not as if it was issued now; else nothing.

        Args:
            certificate: As PEM.
            common_name: The expected name; ``None`` for any.
        """
        try:
            found = x509.load_pem_x509_certificate(certificate.encode())
            names = [str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        except ValueError:
            return "it is damaged"
        if common_name is not None and common_name not in names:
            return f'it is that of "{", ".join(names)}"'
        try:
            found.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return "another authority issued it"
        last = found.not_valid_after_utc
        return f"it expired on {last:%Y-%m-%d}" if last < datetime.now(UTC) else ""

    @property
    def own(self) -> Issued:
        """Its own certificate and key."""
        return _pem(self._certificate, self._key)

    def issue(self, common_name: str, kind: Literal["server", "client"], *, valid: timedelta) -> Issued:
        """Return a new certificate with a new key.

        Args:
            common_name: Its name; that of a server is a domain name.
            kind: Whose it is.
            valid: From now on.

        Raises:
            UnusableAuthority: When it would be valid longer than the authority.
        """
        last = self._certificate.not_valid_after_utc
        if datetime.now(UTC) > last:
            raise UnusableAuthority(
                f"the authority expired on {last:%Y-%m-%d}; create a new one in another folder"
            )
        if datetime.now(UTC) + valid > last:
            raise UnusableAuthority(
                f"the authority expires on {last:%Y-%m-%d}, before a certificate of {valid.days} days; take fewer "
                "--days, or create a new authority in another folder"
            )
        key = generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        issuer = self._certificate.subject
        builder = (
            _builder(_name(common_name), issuer, key.public_key(), self._key.public_key(), valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USAGES[kind]]), critical=False)
        )
        if kind == "server":
            names = x509.SubjectAlternativeName([x509.DNSName(common_name)])
            builder = builder.add_extension(names, critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: RSAPublicKey, issuer_key: RSAPublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_encipherment=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate, key: RSAPrivateKey) -> Issued:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Issued(certificate=certificate.public_bytes(Encoding.PEM).decode(), key=private.decode())
