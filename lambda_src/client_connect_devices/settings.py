"""The settings of a source, read and checked in one place for the construct, the function and the command."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from client_connect_devices.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NAME = r"[a-z][a-z0-9-]{0,31}"
_FIELD = r"[\w@$. -]{1,200}"
_LONGEST_TAG = 256
_MOST_TAGS = 50
_REQUIRED: Any = object()


class Reader:
    """Reads settings one by one and collects what is wrong with them.

    Args:
        given: The settings by name; ``None`` counts as not given.
        is_token: Tells which values are known only when the stack is deployed, so cannot be checked before.
        texts: Whether numbers, flags and lists come as texts, as from a command line; a list with commas.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        *,
        is_token: Callable[[object], bool] = lambda _: False,
        texts: bool = False,
    ) -> None:
        self._texts = texts
        self._given = {name: value for name, value in given.items() if value is not None}
        self._is_token = is_token
        self._known: list[str] = []
        self._problems: list[str] = []

    def string(
        self, name: str, pattern: str, wanted: str, *, default: str = _REQUIRED, example: str = ""
    ) -> str:
        """Return a string that matches a pattern as a whole."""
        value = self._get(name, default, wanted)
        if value is default or self._is_token(value):
            return str(self._usable(value))
        if not (isinstance(value, str) and re.fullmatch(pattern, value)):
            self._reject(name, value, wanted + (f', such as "{example}"' if example else ""))
            return ""
        return value

    def choice(self, name: str, options: Sequence[str], *, default: str = _REQUIRED) -> str:
        """Return one of several strings."""
        wanted = f"one of {', '.join(options)}"
        value = self._get(name, default, wanted)
        if value is not default and not self._is_token(value) and value not in options:
            self._reject(name, value, wanted)
            return options[0]
        return str(self._usable(value))

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a flag."""
        value = self._get(name, default, "True or False")
        if self._texts and isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not isinstance(value, bool):
            self._reject(name, value, "True or False")
            return default
        return value

    def integer(self, name: str, least: int, most: int, *, default: int) -> int:
        """Return an integer in a range."""
        wanted = f"an integer from {least} to {most}"
        value = self._get(name, default, wanted)
        if self._texts and isinstance(value, str) and value.isascii() and value.isdecimal():
            value = int(value[:20])
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._reject(name, value, wanted)
            return default
        return value

    def strings(self, name: str, wanted: str, *, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of strings that are not empty."""
        value = self._get(name, default, wanted)
        if self._texts and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if (
            isinstance(value, str)
            or not isinstance(value, list | tuple)
            or not all(isinstance(each, str) and each for each in value)
        ):
            self._reject(name, value, wanted)
            return tuple(default)
        return tuple(value)

    def field(self, name: str, *, default: str = _REQUIRED) -> str:
        """Return the path of a field in a device's record."""
        return self.string(
            name, _FIELD, 'a field of a device; join nested ones by ".", as in "user.email"', default=default
        )

    def tags(self) -> dict[str, str]:
        """Return the tags to copy: the field of each, by the tag's name."""
        wanted = 'a mapping of tag names to fields, such as {"owner": "userPrincipalName"}'
        value = self._get("tags", {}, wanted)
        if not isinstance(value, dict) or len(value) > _MOST_TAGS:
            self._reject("tags", value, f"{wanted}, {_MOST_TAGS} at most")
            return {}
        for tag, path in value.items():
            if not (isinstance(tag, str) and 0 < len(tag) <= _LONGEST_TAG and tag.isprintable()):
                self._reject("tags", tag, f"named by 1 to {_LONGEST_TAG} printable characters")
            elif not (isinstance(path, str) and re.fullmatch(_FIELD, path)):
                self._reject(f"tags[{tag!r}]", path, "a field of a device")
        return dict(value)

    def https_url(self, name: str, *, default: str = _REQUIRED, example: str = "", bare: bool = False) -> str:
        """Return an HTTPS address without credentials and fragment, and without a slash at its end.

        Args:
            name: The setting.
            default: The default, which may be empty.
            example: One that would do.
            bare: Whether it must be a host alone, without a path and a query.
        """
        wanted = "an HTTPS address" + (" of a host, without a path" if bare else "")
        wanted += f', such as "{example}"' if example else ""
        value = self._get(name, default, wanted)
        if value is default or self._is_token(value):
            return str(self._usable(value))
        if not (isinstance(value, str) and _is_https(value, bare=bare)):
            self._reject(name, value, wanted)
            return ""
        return value.rstrip("/")

    def reject(self, problem: str) -> None:
        """Add a problem that concerns several settings."""
        self._problems.append(problem)

    def finish(self) -> None:
        """Check that nothing was wrong, and that nothing else was given.

        Raises:
            InvalidSettings: With all problems.
        """
        for name in sorted(self._given.keys() - set(self._known)):
            near = difflib.get_close_matches(name, self._known, n=1)
            hint = f'; did you mean "{near[0]}"' if near else ""
            self._problems.append(f'there is no setting "{name}"{hint}; there are {", ".join(self._known)}')
        if self._problems:
            raise InvalidSettings("\n".join(self._problems))

    def _get(self, name: str, default: Any, wanted: str) -> Any:  # noqa: ANN401 - the kind says
        self._known.append(name)
        value = self._given.get(name, default)
        if value is _REQUIRED:
            self._problems.append(f"{name} is missing; give {wanted}")
        return value

    def _reject(self, name: str, value: object, wanted: str) -> None:
        if value is not _REQUIRED:
            self._problems.append(f"{name}={value!r} must be {wanted}")

    @staticmethod
    def _usable(value: Any) -> Any:  # noqa: ANN401 - the kind says
        return "" if value is _REQUIRED else value


def _is_https(value: str, *, bare: bool) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and parts.username is None
        and parts.password is None
        and port != 0
        and not parts.fragment
        and value.isascii()
        and value.isprintable()
        and " " not in value
        and not (bare and (parts.path.strip("/") or parts.query))
    )
