"""Characters by which a text is not what it looks like: a review would show something else than what decides.

Source: https://trojansource.codes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Marks of direction reorder what is shown. Control characters overwrite it on a terminal. Some editors break lines at
# separators of which Cedar and TOML know nothing, and some do not at a carriage return, where Cedar does. The others
# are shown as nothing. So are joiners (U+200C, U+200D) and variation selectors, which some scripts, and emoji, need; an
# ASCII character before one does not, apart from those that emoji are made of.
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_LINES = "\u2028\u2029"
_INVISIBLE = (
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_JOINER = "(?<=[ -~])[\u200c\u200d\U000e0100-\U000e01ef]|(?<=[ -~])(?<![#*0-9])[\ufe00-\ufe0f]"
_HIDDEN = re.compile(
    f"(?P<direction>[{_DIRECTION}])|(?P<line>[{_LINES}\x0b\x0c\r\x85])|(?P<control>[{_CONTROL}])"
    f"|(?P<invisible>[{_INVISIBLE}]|{_JOINER})"
)
_WHY = {
    "direction": "reorders what is shown of the line",
    "line": "ends a line in some programs and not in others",
    "control": "is a control character, which hides or overwrites what is shown",
    "invisible": "is shown as nothing",
}


def hidden_characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the first hidden character of each line: line and column, counted from 1, and what to do."""
    for line, content in enumerate(text.split("\n"), 1):
        if match := _HIDDEN.search(content):
            why = _WHY[match.lastgroup or ""]
            what = f"the character U+{ord(match[0]):04X} {why}"
            yield (
                line,
                match.start() + 1,
                f"{what}, so a review shows something else than what decides; remove it",
            )


def has_hidden_characters(text: str) -> bool:
    """Tell whether there are any; in one line, such as the name of a file."""
    return _HIDDEN.search(text) is not None
