"""Characters that disguise a text: a review would show something other than what decides.

Source: https://trojansource.codes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Marks of direction reorder what is shown. Control characters overwrite it on a terminal. Some editors break lines at
# separators unknown to Cedar and TOML, and some do not at a carriage return, where Cedar does.
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_LINES = "\u2028\u2029\x0b\x0c\r\x85"
# White space that no keyboard has.
_SPACES = "\xa0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
# Unicode's Default_Ignorable_Code_Point (including unassigned ones), the other controls of annotations and
# hieroglyphs, and the two that are shown as nothing though they are letter and note. Apart from the conditional ones.
_NOTHING = (
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffc"
    "\U00013430-\U00013455\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
# Joiners and variation selectors are shown as nothing too, but for those that need them: scripts whose letters are
# joined (Arabic to Tibetan and Myanmar, Khmer, Mongolian, Balinese and others), ideographs, and emoji.
_JOINED = (
    "\u0600-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1c4f\ua800-\ua8df\ua980-\ua9df\uaa00-\uaadf\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010aff\U00011000-\U000116ff"
)
_MONGOLIAN = "\u1820-\u18aa"
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_EMOJI = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030"
    "\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_CONDITIONAL = (
    rf"(?<![{_JOINED}{_EMOJI}\ufe0f])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}{_EMOJI}])",
    rf"(?<![{_MONGOLIAN}])[\u180b-\u180d\u180f]",
    rf"(?<![{_IDEOGRAPHS}])[\ufe00-\ufe0d\U000e0100-\U000e01ef]",
    rf"(?<![{_IDEOGRAPHS}{_EMOJI}#*0-9])[\ufe0e\ufe0f]|(?<=[#*0-9])(?:\ufe0e|\ufe0f(?!\u20e3))",
)
_HIDDEN = re.compile(
    f"(?P<direction>[{_DIRECTION}])|(?P<line>[{_LINES}])|(?P<control>[{_CONTROL}])|(?P<space>[{_SPACES}])"
    f"|(?P<invisible>[{_NOTHING}]|{'|'.join(_CONDITIONAL)})"
)
_REMOVE, _REPLACE = "remove it", "write an ordinary one, or escape it"
_WHY = {
    "direction": ("reorders what is shown of the line", _REMOVE),
    "line": ("ends a line in some programs and not in others", _REMOVE),
    "control": ("is a control character, which hides or overwrites what is shown", _REMOVE),
    "space": ("is shown as a space and is not the usual one", _REPLACE),
    "invisible": ("is shown as nothing", _REMOVE),
}


def hidden_characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the first hidden character of each line: line and column, counted from 1, and what to do."""
    for line, content in enumerate(text.split("\n"), 1):
        if match := _HIDDEN.search(content):
            why, remedy = _WHY[match.lastgroup or ""]
            what = f"the character U+{ord(match[0]):04X} {why}"
            yield (
                line,
                match.start() + 1,
                f"{what}, so a review shows something else than what decides; {remedy}",
            )


def has_hidden_characters(text: str) -> bool:
    """Tell whether there are any; in one line, such as the name of a file."""
    return _HIDDEN.search(text) is not None
