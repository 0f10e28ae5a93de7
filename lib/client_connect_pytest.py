"""The hooks for pytest to find policy tests: ``*.tests.toml`` in folders of policies.

Pytest loads this module in every run of every project that has this library, so it imports nothing of it, not even
its package, before there is a file to collect. ``-p no:client-connect`` switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_SUFFIX = ".tests.toml"
_FOLDERS = ("client_connect_policies", "client_connect_separate_files", "client_connect_native_files")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of pytest's configuration."""
    parser.addini(
        "client_connect_policies",
        "folders of policies, each of them one set with its subfolders; policy tests anywhere else are ignored "
        "(default: the topmost folder with Cedar files above each *.tests.toml)",
        type="paths",
        default=[],
    )
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
        "the time zone of policy tests that name none (default: of the settings of client-connect, else UTC)",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a folder of policies that does not exist: its tests would not run, without a word."""
    for folder in config.getini(_FOLDERS[0]):
        if not folder.is_dir():
            import pytest  # noqa: PLC0415 - see above

            raise pytest.UsageError(
                f"{_FOLDERS[0]}: there is no folder {folder}; correct pytest's configuration"
            )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file of policy tests, if it is of a folder of policies."""
    if not file_path.name.endswith(_SUFFIX):
        return None
    folder = _policies_folder(file_path, parent.config)
    if folder is None:
        return None
    from client_connect_tools.pytest_plugin import PolicyTestFile  # noqa: PLC0415 - see above

    collector = PolicyTestFile.of(file_path, parent)
    collector.folder = folder
    return collector


def _policies_folder(file: Path, config: pytest.Config) -> Path | None:
    """Return the folder of the set that a file tests; ``None`` when it tests no such set."""
    configured = [path for option in _FOLDERS for path in config.getini(option)]
    within = [path for path in configured if file.is_relative_to(path)]
    if within or config.getini(_FOLDERS[0]):
        return within[0] if within else None
    above = [folder for folder in file.parents if folder.is_relative_to(config.rootpath)]
    topmost = next((folder for folder in reversed(above) if any(folder.glob("*.cedar"))), None)
    # Without a configuration file, the root is the folder that was named, which may be a subfolder of the set.
    while topmost is not None and topmost != topmost.parent and any(topmost.parent.glob("*.cedar")):
        topmost = topmost.parent
    return topmost
