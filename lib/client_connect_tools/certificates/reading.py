"""Certificates and revocation lists in files: PEM, DER, OpenVPN profiles and the metadata of SAML providers.

Sources: https://www.rfc-editor.org/rfc/rfc7468 and
https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
"""

from __future__ import annotations

import base64
import html
import re
import warnings
from datetime import UTC
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from client_connect_tools.certificates.expiry import Expiry
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.inputs.timestamps import NotATime, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from client_connect_tools.certificates.expiry import Kind

_BLOCK = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----(?P<base64>.*?)-----END (?P=label)-----", re.DOTALL
)
_BEGIN = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----")
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_LISTS = frozenset({"X509 CRL"})
_SEQUENCE = b"0"  # how DER begins
_SAML = re.compile(r"<(?:[\w.-]+:)?X509Certificate\b[^>]*>(?P<base64>[^<]*)</")
_METADATA = re.compile(r"<(?:[\w.-]+:)?Entit(?:y|ies)Descriptor\b(?P<attributes>[^>]*)>")
_VALID_UNTIL = re.compile(r"""\bvalidUntil\s*=\s*["'](?P<time>[^"']*)["']""")
_REMOTE = re.compile(r"^\s*remote\s+\S", re.MULTILINE)
_FILE = re.compile(
    r"""^\s*(?:ca|cert|extra-certs|crl-verify|pkcs12)\s+(?P<path>"[^"]+"|'[^']+'|\S+)""", re.MULTILINE
)


class UnreadableCertificates(ClientConnectError):
    """Something holds no certificate, or one that cannot be read."""


def read_expiries(content: bytes, origin: str) -> list[Expiry]:
    """Return what expires in the content of a file, in its order.

    Args:
        content: PEM, possibly with other text such as an OpenVPN profile; DER; or SAML metadata.
        origin: What to call the file.

    Raises:
        UnreadableCertificates: When something in it is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of certificates that break rules that do not matter here
        return list(_of_der(content, origin) if _is_der(content) else _of_text(content, origin))


def files_of_profile(content: bytes) -> list[str]:
    """Return the paths that a file refers to, if it is an OpenVPN profile: certificates and revocation lists."""
    text = _decoded(content)
    if _REMOTE.search(text) is None:
        return []
    paths = (match["path"].strip("\"'").replace("\\\\", "\\") for match in _FILE.finditer(text))
    return [path for path in paths if path != "[inline]"]


def _is_der(content: bytes) -> bool:
    return content.startswith(_SEQUENCE) and b"-----BEGIN" not in content


def _of_der(content: bytes, origin: str) -> Iterator[Expiry]:
    for read in (_certificate, _revocation_list):
        try:
            yield read(content, origin)
        except ValueError:
            continue
        return
    raise UnreadableCertificates(
        f'"{origin}" is binary, but neither a certificate nor a revocation list; of a PKCS #12 file give the '
        "certificates alone: openssl pkcs12 -nokeys -in FILE"
    )


def _of_text(content: bytes, origin: str) -> Iterator[Expiry]:
    text = _decoded(content)
    if _METADATA.search(text):
        yield from _of_saml(text, origin)
        return
    ends = {match.start(): match for match in _BLOCK.finditer(text)}
    for begin in _BEGIN.finditer(text):
        read = _reader(begin["label"])
        if read is None:
            continue
        if (block := ends.get(begin.start())) is None:
            raise UnreadableCertificates(f'"{origin}" is cut off in a block "{begin["label"]}"')
        yield _sound(read, block["base64"], origin)


def _reader(label: str) -> Callable[[bytes, str], Expiry] | None:
    if label in _CERTIFICATES:
        return _certificate
    return _revocation_list if label in _LISTS else None


def _of_saml(text: str, origin: str) -> Iterator[Expiry]:
    for descriptor in _METADATA.finditer(text):
        if until := _VALID_UNTIL.search(descriptor["attributes"]):
            yield Expiry(
                kind="metadata",
                name="SAML metadata",
                origin=origin,
                begins=None,
                ends=_time(until["time"], origin),
            )
    for match in _SAML.finditer(text):
        yield _sound(_identity_provider, html.unescape(match["base64"]), origin)


def _time(text: str, origin: str) -> datetime:
    try:
        return instant(text, UTC)
    except NotATime as error:
        raise UnreadableCertificates(f'validUntil of "{origin}" {error}') from None


def _sound(read: Callable[[bytes, str], Expiry], encoded: str, origin: str) -> Expiry:
    try:
        return read(base64.b64decode("".join(encoded.split()), validate=True), origin)
    except ValueError as error:
        raise UnreadableCertificates(f'"{origin}" has a damaged certificate or list: {error}') from None


def _certificate(der: bytes, origin: str, kind: Kind | None = None) -> Expiry:
    certificate = x509.load_der_x509_certificate(der)
    return Expiry(
        kind=kind or _kind(certificate),
        name=_name(certificate.subject),
        origin=origin,
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )


def _identity_provider(der: bytes, origin: str) -> Expiry:
    return _certificate(der, origin, "identity provider")


def _revocation_list(der: bytes, origin: str) -> Expiry:
    found = x509.load_der_x509_crl(der)
    return Expiry(
        kind="CRL",
        name=_name(found.issuer),
        origin=origin,
        begins=found.last_update_utc,
        ends=found.next_update_utc,
    )


def _kind(certificate: x509.Certificate) -> Kind:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "CA"
    except x509.ExtensionNotFound:
        pass
    try:
        usages = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return "certificate"
    is_server, is_client = (
        usage in usages for usage in (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    )
    if is_server == is_client:
        return "certificate"
    return "server" if is_server else "client"


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = common[0].value if common else name.rfc4514_string()
    return text if isinstance(text, str) else text.hex()


def _decoded(content: bytes) -> str:
    """Decode text. PowerShell writes UTF-16; of other encodings, what matters is ASCII."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")
