"""docs/migration.md: the policies decide as the checks by hand that they replace, and the copy changes no answer."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect_tools import Policies, check, lint
from tests.support.connection_logs import request

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```cedar\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
BY_HAND, NATIVE = Policies.from_string("\n".join(EXAMPLES[:-1])), EXAMPLES[-1]
MONDAY, SUNDAY = (datetime(2026, 11, day, 12, 0, tzinfo=ZoneInfo("UTC")) for day in (23, 22))


def test_the_policies_have_no_findings() -> None:
    """They are what a reader copies; a single rule needs the permit next to it."""
    native = Policies.from_string(f"{EXAMPLES[-2]}\n{NATIVE}")
    for policies in (BY_HAND, native):
        assert check(policies) + lint(policies) == []


@pytest.mark.parametrize("address", ["198.51.100.7", "198.51.101.7", "2001:db8::1"])
@pytest.mark.parametrize("at", [MONDAY, SUNDAY], ids=["Monday", "Sunday"])
@pytest.mark.parametrize("groups", [["staff"], ["leavers"]], ids=["staff", "leaver"])
def test_they_decide_as_the_checks_by_hand(address: str, at: datetime, groups: list[str]) -> None:
    """For each combination of an address, a day and a group."""
    by_hand = (
        ipaddress.ip_address(address) in ipaddress.ip_network("198.51.100.0/24")
        and at.isoweekday() <= 5
        and "leavers" not in groups
    )
    event: dict[str, Any] = request(public_ip=address, groups=groups)
    decision = Authorizer(BY_HAND.text).decide(Facts(ConnectionRequest.from_event(event), at))
    assert (decision.allowed, decision.errors) == (by_hand, ())


def test_a_copy_that_fails_changes_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Lambda service that can be reached, the function says so and returns."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    names: dict[str, Any] = {}
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(example, names)  # noqa: S102 - the documented text itself
    assert names["copy_to_new_handler"](request()) is None
    assert "the event was not copied" in capsys.readouterr().out
