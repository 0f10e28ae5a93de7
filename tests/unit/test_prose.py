"""Phrases that are hard to read are found in prose, and only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proof import prose

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prose, "ROOT", tmp_path)


def test_docstrings_comments_and_messages_of_a_module_are_prose(tmp_path: Path) -> None:
    """Names are not."""
    module = tmp_path / "module.py"
    module.write_text('"""What it is."""\nnobody = 1  # for nobody else\nraise ValueError("put it beside")\n')
    assert list(prose.findings(module)) == [
        'module.py: What ... at the beginning: a noun: """What it is."""',
        "module.py: nobody, somebody: no one, a user: # for nobody else",
        'module.py: beside: besides, next to: "put it beside"',
    ]


def test_the_examples_of_a_page_are_no_prose(tmp_path: Path) -> None:
    """They may show any output."""
    page = tmp_path / "page.md"
    page.write_text("It is decided anew.\n\n```text\nnobody\n```\n\n- as here:\n\n  ```sh\n  nobody\n  ```\n")
    assert list(prose.findings(page)) == ["page.md: anew: again: It is decided anew."]


def test_more_than_the_budget_ends_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """So `make check` fails."""
    monkeypatch.setattr(prose, "files", list)
    monkeypatch.setattr(prose, "BUDGET", -1)
    monkeypatch.setattr("sys.argv", ["prose"])
    with pytest.raises(SystemExit, match="Write new texts without them"):
        prose.main()
