"""A certificate authority of OpenSSL's command line, which gives certificates whatever names they are to have."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ELLIPTIC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")  # quick to make
# The only kind that Client VPN supports.
# Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/mutual.html
RSA = ("-newkey", "rsa:2048")
_DAYS = ("-days", "2")
_REQUEST = """[req]
distinguished_name = name
prompt = no
utf8 = yes
string_mask = utf8only
[name]
CN = "{common_name}"
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = {usage}
"""


class CertificateFailed(Exception):
    """OpenSSL did not make a certificate; the message has what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Issuer(Protocol):
    """The issuer of the certificates of a server and its clients."""

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        ...

    def server(self, common_name: str) -> Certificate:
        """Issue the certificate of a server."""
        ...

    def client(self, common_name: str) -> Certificate:
        """Return the certificate of a device."""
        ...


class Authority:
    """A certificate authority with its files in a folder.

    Args:
        directory: The folder, which is there.
        keys: The kind of keys, as OpenSSL's options name it.
    """

    def __init__(self, directory: Path, *, keys: Sequence[str] = ELLIPTIC) -> None:
        self._directory = directory
        self._keys: tuple[str | Path, ...] = (*keys, "-nodes")
        self._issued: dict[str, Certificate] = {}
        self._own = Certificate(certificate=directory / "ca.crt", key=directory / "ca.key")
        _openssl(
            *("req", "-x509", *self._keys, *_DAYS, "-subj", "/CN=Local Client VPN"),
            *("-keyout", self._own.key, "-out", self._own.certificate),
        )

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        return self._own.certificate

    def server(self, common_name: str) -> Certificate:
        """Issue the certificate of a server."""
        return self._issue(common_name, usage="serverAuth")

    def client(self, common_name: str) -> Certificate:
        """Return the certificate of a device, which is issued at the first time.

        Args:
            common_name: In any alphabet; OpenSSL takes at most 64 characters, and OpenVPN 64 bytes of UTF-8.

        Raises:
            CertificateFailed: When it is longer, or empty.
        """
        if common_name not in self._issued:
            self._issued[common_name] = self._issue(common_name, usage="clientAuth")
        return self._issued[common_name]

    def _issue(self, common_name: str, *, usage: str) -> Certificate:
        stem = self._directory / f"{usage}-{len(self._issued)}"
        made = Certificate(certificate=stem.with_suffix(".crt"), key=stem.with_suffix(".key"))
        config = stem.with_suffix(".cnf")
        config.write_text(_REQUEST.format(common_name=_quoted(common_name), usage=usage), "utf-8")
        _openssl(
            *("req", "-x509", *self._keys, *_DAYS, "-utf8", "-config", config, "-extensions", "leaf"),
            *("-CA", self._own.certificate, "-CAkey", self._own.key),
            *("-keyout", made.key, "-out", made.certificate),
        )
        return made


def _quoted(text: str) -> str:
    for character in '\\"$#':
        text = text.replace(character, f"\\{character}")
    return text


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run([tool("openssl"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CertificateFailed(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
