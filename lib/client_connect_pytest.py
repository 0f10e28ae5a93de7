"""The hooks by which pytest finds policy tests: ``*.tests.toml`` beside Cedar files.

Pytest loads this module in every run of every project that has this library, so it imports nothing of it, not even
its package, before there is a file to collect. ``-p no:client-connect`` switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_SUFFIX = ".tests.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of pytest's configuration."""
    parser.addini(
        "client_connect_separate_files",
        "folders in which each Cedar file is a policy set of its own: there, x.tests.toml tests x.cedar alone",
        type="paths",
        default=[],
    )
    parser.addini(
        "client_connect_native_files",
        "folders in which the Cedar files are native authorization policies, not the handler's",
        type="paths",
        default=[],
    )
    parser.addini(
        "client_connect_time_zone",
        "the time zone of policy tests that name none (default: UTC)",
        default="UTC",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file of policy tests that has policies beside it."""
    if not file_path.name.endswith(_SUFFIX) or not any(file_path.parent.glob("*.cedar")):
        return None
    from client_connect_tools.pytest_plugin import PolicyTestFile  # noqa: PLC0415 - see above

    return PolicyTestFile.of(file_path, parent)
