"""The tests of docs/testing-your-stack.md run, and the page's table is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

DOCS = (Path(__file__).parents[2] / "docs" / "testing-your-stack.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
FORBID = 'when { context.platform == "linux" }'


def test_the_documented_tests_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are, with pytest's defaults, where nothing can be downloaded and no package is cached."""
    pytester.makepyfile(test_vpn=EXAMPLE)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(pytester.path / "cache"))
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "test_vpn.py").assert_outcomes(passed=5)
    assert (pytester.path / "vpn.snapshot.json").is_file()


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
