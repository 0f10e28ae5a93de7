"""Pictures of what a program has printed, for README and the documentation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def picture_of(console: Console, title: str) -> str:
    """Return what a recording console has shown as SVG, without the fonts that a browser would load from elsewhere."""
    svg = console.export_svg(title=title, unique_id=title.replace(" ", "-"))
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
