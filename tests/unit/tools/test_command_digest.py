"""`client-connect digest`: what records and versions say of policies, from the policies themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.events import connect_handler, event
from tests.support.log_lines import captured

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

POLICIES = """@id("all") permit (principal, action, resource);
@id("no-macs") @shadow @message("No.") forbid (principal, action, resource) when { context.platform == "mac" };
"""


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["digest", *map(str, arguments)])


def test_the_digest_is_that_of_the_records(tmp_path: Path) -> None:
    """Of the same policies, and each policy has its own."""
    (tmp_path / "vpn.cedar").write_text(POLICIES, "utf-8")
    result = run(tmp_path)
    whole, *each = result.stdout.splitlines()
    with captured() as log:
        connect_handler(POLICIES)(event())
        assert whole == log.record()["policies"]
    assert [line.rpartition(" ")[0] for line in each] == ["  all: permit", "  no-macs: forbid, shadow"]
    found = json.loads(run(tmp_path, "--json").stdout)
    assert found["policies"] == whole
    assert [f"  {name}: {digest}" for name, digest in found["digests"].items()] == each


def test_another_policy_is_another_digest(tmp_path: Path) -> None:
    """It shows whether the deployed policies are those of the repository."""
    file = tmp_path / "vpn.cedar"
    file.write_text(POLICIES, "utf-8")
    before = run(file).stdout.splitlines()
    file.write_text(POLICIES.replace("mac", "win"), "utf-8")
    after = run(file).stdout.splitlines()
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, False]


def test_fails_for_what_is_no_policy(tmp_path: Path) -> None:
    """Or is not there."""
    file = tmp_path / "vpn.cedar"
    assert run(file).exit_code == 2
    file.write_text("permit", "utf-8")
    result = run(file)
    assert result.exit_code in {1, 2}
    assert not result.stdout
