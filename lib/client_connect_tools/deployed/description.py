"""The descriptions of a function and its versions: the only text that a deployment writes and Lambda keeps for each.

A version takes over the description of its function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect.shortening import cut, length

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIAS_NAME = "live"
# The variable of a re-authorizer; the module of its settings is not imported for a name.
WATCHED_ENDPOINTS = "CLIENT_CONNECT_ENDPOINTS"
# By this the function that announces decisions is found.
ANNOUNCES = "Announces the Client VPN connections that the handler decided"

# Lambda's own limit. A handler's version has a number of ten digits at most.
MOST_CHARACTERS = 256
_LONGEST_NAME, _LONGEST_NUMBER = 64, 10
_LONGEST_ID = 40
# Of a policy's digest: enough to see that it is another.
_DIGITS = (8, 6, 4)

_UNQUALIFIED = "not used by endpoints, which run $LATEST; "
_DESCRIPTION = re.compile(
    r"(?P<unqualified>not used by endpoints, which run \$LATEST; )?"
    r"(?:for version (?P<version>[0-9]+) of (?P<handler>[A-Za-z0-9_-]+); )?"
    r"policies (?P<digest>[0-9a-f]{12}|in prebuilt code)(?:: (?P<ids>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The content of a description.

    Attributes:
        digest: The digest of the policies, as records have it; ``None`` where it was not known.
        ids: The ids of policies, as text, maybe not all.
        is_unqualified: Whether endpoints do not ask the alias.
        handler: Of a re-authorizer: whose policies it has.
        handler_version: Of a re-authorizer: the version of its handler.
    """

    digest: str | None = None
    ids: str = ""
    is_unqualified: bool = False
    handler: str | None = None
    handler_version: str | None = None


def policies_digest(text: str) -> str:
    """Return the digest of policies as they are bundled, as the records of the runtime have it."""
    return sha256(text.encode()).hexdigest()[:12]


def describe_handler(digest: str | None, policies: Mapping[str, str], *, is_unqualified: bool) -> str:
    """Return the description of a handler's version.

    Args:
        digest: The digest of its policies; ``None`` where it is not known.
        policies: The digest of each of its policies, by id, as ``Policies.digests`` has it.
        is_unqualified: Whether endpoints do not ask the alias.
    """
    return _with_policies(_UNQUALIFIED if is_unqualified else "", digest, policies)


def describe_reauthorizer(name: str, version: str, digest: str | None, policies: Mapping[str, str]) -> str:
    """Return the description of a re-authorizer's version.

    Args:
        name: The handler's name.
        version: The number of the handler's version, which may be a token.
        digest: The digest of its policies; ``None`` where it is not known.
        policies: The digest of each of its policies, by id, as ``Policies.digests`` has it.
    """
    # A token is of another length than what it stands for.
    start = f"for version {version} of {name}; "
    longest = len("for version  of ; ") + _LONGEST_NUMBER + _LONGEST_NAME
    return _with_policies(start, digest, policies, reserved=longest)


def parse_description(text: str) -> Described:
    """Return the content of a description; of a foreign one, nothing."""
    match = _DESCRIPTION.match(text)
    if match is None:
        return Described()
    digest = match["digest"]
    return Described(
        digest=None if digest == "in prebuilt code" else digest,
        ids=match["ids"] or "",
        is_unqualified=match["unqualified"] is not None,
        handler=match["handler"],
        handler_version=match["version"],
    )


def _with_policies(start: str, digest: str | None, policies: Mapping[str, str], *, reserved: int = 0) -> str:
    if digest is None:
        return f"{start}policies in prebuilt code"
    head = f"policies {digest}"
    room = MOST_CHARACTERS - (reserved or len(start)) - len(head)
    return f"{start}{head}{_shown(policies, room)}"


def _shown(policies: Mapping[str, str], room: int) -> str:
    """Return the ids with their digests, so a change set shows which policies change; else ids alone.

    Of many policies, as many ids as there is room for, and how many more there are.
    """
    names = {cut(printable(each), _LONGEST_ID): known for each, known in policies.items()}
    for digits in _DIGITS:
        text = f": {', '.join(f'{name}{_short(known, digits)}' for name, known in names.items())}"
        if len(names) == len(policies) and names and length(text) <= room:
            return text
    for count in range(len(names), 0, -1):
        more = f" and {len(policies) - count} more" if count < len(policies) else ""
        text = f": {', '.join(list(names)[:count])}{more}"
        if length(text) <= room:
            return text
    return ""


def _short(known: str, digits: int) -> str:
    """Return the first digits of a policy's digest, and whether it is in shadow mode."""
    *_, digest = known.split()
    return f"{' (shadow)' if ', shadow' in known else ''} {digest[:digits]}"
