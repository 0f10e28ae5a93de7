"""The files next to the code in a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client_connect import bundled_files
from client_connect.networks import digest
from client_connect.settings import NETWORKS_DIGEST

if TYPE_CHECKING:
    from pathlib import Path

TABLE = b"a table\r\nof networks\xff"
POLICIES = f"{NETWORKS_DIGEST}{digest(TABLE)}\n// Zoë's\npermit (principal, action, resource);\n"
OTHER = "permit (principal, action, resource);\n"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that is the bundle."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    return tmp_path


def test_policies_are_read_as_utf_8(bundle: Path) -> None:
    """Whatever the machine's own encoding is."""
    (bundle / "policies.cedar").write_bytes(POLICIES.encode())
    assert bundled_files.policies() == POLICIES


def test_custom_facts_are_declared_by_a_file_that_may_be_missing(bundle: Path) -> None:
    """A team that declares none has no file."""
    assert bundled_files.custom_schema() is None
    (bundle / "custom.cedarschema").write_text("{ a: Long }", "utf-8")
    assert bundled_files.custom_schema() == "{ a: Long }"


def test_networks_are_the_bytes_of_the_table_that_the_policies_name(bundle: Path) -> None:
    """The first line of the policies has its digest."""
    (bundle / "networks.bin").write_bytes(TABLE)
    assert bundled_files.networks(POLICIES) == TABLE


def test_policies_that_name_no_table_have_no_networks(bundle: Path) -> None:
    """And a table that is there all the same belongs to other policies."""
    assert bundled_files.networks(OTHER) is None
    (bundle / "networks.bin").write_bytes(TABLE)
    with pytest.raises(ValueError, match="networks") as raised:
        bundled_files.networks(OTHER)
    assert str(raised.value) == (
        "policies.cedar has no networks, but there is networks.bin; build the bundle again"
    )


@pytest.mark.parametrize("table", [b"", TABLE[:-1], TABLE.replace(b"\r", b"")])
def test_fails_for_a_table_that_is_not_the_one_of_the_policies(bundle: Path, table: bytes) -> None:
    """To the byte."""
    (bundle / "networks.bin").write_bytes(table)
    with pytest.raises(ValueError, match="networks") as raised:
        bundled_files.networks(POLICIES)
    assert str(raised.value) == "networks.bin is not that of policies.cedar; build the bundle again"


def test_fails_without_the_table_that_the_policies_name(bundle: Path) -> None:
    """The policies would see no connection in any network."""
    assert list(bundle.iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"networks\.bin"):
        bundled_files.networks(POLICIES)
