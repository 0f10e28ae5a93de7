"""The tests of docs/testing-your-stack.md run, and the page's table is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = (Path(__file__).parents[2] / "docs" / "testing-your-stack.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
FORBID = 'when { context.platform == "linux" }'


def test_the_documented_tests_run(tmp_path: Path) -> None:
    """As they are, with pytest's defaults, where nothing can be downloaded and no package is cached."""
    (tmp_path / "test_vpn.py").write_text(EXAMPLE, "utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_vpn.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache")},
    )
    assert (result.returncode, "5 passed" in result.stdout) == (0, True), result.stdout + result.stderr
    assert (tmp_path / "vpn.snapshot.json").is_file()


def snapshot(example: str) -> str:
    """Return the documented snapshot of the documented stack."""
    names: dict[str, Any] = {"__name__": "test_vpn", "__file__": "test_vpn.py"}
    exec(compile(example, "test_vpn.py", "exec"), names)  # noqa: S102 - the documented text itself
    text: str = names["masked"](names["synthesized"](names["POLICIES"]))
    return text


@pytest.fixture(scope="module")
def unchanged() -> str:
    """The snapshot of the example as it is."""
    return snapshot(EXAMPLE)


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        (FORBID, f"// only these\n{FORBID}", False),
        (FORBID, 'when { context.platform == "android" }', True),
        ("Use Windows or macOS.", "Use Windows.", True),
        ('@id("no-linux")', '@id("linux")', True),
        ('self, "Handler", ', 'self, "Handler", shadow_mode=True, ', True),
    ],
    ids=["a comment", "a condition", "a message", "an id", "a setting"],
)
def test_what_a_change_alters_in_the_snapshot(unchanged: str, old: str, new: str, *, differs: bool) -> None:
    """A comment changes the code only; a policy and a setting change the template."""
    example = EXAMPLE.replace(old, new)
    assert example != EXAMPLE
    assert (snapshot(example) != unchanged) is differs
