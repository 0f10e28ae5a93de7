"""``client-connect certificates check --endpoint-id`` against emulated ACM, IAM and EC2."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from client_connect_tools.cli import main
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import EndpointConfiguration
from local_aws.emulator import REGION
from tests.support.certificates import certificate, revocation_list, saml_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e
ENDPOINT, BARE, BROKEN = (f"cvpn-endpoint-{digit * 17}" for digit in "123")


def days(number: int) -> timedelta:
    """Return so many full days, and an hour that the test may take."""
    return timedelta(days=number, hours=1)


@pytest.fixture(scope="module")
def variables(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Import certificates and an identity provider, and make endpoints that use them; return the environment."""
    given = emulator.environment
    session = boto3.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    acm: Any = session.client("acm", endpoint_url=emulator.endpoint)
    key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    authority = certificate("Corp VPN CA", "CA", ends=days(20))
    server, client = (
        acm.import_certificate(
            Certificate=certificate(name, kind, ends=days(left)), PrivateKey=key, CertificateChain=authority
        )["CertificateArn"]
        for name, kind, left in (("vpn.example.com", "server", 300), ("first-client", "client", 250))
    )
    signing = certificate("idp.example.com", "certificate", ends=days(90), encoding=Encoding.DER)
    provider = session.client("iam", endpoint_url=emulator.endpoint).create_saml_provider(
        Name="certificates", SAMLMetadataDocument=saml_metadata(signing) + " " * 1000
    )["SAMLProviderArn"]
    full = EndpointConfiguration(
        server_certificate=server,
        client_authority=client,
        saml_provider=provider,
        revocation_list=revocation_list(ends=days(5)).decode(),
    )
    with ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT, configuration=full)
        bare = EndpointConfiguration(server_certificate=server, client_authority=server)
        api.add_endpoint(BARE, configuration=bare)
        gone = server.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
        api.add_endpoint(BROKEN, configuration=EndpointConfiguration(server_certificate=gone))
        yield {**emulator.environment, **api.environment}


def run(variables: dict[str, str], *arguments: str) -> Result:
    """Run the command."""
    with mock.patch.dict(os.environ, variables):
        return CliRunner().invoke(main, ["certificates", "check", *arguments])


def brief(result: Result) -> list[tuple[str, str, int]]:
    """Return kind, name and days left of each."""
    rows: list[dict[str, Any]] = json.loads(result.stdout)["certificates"]
    return [(row["kind"], row["name"], row["daysLeft"]) for row in rows]


def test_all_that_an_endpoint_uses_is_told(variables: dict[str, str]) -> None:
    """The authority is in the chain of both certificates, and told once."""
    result = run(variables, "--endpoint-id", ENDPOINT, "--json")
    assert brief(result) == [
        ("CRL", "Corp VPN CA", 5),
        ("CA", "Corp VPN CA", 20),
        ("identity provider", "idp.example.com", 90),
        ("client", "first-client", 250),
        ("server", "vpn.example.com", 300),
    ]
    assert result.exit_code == 1
    text = run(variables, "--endpoint-id", ENDPOINT, "--days", "4")
    assert text.exit_code == 0
    assert f"the revocation list of {ENDPOINT}" in text.stdout.splitlines()[0]


def test_an_endpoint_without_a_list_has_none(variables: dict[str, str]) -> None:
    """It is no mistake; the certificate of the server may be the authority's stand-in."""
    result = run(variables, "--endpoint-id", BARE, "--json", "--days", "10")
    assert [row[0] for row in brief(result)] == ["CA", "server"]
    assert result.exit_code == 0


def test_what_cannot_be_read_is_told_and_the_rest_too(variables: dict[str, str]) -> None:
    """A certificate that is gone from ACM; status 2."""
    result = run(variables, "--endpoint-id", BROKEN, "--endpoint-id", ENDPOINT)
    assert result.exit_code == 2
    assert result.stderr.startswith("cannot read arn:aws:acm:")
    assert "vpn.example.com" in result.stdout


def test_fails_for_an_endpoint_that_is_not_there(variables: dict[str, str]) -> None:
    """With what EC2 says."""
    result = run(variables, "--endpoint-id", "cvpn-endpoint-00000000000000000")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "InvalidClientVpnEndpointId.NotFound" in result.stderr
