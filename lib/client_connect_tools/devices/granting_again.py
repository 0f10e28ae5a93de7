"""Waivers and blocks read from a list of them, as ``devices waivers`` and ``blocks`` print it with ``--json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect.sources.items import MalformedItem, block_of, waivers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect.blocks import Block
    from client_connect.waiver import Waiver

_KINDS = ("device:", "user:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of a list.

    Attributes:
        number: Its number, from 1.
        entry: The waiver or block; ``None`` where it counts no more, or cannot be read.
        problem: Why it cannot be read.
    """

    number: int
    entry: Waiver | Block | None = None
    problem: str = ""


def read_list(lines: Iterable[str]) -> Iterator[Listed]:
    """Yield what each line has that is not blank; what has ended is passed over."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Listed(number=number, entry=_entry(json.loads(line)))
        except (ValueError, RecursionError) as error:
            yield Listed(number=number, problem=str(error) or type(error).__name__)


def _entry(listed: object) -> Waiver | Block | None:
    """Read a line.

    Raises:
        ValueError: When it has neither a waiver nor a block.
    """
    if not isinstance(listed, dict):
        raise MalformedItem("it is no JSON object")
    wrong = [name for name, value in listed.items() if not isinstance(value, str)]
    holder = listed.get("holder")
    if wrong or not isinstance(holder, str):
        raise MalformedItem(f'"{(wrong or ["holder"])[0]}" is no text')
    if not holder.startswith(_KINDS) or holder in _KINDS:
        raise MalformedItem('"holder" must be "device:" or "user:" and a name')
    if listed.get("state", "active") != "active":
        return None
    now = datetime.now(UTC)
    attributes: dict[str, Any] = {name: {"S": value} for name, value in listed.items()}
    if "policyId" in listed:
        item: Any = {"holder": {"S": holder}, "waivers": {"M": {listed["policyId"]: {"M": attributes}}}}
        (waiver,) = waivers_of(item)
        return waiver if waiver.until > now else None
    if not (listed.get("reason") and listed.get("by")):
        raise MalformedItem('it has neither "policyId", as a waiver, nor "reason" and "by", as a block')
    block = block_of({**attributes, "name": {"S": holder}})
    return block if block.holds(now) else None
