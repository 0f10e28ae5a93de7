"""``make acceptance`` and ``make leftovers`` with a profile of the emulator: nothing happens without a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acceptance import leftovers
from acceptance.__main__ import main
from acceptance.naming import TAG
from acceptance.place import Account
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.emulator import ACCOUNT, REGION, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

PROFILE = ["--profile", "sandbox", "--region", REGION]


@pytest.fixture(scope="module")
def empty() -> Iterator[Emulator]:
    """An account with nothing in it, not even the CDK's bootstrap stack."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """Its EC2, with a foreign endpoint."""
    with ClientVpnApi() as api:
        api.add_endpoint("cvpn-endpoint-0123456789abcdef0")
        yield api


@pytest.fixture
def profile(empty: Emulator, api: ClientVpnApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A profile of the AWS CLI that leads to it; the environment leads nowhere."""
    keys = empty.environment
    config = tmp_path / "config"
    config.write_text(
        f"[services here]\nec2 =\n  endpoint_url = {api.endpoint}\n"
        f"[profile sandbox]\nservices = here\nendpoint_url = {empty.endpoint}\n"
        f"aws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n",
        "utf-8",
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return empty


def leave_certificate(emulator: Emulator, folder: Path, *, run: str | None) -> str:
    """Import a certificate, as a run does or with another tag."""
    from local_aws.vpn.certificates import Authority  # noqa: PLC0415 - needs openssl

    server = Authority(folder).server("vpn.example.com")
    imported = emulator.client("acm").import_certificate(  # type: ignore[call-overload]
        Certificate=server.certificate.read_bytes(),
        PrivateKey=server.key.read_bytes(),
        Tags=[{"Key": TAG, "Value": run} if run else {"Key": "owner", "Value": "network"}],
    )
    arn: str = imported["CertificateArn"]
    return arn


def certificates(emulator: Emulator) -> set[str]:
    """Return the account's certificates."""
    listed = emulator.client("acm").list_certificates()  # type: ignore[call-overload]
    return {each["CertificateArn"] for each in listed["CertificateSummaryList"]}


def test_a_run_says_where_and_what_it_costs_and_creates_nothing(
    profile: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account is not bootstrapped, so it ends even with a yes."""
    assert main(["run", *PROFILE, "--yes"]) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert f"This is AWS account {ACCOUNT}, {REGION}, signed in as arn:aws:iam::{ACCOUNT}:root" in said
    assert "It has 1 Client VPN endpoints, which a run leaves alone." in said
    assert "the association of the endpoint: $0.100 an hour" in said
    assert f"bootstrapped for the CDK: npx cdk bootstrap aws://{ACCOUNT}/{REGION} --profile sandbox" in said
    assert profile.client("cloudformation").describe_stacks()["Stacks"] == []
    assert certificates(profile) == set()


def test_nothing_is_left_of_no_run(profile: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """An account that no run was in."""
    assert certificates(profile) == set()
    assert main(["leftovers", *PROFILE]) == 0
    assert f"Nothing is left in AWS account {ACCOUNT}, {REGION}." in capsys.readouterr().out


def test_leftovers_are_removed_with_a_yes_and_nothing_else(
    profile: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal no one can say it, but for --yes."""
    foreign = leave_certificate(profile, tmp_path, run=None)
    left = leave_certificate(profile, tmp_path, run="12010327d60a67")
    assert main(["leftovers", *PROFILE]) == 2
    said = capsys.readouterr().out
    assert left in said.replace("\n", "")
    assert foreign not in said.replace("\n", "")
    assert certificates(profile) == {foreign, left}
    assert main(["leftovers", *PROFILE, "--yes"]) == 0
    assert certificates(profile) == {foreign}


def test_what_only_begins_as_names_of_runs_do_is_nobody_elses_to_remove(profile: Emulator) -> None:
    """A handler must be called AWSClientVPN-, and what is deployed for acceptance tests is often called so, too."""
    logs = profile.client("logs")
    foreign = "/aws/lambda/AWSClientVPN-acceptance-handler"
    made = [f"/aws/lambda/AWSClientVPN-acceptance-{part}12010327d60a67" for part in ("", "recorder-")]
    for name in (foreign, f"{foreign}-2026", *made):
        logs.create_log_group(logGroupName=name)
    try:
        with Account(profile="sandbox", region=REGION) as account:
            assert [(each.name, each.run) for each in leftovers.find(account)] == [
                (name, "12010327d60a67") for name in made
            ]
    finally:
        for name in (foreign, f"{foreign}-2026", *made):
            logs.delete_log_group(logGroupName=name)


def test_what_another_run_began_after_the_question_stays(
    profile: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user agrees to the list."""
    before = certificates(profile)
    leave_certificate(profile, tmp_path, run="12010327d60a67")
    later = []
    remove = leftovers.remove

    def remove_slowly(*arguments: Any) -> list[str]:
        later.append(leave_certificate(profile, tmp_path, run=f"1201032{len(later)}d60a67"))
        return remove(*arguments)

    monkeypatch.setattr(leftovers, "remove", remove_slowly)
    assert main(["leftovers", *PROFILE, "--yes"]) == 0
    assert certificates(profile) == before | set(later)
    monkeypatch.undo()
    for arn in later:
        profile.client("acm").delete_certificate(CertificateArn=arn)  # type: ignore[call-overload]
