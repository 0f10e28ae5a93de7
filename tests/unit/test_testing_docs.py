"""The tests of docs/testing-your-stack.md run, and the page's table is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = (Path(__file__).parents[2] / "docs" / "testing-your-stack.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
FORBID = 'when { context.platform == "linux" }'


def outcome(folder: Path, example: str) -> tuple[int, str]:
    """Run the documented tests as they are, where nothing can be downloaded; return the status and the output."""
    (folder / "test_vpn.py").write_text(example, "utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "test_vpn.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "UV_OFFLINE": "1", "UV_CACHE_DIR": str(folder / "cache")},
    )
    return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose snapshot is written."""
    folder = tmp_path_factory.mktemp("project")
    status, output = outcome(folder, EXAMPLE)
    assert status == 0, output
    assert "6 passed" in output
    assert (folder / "vpn.snapshot.json").is_file()
    return folder


@pytest.mark.parametrize(
    ("old", "new", "passes"),
    [
        (FORBID, FORBID, True),
        (FORBID, f"// only these\n{FORBID}", True),
        (FORBID, 'when { context.platform == "android" }', False),
        ("Use Windows or macOS.", "Use Windows.", False),
        ('self, "Handler", ', 'self, "Handler", shadow_mode=True, ', False),
    ],
    ids=["nothing", "a comment", "a condition", "a message", "a setting"],
)
def test_what_a_change_alters_in_the_snapshot(project: Path, old: str, new: str, *, passes: bool) -> None:
    """A comment changes the code only; a policy and a setting change the template."""
    example = EXAMPLE.replace(old, new)
    assert passes or example != EXAMPLE
    status, output = outcome(project, example)
    assert (status == 0) is passes, output
    assert passes or "1 failed, 5 passed" in output
