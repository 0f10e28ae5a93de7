"""Credentials of requests: a fixed header, or an OAuth token that is renewed before and when it expires."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

from client_connect_devices.errors import CredentialsRejected, InvalidSecret, UnexpectedAnswer
from client_connect_devices.http import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect_devices.http import Answer, Client

# Renewed this much before its end, or a quarter of its life before, whichever is shorter.
_MARGIN_S = 60.0
_DEFAULT_LIFE_S = 300.0
_ERROR_CODE = re.compile(r"[a-z_]{3,40}")
# Entra ID begins its description with a code, such as AADSTS7000222 for an expired secret.
_ENTRA_CODE = re.compile(r"\bAADSTS[0-9]{3,9}\b")


class Secret:
    """The keys of a secret. It never shows their values."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __repr__(self) -> str:
        return f"Secret({', '.join(sorted(self._values))})"

    def require(self, name: str) -> str:
        """Return a value.

        Raises:
            InvalidSecret: When it is missing, or cannot be sent in a header.
        """
        value = self._values.get(name, "")
        if not value:
            has = ", ".join(sorted(self._values)) or "no key"
            raise InvalidSecret(f'the secret has no "{name}"; it has {has}')
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            raise InvalidSecret(
                f'"{name}" of the secret has a space around it, or characters that are not ASCII'
            )
        return value

    def get(self, name: str) -> str:
        """Return a value; empty when it is missing."""
        return self._values.get(name, "")

    def redacted(self, text: str) -> str:
        """Return a text without any of the values."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            if len(value) > 5:  # noqa: PLR2004 - such as a tenant's short name
                text = text.replace(value, "***")
        return text


class Credentials(Protocol):
    """Credentials of requests."""

    def headers(self, client: Client) -> dict[str, str]:
        """Return the headers of a request; fetches a token if it has none."""

    def renew(self) -> bool:
        """Drop the refused credentials; return whether a second attempt makes sense."""


class FixedHeaders:
    """Headers that never change, such as an API key."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def headers(self, client: Client) -> dict[str, str]:  # noqa: ARG002 - as the protocol has it
        """Return the headers."""
        return self._headers

    def renew(self) -> bool:
        """Refuse: there is nothing to renew."""
        return False


class ClientCredentials:
    """A token by OAuth 2.0 client credentials.

    Args:
        url: The token endpoint.
        form: The fields of the form in addition to the grant type.
        basic: The id and the secret, where the endpoint takes them by HTTP Basic.
    """

    def __init__(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> None:
        self._url = url
        self._form = {"grant_type": "client_credentials", **form}
        self._basic = basic
        self._token = ""
        self._renewal = 0.0

    def headers(self, client: Client) -> dict[str, str]:
        """Return the header, with a new token if it has none or it is about to expire."""
        if not self._token or time.monotonic() >= self._renewal:
            self._fetch(client)
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Forget the token."""
        self._token = ""
        return True

    def _fetch(self, client: Client) -> None:
        headers = {}
        if self._basic is not None:
            # RFC 6749, 2.3.1: each is form-encoded first.
            pair = ":".join(quote(part, safe="") for part in self._basic)
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        answer = client.post_form(self._url, headers, urlencode(self._form))
        if answer.status in (400, 401, 403):
            raise CredentialsRejected(
                f"{place(self._url)} refuses the credentials with status {answer.status}{_reason(answer)}; check the "
                "id and the secret, and whether the secret has expired"
            )
        value = answer.value
        token = value.get("access_token") if isinstance(value, dict) else None
        if answer.status not in (200, 201) or not isinstance(token, str) or not _is_token(token):
            problem = answer.problem or "it has no access_token"
            raise UnexpectedAnswer(f"{place(self._url)} answers with status {answer.status}: {problem}")
        self._token = token
        life = _life(value.get("expires_in"))
        self._renewal = time.monotonic() + life - min(_MARGIN_S, life / 4)


def _is_token(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _life(seconds: object) -> float:
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) < 9:  # noqa: PLR2004
        seconds = int(seconds)
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e9:  # noqa: PLR2004
        return float(seconds)
    return _DEFAULT_LIFE_S


def _reason(answer: Answer) -> str:
    """Return the error's code, and Entra's own; never the description, which may repeat what was sent."""
    value = answer.value if isinstance(answer.value, dict) else {}
    code, description = value.get("error"), value.get("error_description")
    parts = []
    if isinstance(code, str) and _ERROR_CODE.fullmatch(code):
        parts.append(code)
    if isinstance(description, str) and (match := _ENTRA_CODE.search(description)):
        parts.append(match[0])
    return f" ({', '.join(parts)})" if parts else ""
