"""Policies whose time is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies, check
from client_connect_tools.checking.expired import expired
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PERMIT = '@id("all") permit (principal, action, resource);'
OLD, LATER = 'datetime("2026-11-30T12:00:00Z")', 'datetime("2026-11-30T12:00:00.001Z")'


@pytest.mark.parametrize(
    ("clauses", "is_over"),
    [
        (f"when {{ context.time.now < {OLD} }}", True),
        (f"when {{ {OLD} > context.time.now }}", True),
        (f"when {{ context.time.now <= {OLD} }}", True),
        ('when { context.time.now < datetime("2026-11-30") }', True),
        ('when { context.time.now < datetime("2026-11-30T13:00:00+0200") }', True),
        (f'when {{ context.platform == "win" && context.time.now < {OLD} }}', True),
        (f'when {{ context.platform == "win" }} when {{ context.time.now < {OLD} }}', True),
        (
            f"when {{ context.time.now < {OLD} || (context.time.now >= {OLD} && context.time.now < {OLD}) }}",
            True,
        ),
        (f"when {{ context.time.now < {OLD} || context.time.now < {LATER} }}", False),
        (f'unless {{ context.platform == "win" && context.time.now < {OLD} }}', True),
        (
            f'unless {{ context.platform == "win" || (context.time.now >= {OLD} && context.time.now < {OLD}) }}',
            True,
        ),
        (f'when {{ !(context.platform == "win" && context.time.now < {OLD}) }}', True),
        (f'when {{ !(context.platform == "win" && context.time.now < {LATER}) }}', False),
        ('when { ["2026-11-27", "2026-11-28"].contains(context.time.date) }', True),
        ('when { ["2026-11-27", "2026-11-30"].contains(context.time.date) }', False),
        ('when { context.time.date == "2026-11-28" }', True),
        ('when { context.time.date == "2026-11-30" }', False),
        ('when { context.time.date == "2026-11-28" || context.time.month == 5 }', False),
        (f"when {{ context.time.now < {LATER} }}", False),
        (f"when {{ context.time.now >= {OLD} }}", False),
        (f"unless {{ context.time.now < {OLD} }}", False),
        (f"when {{ !(context.time.now < {OLD}) }}", False),
        (f'when {{ context.platform == "win" || context.time.now < {OLD} }}', False),
        (
            f'@ignore("expired") forbid (principal, action, resource) when {{ context.time.now < {OLD} }}',
            False,
        ),
    ],
)
def test_what_applies_only_before_now_is_over(clauses: str, is_over: bool) -> None:  # noqa: FBT001 - a table
    """Where all of the policy depends on it."""
    policy = clauses if clauses.startswith("@") else f"forbid (principal, action, resource) {clauses}"
    policies = Policies.from_string(f'{PERMIT} @id("x") @message("No.") {policy};')
    assert check(policies) == []
    assert [each.policy for each in expired(policies, NOW)] == (["x"] if is_over else [])


@pytest.mark.parametrize("text", ["2026-13-01", "2026-11-30T25:00:00Z", "now"])
def test_what_is_no_time_is_an_error_of_its_own(tmp_path: Path, text: str) -> None:
    """The command reports it, and does not end by it."""
    file = tmp_path / "vpn.cedar"
    file.write_text(
        f'{PERMIT}\n@id("x") @message("No.") forbid (principal, action, resource) '
        f'when {{ context.time.now < datetime("{text}") }};'
    )
    result = CliRunner().invoke(main, ["check", str(file)])
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, f"error: {file}:2:" in result.stdout) == (1, True)


def test_the_command_tells(tmp_path: Path) -> None:
    """Unless it is switched off."""
    file = tmp_path / "vpn.cedar"
    file.write_text(
        f'{PERMIT}\n@id("x") @message("No.") forbid (principal, action, resource) '
        'when { context.time.now < datetime("2020-01-01") };'
    )
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 1
    assert (
        "[x] it applied until 2020-01-01T00:00:00+00:00, and to no one since; remove it (expired)"
        in result.stdout
    )
    assert CliRunner().invoke(main, ["check", str(file), "--ignore", "expired"]).exit_code == 0
