"""The answer that Client VPN expects of a client connect handler.

Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html
"""

from __future__ import annotations

from client_connect.light_typing import TYPE_CHECKING
from client_connect.shortening import cut, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MAX_MESSAGE_LENGTH = 255
MAX_STATUS_LENGTH = 255
MAX_STATUSES = 10

# Clients ignore a message with a control character altogether.
_CONTROL_CHARACTERS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")


def response(
    *, allow: bool, message: str = "", statuses: Iterable[str] = (), schema_version: str
) -> dict[str, Any]:
    """Return a valid response, in the schema version of the request.

    Args:
        allow: Whether the connection may be established.
        message: What a denied client is shown. At most 255 characters, counted as in UTF-16; a longer message is
            cut between two words and ends with an ellipsis. Not sent when ``allow`` is true.
        statuses: Posture compliance statuses. At most 10, each cut at 255 characters.
        schema_version: The request's, echoed. It chooses the key of the message: AWS renamed it after v1.
    """
    message_key = (
        "error-msg-on-failed-posture-compliance"
        if schema_version == "v1"
        else "error-msg-on-denied-connection"
    )
    return {
        "allow": allow,
        message_key: "" if allow else shortened(message.translate(_CONTROL_CHARACTERS), MAX_MESSAGE_LENGTH),
        "posture-compliance-statuses": [cut(status, MAX_STATUS_LENGTH) for status in statuses][:MAX_STATUSES],
        "schema-version": schema_version,
    }
