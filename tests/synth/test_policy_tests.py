"""The tests next to a handler's policies run at synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import ClientConnectHandler, InvalidPolicyTests, Policies, PolicyTestsFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    import aws_cdk as cdk

    Define = Callable[..., ClientConnectHandler]

POLICIES = """
@id("all")
permit (principal, action, resource);

@id("night")
@message("Sleep well.")
forbid (principal, action, resource)
unless { context.time.minuteOfDay >= 420 };
"""
NIGHT = '[[test]]\nname = "at two"\nat = 2026-01-05T02:00:00Z\nexpect = "deny"\nby = ["night"]\n'
WRONG = '[[test]]\nname = "at two, working"\nat = 2026-01-05T02:00:00Z\nexpect = "allow"\n'


@pytest.fixture
def policies(tmp_path: Path) -> Callable[[str], Policies]:
    """Return policies with tests next to them."""

    def read(tests: str) -> Policies:
        (tmp_path / "vpn.cedar").write_text(POLICIES, "utf-8")
        (tmp_path / "vpn.tests.toml").write_text(tests, "utf-8")
        return Policies.from_directory(tmp_path)

    return read


def test_passing_tests_change_nothing(handler: Define, policies: Callable[[str], Policies]) -> None:
    """With tests that pass, the handler is defined as without."""
    assert handler(policies=policies(NIGHT)).function_name.startswith("AWSClientVPN-")


def test_fails_with_every_failing_test(
    handler: Define, policies: Callable[[str], Policies], stack: cdk.Stack
) -> None:
    """Nothing is defined, and the error has each failure with the decision and the connection."""
    with pytest.raises(PolicyTestsFailed, match="1 of 2 policy tests fails:") as caught:
        handler(policies=policies(NIGHT + WRONG))
    assert 'vpn.tests.toml:6: at two, working\n  expect: expected "allow"' in str(caught.value)
    assert 'determined by "night"' in str(caught.value)
    (failure,) = caught.value.failures
    assert failure.decision.determining == ("night",)
    assert stack.node.try_find_child("Handler") is None


def test_fails_for_tests_that_cannot_be_understood(
    handler: Define, policies: Callable[[str], Policies]
) -> None:
    """A misspelt key must not make a test say less than it seems to."""
    with pytest.raises(InvalidPolicyTests, match='"expcet" is not known; write "expect"'):
        handler(policies=policies(NIGHT + 'expcet = "deny"'))


def test_the_time_zone_is_the_handlers(handler: Define, policies: Callable[[str], Policies]) -> None:
    """A test that names no zone sees the clock as the deployed handler will."""
    with pytest.raises(PolicyTestsFailed, match="Monday 11:00 in Asia/Tokyo"):
        handler(policies=policies(NIGHT), time_zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("named", "zone"),
    [
        ("", "Asia/Tokyo"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("Europe/Berlin", "UTC"),
    ],
)
def test_warns_of_tests_in_another_time_zone(
    handler: Define, policies: Callable[[str], Policies], stack: cdk.Stack, named: str, zone: str
) -> None:
    """They pass, and warn of no other clock than the handler's."""
    noon = '[[test]]\nname = "at noon"\nat = 2026-01-05T12:00:00Z\nexpect = "allow"\n'
    handler(policies=policies(f'time-zone = "{named}"\n{noon}' if named else noon), time_zone=zone)
    warning = Match.string_like_regexp("the test is in Europe/Berlin, but the handler decides in UTC")
    assert bool(Annotations.from_stack(stack).find_warning("*", warning)) is (named not in ("", zone))


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ('time-zone = "Asia/Tokyo"', ""),
        ('time-zone = "UTC"', 'time-zone in client-connect.toml is "UTC", by which client-connect decides'),
        ("time-zone = 1", "the commands cannot use their settings"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_warns_of_settings_in_another_time_zone(
    handler: Define, policies: Callable[[str], Policies], stack: cdk.Stack, settings: str, warning: str
) -> None:
    """The commands would decide with another clock than the handler."""
    Path("client-connect.toml").write_text(settings, "utf-8")
    noon = '[[test]]\nname = "at noon"\nat = 2026-01-05T03:00:00Z\nexpect = "allow"\n'
    handler(policies=policies(noon), time_zone="Asia/Tokyo")
    about = Match.string_like_regexp(warning or "settings|client-connect")
    assert bool(Annotations.from_stack(stack).find_warning("*", about)) is bool(warning)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a new folder."""
    monkeypatch.chdir(tmp_path)


def test_they_can_be_switched_off(handler: Define, policies: Callable[[str], Policies]) -> None:
    """Who runs them elsewhere need not run them here."""
    assert handler(policies=policies(WRONG), policy_tests=False)
    assert handler("Other", policies=policies("nonsense"), policy_tests=False)


def test_merged_policies_are_tested_as_a_whole(handler: Define, policies: Callable[[str], Policies]) -> None:
    """The deployed policies are the tested ones: a forbid from another file counts."""
    lock = Policies.from_string('@id("lock") @message("Closed.") forbid (principal, action, resource);')
    with pytest.raises(PolicyTestsFailed, match='"lock", "night"'):
        handler(policies=Policies.merge(lock, policies(NIGHT)))


def test_tests_are_no_part_of_what_is_bundled(policies: Callable[[str], Policies]) -> None:
    """Neither the text nor anything that depends on it changes with the tests."""
    one, other = policies(NIGHT), policies(WRONG)
    assert one.text == other.text == Policies.from_string(POLICIES).text
