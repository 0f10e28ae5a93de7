"""Renew the tables of docs/acceptance.md from the checks: ``python docs/render_acceptance.py``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from acceptance.page import rendered  # noqa: E402 - of the folder above

PAGE = ROOT / "docs" / "acceptance.md"
_BLOCK = re.compile(r"(<!-- claims -->\n).*(<!-- /claims -->)", re.DOTALL)


def page() -> str:
    """Return the page with the tables as they should be."""
    tables = rendered()
    return _BLOCK.sub(lambda match: f"{match[1]}\n{tables}\n{match[2]}", PAGE.read_text("utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
