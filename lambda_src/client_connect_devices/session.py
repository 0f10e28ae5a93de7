"""Authenticated requests for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from client_connect_devices.errors import CredentialsRejected, UnexpectedAnswer
from client_connect_devices.http import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect_devices.credentials import Credentials
    from client_connect_devices.http import Client

_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403


class Session:
    """Sends requests with credentials, which are renewed once when they are refused.

    Args:
        client: Sends the requests.
        credentials: What authenticates them.
        headers: Further headers of each.
    """

    def __init__(
        self, client: Client, credentials: Credentials, headers: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._headers = dict(headers or {})

    def get(self, url: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the JSON at a URL.

        Raises:
            CredentialsRejected: When the credentials are refused, even new ones, or lack a permission.
            UnexpectedAnswer: When the answer is no JSON, or of another status.
            SyncFailed: When there is no answer.
        """
        for _ in range(2):
            answer = self._client.get(url, {**self._headers, **self._credentials.headers(self._client)})
            if answer.status == _UNAUTHORIZED and self._credentials.renew():
                continue
            break
        where = place(url)
        if answer.status == _UNAUTHORIZED:
            raise CredentialsRejected(
                f"{where} refuses the credentials (status 401); renew them in the secret"
            )
        if answer.status == _FORBIDDEN:
            raise CredentialsRejected(
                f"{where} refuses access (status 403); grant the permission that docs/device-managers.md names"
            )
        if answer.status != _OK:
            raise UnexpectedAnswer(
                f"{where} answers with status {answer.status}; check the address, and the fields that common_name and "
                "tags name"
            )
        if answer.problem:
            raise UnexpectedAnswer(f"{where} does not answer with devices: {answer.problem}")
        return answer.value

    def get_object(self, url: str) -> dict[str, Any]:
        """Return the JSON object at a URL.

        Raises:
            UnexpectedAnswer: When it is no object.
        """
        value = self.get(url)
        if not isinstance(value, dict):
            raise UnexpectedAnswer(f"{place(url)} answers with JSON that is no object")
        return value


def records_of(answer: Mapping[str, Any], key: str, url: str) -> list[Any]:
    """Return the list under a key. A missing one is an error, and not an empty list.

    Raises:
        UnexpectedAnswer: When none came.
    """
    records = answer.get(key)
    if not isinstance(records, list):
        raise UnexpectedAnswer(f'{place(url)} answers without a list "{key}"')
    return records


def total_of(value: object) -> int | None:
    """Return a total; ``None`` where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def require_same_host(url: str, other: str) -> None:
    """Check that a link leads to the host that it came from.

    Raises:
        UnexpectedAnswer: When it does not: the credentials would go there too.
    """
    if _origin(other) != _origin(url):
        raise UnexpectedAnswer(
            f"{place(url)} names a next page on another host, {place(other):.100}, which is not followed"
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None
