"""The risk service's data of a user, for the policies to read as context.custom."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import urlopen

if TYPE_CHECKING:
    from client_connect import ConnectionRequest

URL = os.environ["RISK_SERVICE_URL"]


def facts(request: ConnectionRequest) -> dict[str, Any]:
    """Return the score, 0 to 100, and whether a colleague vouches for the user."""
    user = quote(request.username or request.common_name or "", safe="")
    with urlopen(f"{URL}/users/{user}", timeout=1.5) as answer:  # noqa: S310 - our own address
        risk = json.load(answer)
    known: dict[str, Any] = {"riskScore": risk["score"]}
    if "vouchedForBy" in risk:
        known["vouchedForBy"] = risk["vouchedForBy"]
    return known
