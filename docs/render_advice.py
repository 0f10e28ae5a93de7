"""Renew what docs/errors.md and docs/operations.md say of each error, lint, warning and alarm.

Run it as ``python docs/render_advice.py``. The source is ``client_connect_tools.advice``, which ``client-connect
explain`` and the descriptions of the alarms have too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from client_connect_tools import advice

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "errors.md", ROOT / "docs" / "operations.md")

_BLOCK = re.compile(r"(<!-- advice: ([a-z ]+) -->\n).*?(<!-- /advice -->)", re.DOTALL)
_LANGUAGES = {"exception": "text", "synthesis warning": "text", "record error": "json", "alarm": "text"}


def rendered(page: str) -> str:
    """Return a page with its blocks renewed."""
    return _BLOCK.sub(lambda match: match[1] + _block(cast("advice.Kind", match[2])) + match[3], page)


def _block(kind: advice.Kind) -> str:
    return (
        "".join(f"\n{_alarm(each) if kind == 'alarm' else _entry(each)}" for each in advice.of_kind(kind))
        + "\n"
    )


def _entry(each: advice.Advice) -> str:
    example = f"```{_LANGUAGES.get(each.kind, 'cedar')}\n{each.example}\n```"
    return f"### `{each.name}`\n\n{each.cause}\n\n{example}\n\n{_steps(each)}\n"


def _alarm(each: advice.Advice) -> str:
    settings = re.sub(r"(?<!^)(?=[A-Z])", "_", each.name).lower()
    example = f"Example: {each.example}"
    first = f"```sh\n{each.first}\n```"
    return f"### {each.name}\n\n{first}\n\n{each.cause}\n\n{example}\n\n{_steps(each)}\n\n`{settings}`: {each.fires}\n"


def _steps(each: advice.Advice) -> str:
    if len(each.fix) == 1:
        return f"Fix: {each.fix[0]}"
    return "\n".join(f"{number}. {step}" for number, step in enumerate(each.fix, start=1))


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(rendered(path.read_text("utf-8")), "utf-8")
