"""Lets the emulator answer only requests that are signed with this run's key, as AWS would.

The emulator runs functions as the user who started it, and verifies no signature by itself: any user of the machine
and any web page in a browser on it could have code run. The gate is in the emulator's own process, before everything
that answers. It recomputes signatures using the emulator's implementation of Signature Version 4.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ministack.core import sigv4  # type: ignore[import-untyped]  # it has no types

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

# Two kinds of requests are not signed: health checks, and the answers of custom resources to CloudFormation, whose
# path contains a random token.
_HEALTH = "/_ministack/health"
_ANSWERS = "/_ministack/cfn-response/"
_UNSIGNED_BODIES = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_LONGEST_PRESIGNED_SECONDS = 604_800
_ALGORITHM = "AWS4-HMAC-SHA256"


class Gate:
    """An ASGI application before another one.

    Args:
        application: What answers.
        host: What the header ``Host`` must be.
        secrets: The secret access keys by the access key ids. Those of sessions that STS has handed out, which takes
            a signed request, are known too.
    """

    def __init__(self, application: Application, *, host: str, secrets: Mapping[str, str]) -> None:
        self._application = application
        self._host = host
        self._secrets = secrets

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer, or refuse with 403."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["headers"] and self._is_open(scope):
            await self._application(scope, receive, send)
        else:
            body = await _read(receive)
            reason = self.refusal(scope, body)
            if reason is None:
                await self._application(scope, _replay(body, receive), send)
            else:
                await _refuse(send, reason)

    def refusal(self, scope: Mapping[str, Any], body: bytes) -> str | None:
        """Return why a request is refused."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        if headers.get("host") != self._host:
            return "the request is for another host"
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        presigned = "authorization" not in headers
        if not presigned and headers["authorization"].split(" ", 1)[0] != _ALGORITHM:
            return f"the request is not signed by {_ALGORITHM}"
        signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
        if isinstance(signature, tuple):
            return "the request is not signed"
        return (
            _date_problem(signature, query if presigned else None)
            or _body_problem(headers, body)
            or self._signature_problem(signature, scope, query, headers, body, presigned=presigned)
        )

    def _is_open(self, scope: Mapping[str, Any]) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]
        asks_for_health = scope["method"] == "GET" and scope["path"] == _HEALTH
        answers = scope["method"] == "PUT" and scope["path"].startswith(_ANSWERS)
        return hosts == [self._host] and (asks_for_health or answers)

    def _signature_problem(  # noqa: PLR0913 - all that is signed
        self,
        signature: sigv4.HeaderSignature,
        scope: Mapping[str, Any],
        query: Mapping[str, list[str]],
        headers: Mapping[str, str],
        body: bytes,
        *,
        presigned: bool,
    ) -> str | None:
        if "host" not in signature.signed_headers.split(";"):
            return "the signature does not cover the host"
        secret = self._secrets.get(signature.access_key_id) or _session_secret(signature.access_key_id)
        if secret is None or signature.region_set is not None:
            return "the access key is not one of this run"
        failure = sigv4.header_signature_failure(
            signature,
            secret,
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            query,
            headers,
            body,
            presigned=presigned,
        )
        return None if failure is None else "the signature is not that of the request"


def _session_secret(access_key_id: str) -> str | None:
    sts = sys.modules.get("ministack.services.sts")
    session: dict[str, str] = getattr(sts, "_sessions", {}).get(access_key_id, {})
    return session.get("SecretAccessKey")


def _date_problem(
    signature: sigv4.HeaderSignature, presigned_query: Mapping[str, list[str]] | None
) -> str | None:
    try:
        if presigned_query is None:
            # Raises for a date that the other would pass over.
            sigv4.presigned_request_is_expired(signature.amz_date, 0)
            return (
                "the signature is too old or not yet valid" if sigv4.request_time_failure(signature) else None
            )
        seconds = int(presigned_query.get("X-Amz-Expires", [""])[0])
        expired = sigv4.presigned_request_is_expired(signature.amz_date, seconds)
    except ValueError:
        return "the signature has no valid date"
    return "the signature has expired" if expired or not 0 < seconds <= _LONGEST_PRESIGNED_SECONDS else None


def _body_problem(headers: Mapping[str, str], body: bytes) -> str | None:
    """Compare the body with the hash that is signed; one without a hash is hashed for the signature."""
    stated = headers.get("x-amz-content-sha256")
    if stated is None or stated in _UNSIGNED_BODIES or stated == _SIGNED_CHUNKS:
        return None  # the emulator's implementation verifies signed chunks
    return None if stated == sha256(body).hexdigest() else "the body is not the one that is signed"


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once, and from then on what the client does."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


async def _refuse(send: Send, reason: str) -> None:
    body = f"{reason}; the emulator answers only its own run\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
