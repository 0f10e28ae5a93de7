"""The files that hold what expires, among them those that OpenVPN profiles name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools.certificates.reading import UnreadableCertificates, files_of_profile, read_expiries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect_tools.certificates.expiry import Expiry

STANDARD_INPUT = "-"

# Larger than any revocation list that Client VPN takes.
_LARGEST = 20 * 2**20


def read_files(files: Iterable[str]) -> tuple[list[Expiry], list[str]]:
    """Return what expires in files, and what is wrong with the files.

    Args:
        files: Their paths, or ``-`` for standard input.
    """
    found: list[Expiry] = []
    problems = []
    for file in files:
        try:
            found += _read(file)
        except UnreadableCertificates as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f'cannot read "{error.filename or file}": {error.strerror or error}')
    return found, problems


def _read(file: str) -> list[Expiry]:
    content, origin = _content(file)
    found = read_expiries(content, origin)
    for named in files_of_profile(content):
        path = str(Path(file).parent / named)
        found += read_expiries(_content(path)[0], path)
    if not found:
        raise UnreadableCertificates(
            f'"{origin}" has no certificate and no revocation list; give PEM or DER files, OpenVPN profiles or the '
            "metadata of a SAML provider"
        )
    return found


def _content(file: str) -> tuple[bytes, str]:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(_LARGEST), "<stdin>"
    with Path(file).open("rb") as stream:
        return stream.read(_LARGEST), file
