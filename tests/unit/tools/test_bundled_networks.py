"""Named networks in a bundle: the handler decides with those of its policies, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from client_connect import bundled_files
from client_connect.handler import start
from client_connect.settings import ERROR_DENIAL, NETWORKS_DIGEST
from client_connect_tools import Bundle, Policies
from client_connect_tools.files.networks import lists_given
from tests.support.events import PERMIT, event
from tests.support.log_lines import captured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.log_lines import Log


@pytest.fixture
def log() -> Iterator[Log]:
    """Return what the runtime logs during the test."""
    with captured() as log:
        yield log


NETWORKS = Policies.from_string(
    '@id("office") permit (principal, action, resource) when { context.networks.contains("office") };',
    networks={"office": ["198.51.100.0/24"]},
)


def bundled(folder: Path, policies: Policies) -> None:
    """Write the files of a team as a bundle has them, without installing anything."""
    bundle = Bundle(policies.text, "3.14", "arm64", networks=policies.network_table)
    for name, content in bundle.team_files():
        (folder / name).write_bytes(content)


def test_a_bundle_decides_by_its_networks(log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The record names those of the address, and the digest of the policies changes with a list."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    bundled(tmp_path, NETWORKS)
    assert start()(event())["allow"]
    first = log.record()
    assert first["facts"]["networks"] == ["office"]
    assert not start()(event(public_ip="203.0.113.1"))["allow"]
    assert "networks" not in log.record()["facts"]
    bundled(tmp_path, replace(NETWORKS, networks=lists_given({"office": ["203.0.113.0/24"]})))
    assert not start()(event())["allow"]
    assert log.record()["policies"] != first["policies"]


@pytest.mark.parametrize("damage", ["missing", "changed", "cut off", "of other policies", "not expected"])
def test_nobody_connects_by_networks_that_are_not_those_of_the_policies(
    log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    """A forbid of the networks that are missing would otherwise not apply."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    bundled(tmp_path, NETWORKS)
    table, policies = tmp_path / "networks.bin", tmp_path / "policies.cedar"
    content = table.read_bytes()
    if damage == "missing":
        table.unlink()
    elif damage == "changed":
        table.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut off":
        table.write_bytes(content[:-6])
    elif damage == "of other policies":
        bundled(tmp_path, replace(NETWORKS, networks=lists_given({"office": ["203.0.113.0/24"]})))
        table.write_bytes(content)
    else:
        policies.write_text(policies.read_text("utf-8").partition("\n")[2], "utf-8")
    assert start()(event())["error-msg-on-denied-connection"] == ERROR_DENIAL
    assert log.record()["error"]["type"] == ("FileNotFoundError" if damage == "missing" else "ValueError")


def test_policies_that_were_copied_out_of_a_bundle_need_no_networks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their first line is a comment like any other then."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    bundled(tmp_path, Policies.from_string(f"{NETWORKS_DIGEST}0123\n{PERMIT}"))
    assert start()(event())["allow"]
