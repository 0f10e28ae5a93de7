"""The claims of ``make acceptance``: each is in the documentation, and its check can pass and fail."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from acceptance import policies
from acceptance.__main__ import main
from acceptance.anonymous import ACCOUNT, IPV4, IPV6, anonymous
from acceptance.checks import CLAIMS, OBSERVATIONS
from acceptance.checks.clients import STRANGER
from acceptance.claims import Claim, Observed, judge
from acceptance.costs import costs, statement
from acceptance.naming import new_run, stack_of
from acceptance.report import document, failures
from client_connect_tools import Policies, check, lint
from client_connect_tools.costs.prices import shipped_prices
from tests.support.acceptance import HONEST, LIES

if TYPE_CHECKING:
    from pathlib import Path


def observed(*, is_aws: bool = True, **changes: Any) -> Observed:
    """Return what an honest AWS would show, with changes."""
    return Observed(is_aws=is_aws, values={**HONEST, **changes})


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_check_passes_what_is_as_the_documentation_says(claim: Claim) -> None:
    """On AWS; the observations are those of an honest run."""
    assert judge(claim, observed()).status == "passed"


@pytest.mark.parametrize(("name", "observation", "lie"), LIES, ids=lambda part: str(part)[:40])
def test_a_check_fails_what_is_not_so_and_names_the_sentence(name: str, observation: str, lie: Any) -> None:
    """Each check with at least one lie about what it reads."""
    (claim,) = (each for each in CLAIMS if each.name == name)
    verdict = judge(claim, observed(**{observation: lie}))
    assert verdict.status == "failed"
    (failure,) = failures([verdict])
    assert claim.page in failure
    assert claim.sentence in failure
    assert verdict.reason in failure


def test_each_check_has_a_lie_that_it_finds() -> None:
    """No check passes whatever it sees."""
    assert {name for name, _, _ in LIES} == {claim.name for claim in CLAIMS}


def test_a_check_that_needs_aws_says_so_elsewhere() -> None:
    """Never that it passed, whatever was observed."""
    found = {claim.name: judge(claim, observed(is_aws=False)).status for claim in CLAIMS}
    needing = {claim.name for claim in CLAIMS if claim.needs_aws}
    assert {name for name, status in found.items() if status == "not here"} == needing
    assert {found[name] for name in found.keys() - needing} == {"passed"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_what_could_not_be_observed_is_no_success(claim: Claim) -> None:
    """It has no answer, with the reason, and fails the run; an answer of another form is none either."""
    nothing = Observed(is_aws=True, errors=dict.fromkeys(claim.reads, "ClientError: AccessDenied"))
    verdict = judge(claim, nothing)
    assert verdict.status == "no answer"
    assert "AccessDenied" in verdict.reason
    assert failures([verdict])
    odd = Observed(is_aws=True, values={name: {"odd": "odd"} for name in claim.reads})
    assert judge(claim, odd).status in ("no answer", "failed")


def test_claims_and_observations_belong_together() -> None:
    """Names are unique, each claim reads what is observed, and each observation is read."""
    names = [each.name for each in OBSERVATIONS]
    assert len(set(names)) == len(names)
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert {name for claim in CLAIMS for name in claim.reads} == set(names) == HONEST.keys()
    only_aws = {each.name for each in OBSERVATIONS if each.needs_aws}
    assert all(claim.needs_aws for claim in CLAIMS if only_aws.intersection(claim.reads))


def test_an_event_that_did_not_come_is_not_seen() -> None:
    """A change of an endpoint may take longer than a run waits; that is no failure."""
    (claim,) = (each for each in CLAIMS if each.name == "change-takes-effect")
    verdict = judge(claim, observed(event={"event": None, "seconds": 1200.0}))
    assert (verdict.status, failures([verdict])) == ("not seen", [])


def test_the_policies_of_a_run_are_sound() -> None:
    """No errors, and nothing doubtful; the longest message is as long as a message may be."""
    for denied in ((), (policies.CUT,), (policies.CUT, policies.NOBODY)):
        written = Policies.from_string(policies.policies(denied))
        assert (check(written), lint(written)) == ([], [])
    assert len(policies.LONG_MESSAGE) == len(policies.UMLAUT_MESSAGE) == 255
    assert not STRANGER.startswith("acceptance-")


def test_names_are_of_one_run_and_short_enough() -> None:
    """Function names have at most 64 characters, and those of stacks are not cut before the run."""
    first, second = new_run(), new_run()
    assert first != second
    assert re.fullmatch(r"[0-9a-f]+", first)
    assert len(f"AWSClientVPN-acceptance-recorder-{first}") <= 64
    assert len(stack_of(first)) <= 40


def test_the_costs_are_those_of_the_dated_prices() -> None:
    """The statement before anything is created names the date, and adds up."""
    prices = shipped_prices()
    assert costs()[0].dollars == prices.of("client_vpn", "association_hour")
    stated = statement()
    assert str(prices.tables["date"]) in stated
    assert f"together: ${sum(each.dollars for each in costs()):.2f} an hour" in stated


def test_a_report_does_not_tell_the_account() -> None:
    """Ids and addresses are others of the same form, also within texts and keys; all else stays."""
    event = {
        "connection-id": "cvpn-connection-0fe31ab5c7d94e2f1",
        "arn": "arn:aws:lambda:eu-central-1:210987654321:function:AWSClientVPN-acceptance-x:live",
        "public-ip": "203.0.113.77",
        "address": "2a02:8106:1:2::1",
        "server": "[2a02:8106:1:2::1]:443, 203.0.113.77:443",
        "platform-version": "10.0.22631,amd64",
        "client-openvpn-version": "2.7.0",
        "groups": ["S-1-5-21-1-2-3-1001"],
        "time": "2026-12-01 03:30:06",
    }
    assert anonymous({"event": event, "cvpn-endpoint-9fe31ab5c7d94e2f1": 210987654321, "n": 3}) == {
        "event": event
        | {
            "connection-id": "cvpn-connection-0123456789abcdef0",
            "arn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:AWSClientVPN-acceptance-x:live",
            "public-ip": IPV4,
            "address": IPV6,
            "server": f"[{IPV6}]:443, {IPV4}:443",
        },
        "cvpn-endpoint-0123456789abcdef0": 210987654321,
        "n": 3,
    }


def test_the_report_has_every_claim_and_observation() -> None:
    """As JSON, which can be read back."""
    seen = observed()
    verdicts = [judge(claim, seen) for claim in CLAIMS]
    made = json.loads(
        json.dumps(document(run="r", place="AWS account 210987654321", observed=seen, verdicts=verdicts))
    )
    assert [each["name"] for each in made["claims"]] == [claim.name for claim in CLAIMS]
    assert made["observations"].keys() == HONEST.keys()
    assert made["place"] == f"AWS account {ACCOUNT}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "PROFILE=... and REGION=... of a sandbox account, or HERE=1"),
        (["run", "--profile", "sandbox"], "REGION=..."),
        (["run", "--here", "--region", "eu-central-1"], "give one of both"),
        (["leftovers", "--here"], "a run on this machine leaves nothing behind"),
        (["leftovers"], "PROFILE=..."),
    ],
)
def test_a_run_is_told_where(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An account is never taken from the environment."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_profile_that_is_not_there_ends_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything else, with a message that names it."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert main(["run", "--profile", "nobody", "--region", "eu-central-1"]) == 2
    assert 'no one is signed in with profile "nobody"' in " ".join(capsys.readouterr().out.split())


def test_lies_differ_from_what_is_honest() -> None:
    """Otherwise a check that fails would be wrong."""
    assert all(HONEST[observation] != lie for _, observation, lie in LIES)
    assert replace(observed(), is_aws=False).values == HONEST
