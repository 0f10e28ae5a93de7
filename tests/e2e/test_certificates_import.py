"""``client-connect certificates create --import-to-acm``, with the emulator for AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from local_aws.emulator import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e


def test_the_server_is_imported_and_its_arn_printed(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACM has it; the files stay for further clients."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    arguments = [
        "certificates",
        "create",
        "--folder",
        str(tmp_path),
        "--server",
        "vpn.example.com",
        "--import-to-acm",
    ]
    result = CliRunner().invoke(main, [*arguments, "--region", REGION])
    assert result.exit_code == 0, result.output
    arn = result.stdout.splitlines()[-1]
    acm = boto3.Session(region_name=REGION).client("acm")  # not with credentials that another test has left
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == (tmp_path / "server.crt").read_text(
        "ascii"
    )


def test_fails_without_credentials_and_keeps_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is one line, and the command can be repeated."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    arguments = [
        "certificates",
        "create",
        "--folder",
        str(tmp_path / "new"),
        "--import-to-acm",
        "--profile",
        "nowhere",
    ]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "could not be imported" in result.stderr
    assert (tmp_path / "new" / "ca.key").is_file()
