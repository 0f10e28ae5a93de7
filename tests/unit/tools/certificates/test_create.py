"""``client-connect certificates create`` and ``profile``; tests/vpn connects with what they write."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from typer.testing import CliRunner

from client_connect_tools.certificates.authority import Authority, Issued
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

EXPORTED = (
    "client\nremote cvpn-endpoint-1.prod.clientvpn.eu-central-1.amazonaws.com 443\nremote-random-hostname\n"
)


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["certificates", *map(str, arguments)], catch_exceptions=False)


def create(folder: Path, *clients: str, **options: object) -> Result:
    """Create certificates of clients."""
    given = [text for name in clients for text in ("--client", name)]
    return run("create", "--folder", folder, *given, *(f"--{name}={each}" for name, each in options.items()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server and a client, which tests extend."""
    folder = tmp_path_factory.mktemp("certificates") / "new"
    result = create(folder, "alice-laptop", server="vpn.example.com")
    assert (result.exit_code, result.output.count("wrote ")) == (0, 3)
    return folder


def read(folder: Path, name: str) -> x509.Certificate:
    """Read a certificate."""
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_the_authority_issued_the_others(folder: Path) -> None:
    """Each has an RSA key of 2048 bits, and the server is named as one for clients."""
    authority = read(folder, "ca")
    for name in ("server", "alice-laptop"):
        certificate = read(folder, name)
        certificate.verify_directly_issued_by(authority)
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        assert key.key_size == 2048
    names = read(folder, "server").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["vpn.example.com"]


def test_check_reads_what_was_created(folder: Path) -> None:
    """With the kind of each."""
    result = run("check", *(folder / f"{name}.crt" for name in ("ca", "server", "alice-laptop")))
    assert result.exit_code == 0
    assert sorted(line.split()[0] for line in result.output.splitlines()) == ["CA", "client", "server"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_keys_are_the_owners_alone_and_not_for_git(folder: Path) -> None:
    """Neither is a profile, which has a key in it."""
    assert (
        run("profile", written(folder, EXPORTED), "--client", "alice-laptop", "--folder", folder).exit_code
        == 0
    )
    for name in ("ca.key", "server.key", "alice-laptop.key", "alice-laptop.ovpn"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert {"*.key", "*.ovpn"} == set((folder / ".gitignore").read_text().split())


def test_a_further_client_changes_nothing_else(folder: Path) -> None:
    """The command can be repeated."""
    before = {path.name: path.read_bytes() for path in folder.glob("*.crt")}
    result = create(folder, "alice-laptop", "bob", server="vpn.example.com")
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if line.startswith("wrote")] == [
        f"wrote {folder.as_posix()}/bob.crt and bob.key"
    ]
    assert {name: (folder / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"clients": ["../x"]}, "cannot be the name of a client"),
        ({"clients": ["a b"]}, "cannot be the name of a client"),
        ({"clients": ["x" * 65]}, "cannot be the name of a client"),
        ({"clients": ["Server"]}, "cannot be the name of a client"),
        ({"clients": ["a\n"]}, "cannot be the name of a client"),
        ({"clients": [""]}, "cannot be the name of a client"),
        ({"clients": ["bob", "Bob"]}, "differ only in case"),
        ({"server": "vpn"}, "is no name of a server"),
        ({"server": "vpn..example.com"}, "is no name of a server"),
        ({"server": "10.0.0.1"}, "is no name of a server"),
    ],
)  # fmt: skip
def test_fails_for_a_name_that_is_none(tmp_path: Path, options: dict[str, object], reason: str) -> None:
    """Before anything is written."""
    clients = options.pop("clients", [])
    assert isinstance(clients, list)
    result = create(tmp_path / "new", *clients, **options)
    assert (result.exit_code, result.stdout, reason in result.stderr) == (2, "", True)
    assert not (tmp_path / "new").exists()


def test_fails_for_a_folder_that_has_lost_its_authority(tmp_path: Path) -> None:
    """Another authority would issue certificates that the endpoint does not accept."""
    create(tmp_path)
    (tmp_path / "ca.key").unlink()
    result = create(tmp_path, "bob")
    assert (result.exit_code, 'ca.key" is not; put it there' in result.stderr) == (2, True)
    (tmp_path / "ca.crt").unlink()
    result = create(tmp_path, "bob")
    assert (result.exit_code, "but not ca.crt and ca.key" in result.stderr) == (2, True)
    assert not (tmp_path / "bob.crt").exists()


@pytest.mark.parametrize("damage", ["certificate", "key", "other key"])
def test_fails_for_an_authority_that_cannot_issue(folder: Path, tmp_path: Path, damage: str) -> None:
    """And says which file to look at."""
    create(tmp_path)
    if damage == "other key":
        (tmp_path / "ca.key").write_bytes((folder / "ca.key").read_bytes())
    else:
        (tmp_path / f"ca.{'crt' if damage == 'certificate' else 'key'}").write_text("-----BEGIN", "ascii")
    result = create(tmp_path, "bob")
    assert (result.exit_code, 'ca.crt"' in result.stderr) == (2, True)


def written(folder: Path, configuration: str) -> Path:
    """Write an exported configuration."""
    file = folder / "exported.txt"
    file.write_text(configuration, "utf-8")
    return file


@pytest.mark.parametrize(
    ("configuration", "client", "reason"),
    [
        ("", "alice-laptop", 'names no "remote"'),
        (f"{EXPORTED}<cert>\n</cert>\n", "alice-laptop", "certificate or key already"),
        (EXPORTED, "carol", "has no carol.crt"),
        (EXPORTED, "../carol", "cannot be the name"),
    ],
)
def test_fails_for_a_profile_that_cannot_be(
    folder: Path, tmp_path: Path, configuration: str, client: str, reason: str
) -> None:
    """And writes none."""
    result = run("profile", written(tmp_path, configuration), "--client", client, "--folder", folder)
    assert (result.exit_code, reason in result.stderr) == (2, True)


def test_fails_for_a_certificate_that_is_there_and_is_another_than_is_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    """It would be imported or given to a device as if it was the one that is asked for."""
    server = (folder / "server.crt").read_bytes()
    result = create(folder, "dave", server="other.example.com")
    assert result.exit_code == 2
    assert (
        'server.crt" cannot be kept, because it is that of "vpn.example.com"; move it and its key'
        in result.stderr
    )
    assert (folder / "server.crt").read_bytes() == server
    assert not (folder / "dave.crt").exists()
    assert create(folder, "dave").exit_code == 0
    for suffix in ("crt", "key"):
        (folder / f"dave.{suffix}").replace(folder / f"dora.{suffix}")
    assert 'because it is that of "dave"' in create(folder, "dora").stderr
    assert create(tmp_path, "erik").exit_code == 0
    for suffix in ("crt", "key"):
        (tmp_path / f"erik.{suffix}").replace(folder / f"erik.{suffix}")
    assert "because another authority issued it" in create(folder, "erik").stderr
    (folder / "erik.crt").write_bytes(b"\xfc")
    assert "because it is damaged" in create(folder, "erik").stderr


def test_fails_for_a_certificate_that_is_there_and_has_expired(tmp_path: Path) -> None:
    """Neither the server's nor a client's is kept as if it was good."""
    assert create(tmp_path, "bob").exit_code == 0
    own = Issued(
        certificate=(tmp_path / "ca.crt").read_text("ascii"), key=(tmp_path / "ca.key").read_text("ascii")
    )
    expired = Authority.read(own).issue("bob", "client", valid=timedelta(seconds=-60))
    (tmp_path / "bob.crt").write_text(expired.certificate, "ascii")
    assert "because it expired on" in create(tmp_path, "bob").stderr
    assert create(tmp_path, "carol").exit_code == 0


def test_an_authority_may_have_other_text_before_it_and_an_encrypted_key_may_not_be(
    folder: Path, tmp_path: Path
) -> None:
    """Easy-RSA writes the names before the certificate."""
    (tmp_path / "ca.crt").write_bytes(
        "Issuer: M\xfcnchen\n".encode("latin-1") + (folder / "ca.crt").read_bytes()
    )
    key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    (tmp_path / "ca.key").write_bytes((folder / "ca.key").read_bytes())
    assert create(tmp_path, "bob").exit_code == 0
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "ca.key").write_bytes(encrypted)
    result = create(tmp_path, "carol")
    assert (result.exit_code, "the key of the authority is encrypted; decrypt it by" in result.stderr) == (
        2,
        True,
    )
