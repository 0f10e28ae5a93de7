"""Errors in a message for denied clients."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from client_connect.messages import CUSTOM, PLACEHOLDERS, command_in, parts
from client_connect.response import MAX_MESSAGE_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN_TYPES = ("String", "Long")
"""The types of facts that a message can show."""

_EFFECTS = {
    "TEMP": 'begins with "TEMP", so OpenVPN clients connect again and again without showing it',
    "CRV1:": 'contains "CRV1:", so OpenVPN clients ask the user for an answer to a challenge',
}


def problems(message: str, custom: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    """Yield what makes a message unusable, each with the name of the check.

    Args:
        message: The text, with placeholders.
        custom: The types of the custom facts, by name; ``None`` if they are not known here.
    """
    unknown = [*_unknown_placeholders(message, custom)]
    yield from (("unknown-placeholder", problem) for problem in dict.fromkeys(unknown))
    found = list(parts(message))
    placeholders = [part for part in found if part.placeholder is not None]
    size = sum(part.reserved for part in found)
    if size <= MAX_MESSAGE_LENGTH or unknown:
        return
    kept = sum(part.reserved for part in placeholders)
    also = f", with {kept} for its placeholders" if placeholders else ""
    counted = "" if message.isascii() else ", counted in UTF-16"
    yield "too-long", f"has {size} characters{also or counted}; Client VPN takes at most 255, so shorten it"


def command(message: str) -> str:
    """Return how clients read a message as a command, and what to do; empty if they do not."""
    found = command_in(message)
    return f"{_EFFECTS[found]}; use other words" if found else ""


def escaped(text: str) -> str:
    """Return text as it is written in a message, where braces mark a placeholder."""
    return text.replace("{", "{{").replace("}", "}}")


def _unknown_placeholders(message: str, custom: Mapping[str, str] | None) -> Iterator[str]:
    known = [*PLACEHOLDERS, *(f"{CUSTOM}{name}" for name in custom or ())]
    for part in parts(message):
        if part.is_stray:
            yield f'has a single "{part.text}"; write "{part.text * 2}" for a brace'
        name = part.placeholder
        if name is None or name in PLACEHOLDERS:
            continue
        if name.startswith(CUSTOM) and len(name) > len(CUSTOM):
            if custom is None:
                continue
            kind = custom.get(name.removeprefix(CUSTOM))
            if kind in SHOWN_TYPES:
                continue
            if kind is not None:
                shown = " or ".join(SHOWN_TYPES)
                yield f"has {part.text}, which is of the type {kind}; only a {shown} can be shown"
                continue
        near = difflib.get_close_matches(name.strip().lower(), known, n=1)
        advice = (
            f'write "{{{near[0]}}}"' if near else f"there are {', '.join(f'{{{each}}}' for each in known)}"
        )
        if name.startswith(CUSTOM) and not custom:
            advice = "declare it in custom.cedarschema, as a String or Long"
        yield f"has {part.text}, which is no placeholder; {advice}, or write {escaped(part.text)} for braces"
