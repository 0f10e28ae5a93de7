"""The gate before the local emulator: what is signed with this run's key passes, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.signed_requests import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1:4566"
KEY, SECRET = "AKIAOFTHISRUN", "secret-of-this-run"
BODY = b'{"FunctionName": "x"}'


def gate(application: Any = None) -> Gate:
    """Return a gate that knows one key."""
    return Gate(application, host=HOST, secrets={KEY: SECRET})


def signed(  # noqa: PLR0913 - what can be signed
    auth: type = SigV4Auth,
    service: str = "lambda",
    *,
    key: str = KEY,
    secret: str = SECRET,
    url: str = f"http://{HOST}/2015-03-31/functions?a=b%20c&a=%2F",
    body: bytes = BODY,
    headers: dict[str, str] | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Return a request as ASGI has it, signed by botocore."""
    request = AWSRequest("POST", url, dict(headers or {}), body)
    auth(Credentials(key, secret), service, "us-east-1").add_auth(request)
    parts = urlsplit(request.url or "")
    given = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [*given, (b"host", parts.netloc.encode())],
    }
    return scope, body


def changed(scope: dict[str, Any], header: str, change: Callable[[str], str | None]) -> dict[str, Any]:
    """Return a request with one header changed or left out."""
    headers = []
    for name, value in scope["headers"]:
        new = change(value.decode()) if name == header.encode() else value.decode()
        if new is not None:
            headers.append((name, new.encode()))
    return {**scope, "headers": headers}


@pytest.mark.parametrize(
    ("auth", "service", "url", "headers"),
    [
        (SigV4Auth, "lambda", f"http://{HOST}/2015-03-31/functions/a%3Ab/invocations?x=1", {}),
        (SigV4Auth, "dynamodb", f"http://{HOST}/", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}),
        (SigV4QueryAuth, "sts", f"http://{HOST}/?Action=GetCallerIdentity", {}),
        (S3SigV4Auth, "s3", f"http://{HOST}/bucket/a%20b/c.zip", {}),
        (S3SigV4QueryAuth, "s3", f"http://{HOST}/bucket/key", {}),
        (S3SigV4Auth, "s3", f"http://{HOST}/bucket/key", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
    ],
)
def test_what_is_signed_passes(auth: type, service: str, url: str, headers: dict[str, str]) -> None:
    """By headers or in the query, with a path that is encoded once or twice, with a body that is signed or not."""
    body = b"" if auth is SigV4QueryAuth else BODY  # botocore takes the body of such a request into the query
    assert gate().refusal(*signed(auth, service, url=url, body=body, headers=headers)) is None


def minutes_ago(minutes: int) -> str:
    """Return a time as requests have it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")


# Signed in the test, because a signature is valid for some minutes only.
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: signed(key="AKIAOFANOTHERRUN"), "not one of this run"),
        (lambda: signed(secret="guessed"), "not that of the request"),  # noqa: S106 - no secret
        (lambda: (signed()[0], BODY + b" "), "not that of the request"),
        (lambda: (signed(S3SigV4Auth, "s3")[0], b"other"), "the body is not the one that is signed"),
        (lambda: (signed(SigV4QueryAuth)[0], b"other"), "not that of the request"),
        (lambda: ({**signed()[0], "method": "PUT"}, BODY), "not that of the request"),
        (lambda: ({**signed()[0], "raw_path": b"/2015-03-31/layers"}, BODY), "not that of the request"),
        (lambda: ({**signed()[0], "query_string": b"a=b"}, BODY), "not that of the request"),
        (lambda: (changed(signed()[0], "host", lambda _: "evil.example"), BODY), "another host"),
        (lambda: (changed(signed()[0], "host", lambda _: "localhost:4566"), BODY), "another host"),
        (lambda: (changed(signed()[0], "host", lambda _: None), BODY), "another host"),
        (lambda: (changed(signed()[0], "authorization", lambda _: None), BODY), "not signed"),
        (lambda: (changed(signed()[0], "authorization", lambda _: ""), BODY), "not signed"),
        (
            lambda: (changed(signed()[0], "authorization", lambda text: text.replace("HMAC", "ECDSA")), BODY),
            "not signed",
        ),
        (
            lambda: (changed(signed()[0], "authorization", lambda text: text.replace("host;", "")), BODY),
            "cover the host",
        ),
        (lambda: (changed(signed()[0], "authorization", lambda text: text[:-64]), BODY), "not"),
        (lambda: (changed(signed()[0], "x-amz-date", lambda _: minutes_ago(20)), BODY), "too old"),
        (lambda: (changed(signed()[0], "x-amz-date", lambda _: "yesterday"), BODY), "no valid date"),
        (lambda: (changed(signed()[0], "x-amz-date", lambda _: None), BODY), "not signed"),
    ],
)
def test_what_is_not_is_refused(made: Callable[[], tuple[dict[str, Any], bytes]], reason: str) -> None:
    """Another key, a change of anything that is signed, another host, no signature or an old one."""
    refusal = gate().refusal(*made())
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [("0", "expired"), ("999999", "expired"), ("soon", "no valid date"), (None, "no valid date")],
)
def test_a_presigned_request_has_an_end(seconds: str | None, reason: str) -> None:
    """At most a week, as AWS has it."""
    scope, body = signed(SigV4QueryAuth)
    query = scope["query_string"].replace(
        b"X-Amz-Expires=3600", b"" if seconds is None else b"X-Amz-Expires=" + seconds.encode()
    )
    assert query != scope["query_string"]
    refusal = gate().refusal({**scope, "query_string": query}, body)
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize(
    ("method", "path", "host", "reached"),
    [
        ("GET", "/_ministack/health", HOST, True),
        ("PUT", "/_ministack/cfn-response/token", HOST, True),
        ("GET", "/_ministack/health", "evil.example", False),
        ("POST", "/_ministack/cfn-response/token", HOST, False),
        ("POST", "/_ministack/reset", HOST, False),
        ("POST", "/_ministack/config", HOST, False),
        ("GET", "/_ministack/cfn-response/../../2015-03-31/functions", HOST, False),
    ],
)
def test_the_paths_that_nobody_signs(method: str, path: str, host: str, *, reached: bool) -> None:
    """Whether it runs, and the answers of custom resources; a form of a web page cannot send a PUT."""
    seen: list[object] = []

    async def application(scope: object, _receive: object, _send: object) -> None:
        seen.append(scope)

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", host.encode()), (b"content-type", b"text/plain")],
    }
    asyncio.run(gate(application)(scope, receive, send))
    assert bool(seen) == reached
    assert [message["status"] for message in sent if "status" in message] == ([] if reached else [403])


def test_no_websocket_passes() -> None:
    """A web page may open one to any address."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(gate()({"type": "websocket", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]
