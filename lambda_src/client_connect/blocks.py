r"""Blocks: devices and users that are kept out at once, whatever the policies and waivers say.

A block is looked up by the name of its user or device, and no one may get past one by another spelling. So names are
compared more broadly than policies compare them: without regard to case, marks, width and invisible characters, and of
a user in each form that a directory takes: ``bob``, ``CORP\bob`` and ``bob@corp.example``. Names with different
domains of the same form are those of different users.
"""

from __future__ import annotations

from client_connect.light_typing import TYPE_CHECKING, NamedTuple
from client_connect.shortening import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from client_connect.request import ConnectionRequest

# Stands in place of a policy's id in the decision. No policy may have an id that begins with it.
RESERVED_IDS = "client-connect:"
BLOCKED = "client-connect:blocked"
BLOCKS_UNKNOWN = "client-connect:blocks-unavailable"

UNKNOWN_DENIAL = "Your connection could not be checked just now. Please try again in a few minutes."

PREFIX = "blocked:"
_USER, _DEVICE = "blocked:user:", "blocked:device:"

# The service cuts user names at this length; folded, a name may be longer. A key of DynamoDB takes 2,048 bytes.
_CUT_AT, _LONGEST_KEY = 255, 480
_LONGEST_RECORDED = 1000


class Block(NamedTuple):
    """A device or a user that is kept out.

    Attributes:
        holder: ``device:`` or ``user:``, and the name as it was given.
        until: When it ends, with a time zone; ``None`` without an end.
        reason: Why, for whoever reads the records. Never sent to a client.
        by: Who decided it.
        granted_by: The ARN of the principal that wrote it; empty where it is not known.
        granted_at: When; ``None`` where it is not known.
        message: The text for the client; empty for the handler's default message.
    """

    holder: str
    until: datetime | None = None
    reason: str = ""
    by: str = ""
    granted_by: str = ""
    granted_at: datetime | None = None
    message: str = ""

    def holds(self, now: datetime) -> bool:
        """Tell whether it counts at a time."""
        return self.until is None or now < self.until

    def to_record(self) -> dict[str, str]:
        """Return the block as decision records have it, each text with at most 1,000 characters."""
        record = {
            "holder": self.holder,
            "until": "" if self.until is None else self.until.isoformat(timespec="seconds"),
            "reason": self.reason,
            "by": self.by,
            "grantedBy": self.granted_by,
            "grantedAt": "" if self.granted_at is None else self.granted_at.isoformat(timespec="seconds"),
            "message": self.message,
        }
        return {name: shortened(text, _LONGEST_RECORDED) for name, text in record.items() if text}


def user_key(name: str) -> str:
    """Return the key under which the blocks of a user are kept, whatever the domain and the spelling."""
    return _USER + _key_part(_account(folded(name)))


def device_key(common_name: str) -> str:
    """Return the key under which the block of a device is kept."""
    return _DEVICE + _key_part(folded(common_name))


def keys_of(request: ConnectionRequest) -> list[str]:
    """Return the keys under which there may be blocks of a connection."""
    return [key for key, _ in _named(request)]


def covering(request: ConnectionRequest, key: str, blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield those of the blocks under a key that are for a connection."""
    for own_key, name in _named(request):
        if own_key == key:
            yield from (block for block in blocks if covers(block, name))


def covers(block: Block, name: str) -> bool:
    """Tell whether a block is for a name that has its key."""
    kind, _, blocked = block.holder.partition(":")
    if kind == "device":
        return True
    ones, others = _domains(folded(blocked)), _domains(folded(name))
    return all(ones[form] == others[form] for form in ones.keys() & others.keys())


def _named(request: ConnectionRequest) -> Iterator[tuple[str, str]]:
    if request.common_name is not None:
        yield device_key(request.common_name), request.common_name
    # Where there is no user name, the certificate names who it is.
    if name := request.username or request.common_name:
        yield user_key(name), name


def folded(name: str) -> str:
    """Return a name without what a directory may overlook in it."""
    name = name[:_CUT_AT]
    return name.strip().lower() if name.isascii() else _folded(name)


def _folded(name: str) -> str:
    import unicodedata  # noqa: PLC0415 - few names need it, and no cold start

    # Once more after the case, which can leave new marks.
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(
        each for each in text if unicodedata.category(each) not in ("Mn", "Me", "Cf", "Cc")
    ).strip()


def _account(name: str) -> str:
    account = name.rpartition("\\")[2].partition("@")[0].strip()
    return account or name


def _domains(name: str) -> dict[str, str]:
    """Return the domains of a folded name, by the form they come in."""
    before, backslash, rest = name.rpartition("\\")
    _, at, after = rest.partition("@")
    return ({"\\": before.strip()} if backslash else {}) | ({"@": after.strip()} if at else {})


def _key_part(name: str) -> str:
    # A key that is cut may be that of several names; then it keeps out more of them.
    return name[:_LONGEST_KEY] or " "
