"""The answer that Client VPN expects of a client connect handler.

Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MESSAGE_LENGTH = 255
MAX_STATUS_LENGTH = 255
MAX_STATUSES = 10


def response(
    *, allow: bool, message: str = "", statuses: Iterable[str] = (), schema_version: str
) -> dict[str, Any]:
    """Return a valid response, in the schema version of the request.

    Args:
        allow: Whether the connection may be established.
        message: What a denied client is shown. Cut at 255 characters; not sent when ``allow`` is true.
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
        message_key: "" if allow else message[:MAX_MESSAGE_LENGTH],
        "posture-compliance-statuses": [status[:MAX_STATUS_LENGTH] for status in statuses][:MAX_STATUSES],
        "schema-version": schema_version,
    }
