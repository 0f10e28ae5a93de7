"""``client-connect certificates check`` with files."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.certificates import certificate, revocation_list, saml_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

_LONG, _SOON, _GONE = timedelta(days=400, hours=1), timedelta(days=12, hours=1), timedelta(days=-3)
_SERVER = "client\nremote vpn.example.com 443\n"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["certificates", "check", *map(str, arguments)], input=stdin)


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    """Return what the command says as JSON."""
    found: list[dict[str, Any]] = json.loads(run("--json", *arguments).stdout)["certificates"]
    return found


def brief(*arguments: str | Path) -> list[tuple[str, str, int | None]]:
    """Return kind, name and days left of each."""
    return [(row["kind"], row["name"], row["daysLeft"]) for row in rows(*arguments)]


@contextmanager
def zone(name: str) -> Iterator[None]:
    """Set the clock of the machine meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()


def write(path: Path, *content: bytes | str) -> Path:
    """Write a file of several parts."""
    path.write_bytes(b"".join(part.encode() if isinstance(part, str) else part for part in content))
    return path


def test_the_soonest_comes_first_and_is_marked(tmp_path: Path) -> None:
    """Server, authority, client and revocation list, with status 1 because one expires within 30 days."""
    files = [
        write(tmp_path / "ca.crt", certificate("Corp VPN CA", "CA", ends=timedelta(days=3000, hours=1))),
        write(tmp_path / "server.crt", certificate("vpn.example.com", "server", ends=_LONG)),
        write(tmp_path / "alice.crt", certificate("alice-laptop", "client", ends=_SOON)),
        write(tmp_path / "crl.pem", revocation_list(ends=timedelta(days=150, hours=1))),
    ]
    result = run(*files)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["!", "client"],
        ["CRL", "Corp"],
        ["server", "vpn.example.com"],
        ["CA", "Corp"],
    ]
    assert "12 days left, until 20" in lines[0]
    assert lines[0].endswith(str(files[2]))
    assert run(*files, "--days", "11").exit_code == 0
    assert run(*files, "--days", "150").stdout.count("!") == 2


@pytest.mark.parametrize("kind", ["CA", "server", "client"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_kind_is_read_from_the_certificate(tmp_path: Path, kind: Any, encoding: Encoding) -> None:
    """Whatever the file is called and however it is encoded."""
    file = write(tmp_path / "x", certificate("x", kind, ends=_LONG, encoding=encoding))
    assert brief(file) == [(kind, "x", 400)]


@pytest.mark.parametrize("kind", ["both", "certificate"])
def test_a_certificate_of_no_single_use_is_called_a_certificate(tmp_path: Path, kind: Any) -> None:
    """It is not guessed whose it is."""
    assert brief(write(tmp_path / "x", certificate("x", kind, ends=_LONG))) == [("certificate", "x", 400)]


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_revocation_list_expires_with_its_next_update(tmp_path: Path, encoding: Encoding) -> None:
    """After it, no client can connect."""
    assert brief(write(tmp_path / "x", revocation_list(ends=_SOON, encoding=encoding))) == [
        ("CRL", "Corp VPN CA", 12)
    ]


def test_a_profile_has_its_certificates_inside_or_beside_it(tmp_path: Path) -> None:
    """A path is relative to the profile, and may be quoted; keys are left alone."""
    (tmp_path / "pki").mkdir()
    write(tmp_path / "pki" / "my own.crt", certificate("alice-laptop", "client", ends=_SOON))
    profile = write(
        tmp_path / "alice.ovpn",
        _SERVER.replace("\n", "\r\n"),
        'cert "pki/my own.crt"\r\nkey pki/alice.key\r\n# cert old.crt\r\nca [inline]\r\n<ca>\r\n',
        certificate("Corp VPN CA", "CA", ends=_LONG).replace(b"\n", b"\r\n"),
        "</ca>\r\n<key>\r\n-----BEGIN PRIVATE KEY-----\r\nAAAA\r\n-----END PRIVATE KEY-----\r\n</key>\r\n",
    )
    assert brief(profile) == [("client", "alice-laptop", 12), ("CA", "Corp VPN CA", 400)]


def test_a_profile_whose_certificate_is_missing_is_told(tmp_path: Path) -> None:
    """Instead of calling what is left of it fine."""
    profile = write(tmp_path / "alice.ovpn", _SERVER, "cert alice.crt\n", certificate("CA", "CA", ends=_LONG))
    result = run(profile)
    assert result.exit_code == 2
    assert f'cannot read "{tmp_path / "alice.crt"}": No such file or directory' in result.stderr


def test_a_profile_that_names_itself_ends(tmp_path: Path) -> None:
    """A named file is not followed as a profile."""
    profile = write(tmp_path / "a.ovpn", _SERVER, "cert a.ovpn\n", certificate("a", "client", ends=_LONG))
    assert brief(profile) == [("client", "a", 400)]


def test_what_many_profiles_share_is_told_once(tmp_path: Path) -> None:
    """Each has the certificate of the authority."""
    authority = certificate("Corp VPN CA", "CA", ends=_LONG)
    profiles = [write(tmp_path / f"{name}.ovpn", _SERVER, authority) for name in "abc"]
    assert [row["from"] for row in rows(*profiles)] == [f"{profiles[0]} and 2 more"]


def test_several_certificates_of_a_file_are_all_told(tmp_path: Path) -> None:
    """A chain, after the text that easy-rsa writes before it, with a list behind it."""
    file = write(
        tmp_path / "chain.pem",
        "Certificate:\n    Data:\n        Version: 3\n",
        certificate("leaf", "server", ends=_LONG),
        certificate("root", "CA", ends=_SOON),
        revocation_list(ends=_SOON + timedelta(days=1)),
    )
    assert [row[1] for row in brief(file)] == ["root", "Corp VPN CA", "leaf"]


def test_metadata_of_an_identity_provider_is_read(tmp_path: Path) -> None:
    """Its certificates once each, and the end of the document itself."""
    first = certificate("idp", "certificate", ends=_SOON, encoding=Encoding.DER)
    until = (datetime.now(UTC) + timedelta(days=2, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    file = write(tmp_path / "metadata.xml", saml_metadata(first, first, valid_until=until))
    assert brief(file) == [("metadata", "SAML metadata", 2), ("identity provider", "idp", 12)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_of_windows_is_read(tmp_path: Path, encoding: str) -> None:
    """PowerShell's redirection writes UTF-16."""
    file = write(tmp_path / "x.pem", certificate("x", "client", ends=_LONG).decode().encode(encoding))
    assert brief(file) == [("client", "x", 400)]


def test_an_expired_certificate_and_one_of_the_future_are_findings(tmp_path: Path) -> None:
    """However few days are asked for."""
    gone = write(tmp_path / "gone.crt", certificate("gone", "client", ends=_GONE))
    early = write(
        tmp_path / "early.crt", certificate("early", "client", begins=timedelta(days=5), ends=_LONG)
    )
    assert "EXPIRED 20" in run(gone, "--days", "0").stdout
    assert run(gone, "--days", "0").exit_code == 1
    assert "not valid until 20" in run(early, "--days", "0").stdout
    assert run(early, "--days", "0").exit_code == 1


def test_standard_input_is_read() -> None:
    """As of `aws acm get-certificate`."""
    result = run("-", stdin=certificate("x", "server", ends=_LONG))
    assert result.exit_code == 0
    assert result.stdout.split()[-1] == "<stdin>"


_DAMAGED = {
    "nothing": (b"", "has no certificate and no revocation list"),
    "a key alone": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "has no certificate"),
    "cut off": (certificate("x", "client", ends=_LONG)[:300], 'is cut off in a block "CERTIFICATE"'),
    "no base64": (
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        "has a damaged certificate or list",
    ),
    "no certificate": (
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "has a damaged certificate",
    ),
    "PKCS #12": (b"0\x82\x01\x00\x02\x01\x03", "of a PKCS #12 file give the certificates alone"),
    "metadata without a certificate": (saml_metadata().encode(), "has no certificate"),
    "metadata with a strange time": (
        saml_metadata(valid_until="soon").encode(),
        'is "soon", which is not a time',
    ),
}


@pytest.mark.parametrize("damage", _DAMAGED)
def test_what_cannot_be_read_is_told_and_the_others_too(tmp_path: Path, damage: str) -> None:
    """Status 2, but what could be read is printed."""
    content, message = _DAMAGED[damage]
    good = write(tmp_path / "good.crt", certificate("good", "client", ends=_SOON))
    result = run(write(tmp_path / "bad", content), good)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "good" in result.stdout


def test_a_damaged_certificate_between_others_is_not_skipped(tmp_path: Path) -> None:
    """The second of three has no end."""
    one = certificate("x", "client", ends=_LONG)
    file = write(tmp_path / "three.pem", one, one[: len(one) // 2], b"\n", one)
    assert run(file).exit_code == 2


def test_a_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    """With the reason of the system."""
    assert f'cannot read "{tmp_path}": Is a directory' in run(tmp_path).stderr
    assert "No such file" in run(tmp_path / "missing").stderr


def test_nothing_named_is_wrong_use() -> None:
    """It is no success."""
    result = run()
    assert result.exit_code == 2
    assert result.stderr == "nothing is named; give files, - for standard input, or --endpoint-id\n"


def test_names_act_on_no_terminal(tmp_path: Path) -> None:
    """A certificate is written by others."""
    file = write(tmp_path / "x.crt", certificate("a\x1b[2Jb\n::error::c", "client", ends=_LONG))
    assert "\x1b" not in run(file).stdout
    assert len(run(file).stdout.splitlines()) == 1
    assert "\x1b" not in run("--json", file).stdout


_PAGE = Path(__file__).parents[4] / "docs" / "certificates.md"
_TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")


def test_the_page_shows_what_the_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the times."""
    monkeypatch.chdir(tmp_path)
    authority = certificate("Corp VPN CA", "CA", ends=timedelta(days=3000, hours=1))
    client = certificate("alice-laptop", "client", ends=_SOON)
    write(tmp_path / "alice.ovpn", _SERVER, "<ca>\n", authority, "</ca>\n<cert>\n", client, "</cert>\n")
    write(tmp_path / "server.crt", certificate("vpn.example.com", "server", ends=_LONG))
    write(tmp_path / "crl.pem", revocation_list(ends=timedelta(days=150, hours=1)))
    example = _PAGE.read_text("utf-8").partition("```text\n$ client-connect certificates check ")[2]
    files, _, shown = example.partition("```")[0].partition("\n")
    with zone("UTC"):
        printed = run(*files.split()).stdout
    assert _TIMES.sub("", printed) == _TIMES.sub("", shown)


def test_times_are_those_of_the_machine_and_utc(tmp_path: Path) -> None:
    """Whoever reads them looks at a clock on the wall."""
    file = write(tmp_path / "x.crt", certificate("x", "client", ends=_LONG))
    with zone("XST-5:30"):
        assert re.search(r"until [-0-9]+ [:0-9]+ XST \([-0-9]+ [:0-9]+Z\)", run(file).stdout)
