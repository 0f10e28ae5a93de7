"""Calls of DynamoDB's API by the parts of botocore that sign and send: making its client would take twice as long.

Botocore's own are the signature, the HTTP session with its pool, TLS and proxies, credentials that are not in the
environment, and the endpoint where a variable or the Region makes it another than the usual one. Nothing is sent before
the first call: a process that is resumed from a snapshot makes its connections afterwards, and gets its credentials,
which are then not in the environment.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import json
import os
import re
import socket
import zlib
from base64 import b64decode, b64encode
from functools import cached_property
from random import random
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError, NoRegionError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

_API = "DynamoDB_20120810"
_CONTENT_TYPE = "application/x-amz-json-1.0"
# BatchGetItem returns up to 16 MB of items, which are longer as JSON.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024

# Regions of the partition "aws", and what gives them other endpoints.
_USUAL_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[0-9]{1,2}")
_UNUSUAL = frozenset(
    (
        *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        *("AWS_PROFILE", "AWS_CONFIG_FILE"),
    )
)
_ENDPOINTS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
_CA_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")

_SERVER_ERROR = 500
_THROTTLED = frozenset(
    ("ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded")
)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0


class InvalidAnswer(Exception):
    """An answer is not what DynamoDB would send: cut off, damaged, too long or not its JSON."""


class _Credentials(NamedTuple):
    access_key: str
    secret_key: str
    token: str | None


class DynamoDbClient:
    """The API in the Region of this process.

    Honors ``AWS_DEFAULT_REGION``, ``AWS_ENDPOINT_URL_DYNAMODB``, ``AWS_ENDPOINT_URL``, ``AWS_CA_BUNDLE``,
    ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, and by way of botocore ``AWS_USE_FIPS_ENDPOINT``,
    ``AWS_USE_DUALSTACK_ENDPOINT``, ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS``, ``AWS_PROFILE`` and ``AWS_CONFIG_FILE``.
    It does not use endpoints of an account, and its number of attempts is not ``AWS_MAX_ATTEMPTS``.

    Args:
        attempts: How often a call is tried while DynamoDB throttles, fails or cannot be reached.
        connect_timeout: In seconds.
        read_timeout: How long the next part of an answer may take, in seconds.

    Raises:
        botocore.exceptions.NoRegionError: When there is no Region.
        ValueError: When a variable names no endpoint.
    """

    def __init__(self, *, attempts: int, connect_timeout: float, read_timeout: float) -> None:
        self._attempts = attempts
        self._of_environment = _credentials_of_environment()
        self._region = _region()
        self._url = _endpoint(self._region).rstrip("/") + "/"
        # Not as the stubs have them: a path, two times, and options of sockets.
        verify: Any = next(filter(None, map(os.environ.get, _CA_BUNDLES)), True)
        timeout: Any = (connect_timeout, read_timeout)
        # Or the body would wait for the acknowledgment of the headers, which may take 40 ms, as botocore knows too.
        at_once: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        self._session = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._url),
            timeout=timeout,
            socket_options=at_once,
        )

    def call(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Return the answer to an operation, with attributes of the type ``B`` as bytes.

        Args:
            operation: Its name, such as ``GetItem``.
            parameters: As in its JSON, with bytes for attributes of the type ``B``.

        Raises:
            botocore.exceptions.ClientError: When DynamoDB refuses.
            botocore.exceptions.BotoCoreError: When it cannot be reached, or there are no credentials.
            InvalidAnswer: When it answers something else.
        """
        body = json.dumps(parameters, default=_encoded).encode()
        for attempt in range(1, self._attempts):
            try:
                return self._answer(operation, body)
            except (ClientError, NotConnected, HTTPClientError, InvalidAnswer) as error:
                if not _is_transient(error):
                    raise
            pause(attempt - 1)
        return self._answer(operation, body)

    def _answer(self, operation: str, body: bytes) -> dict[str, Any]:
        response = self._session.send(self._signed(operation, body).prepare())
        content = _content(response)
        if response.status_code == 200:  # noqa: PLR2004 - OK
            return _parsed(content)
        raise ClientError(_error(response.status_code, content), operation)

    def _signed(self, operation: str, body: bytes) -> AWSRequest:
        headers = {
            "Content-Type": _CONTENT_TYPE,
            "X-Amz-Target": f"{_API}.{operation}",
            "Accept-Encoding": "identity",
        }
        request = AWSRequest("POST", self._url, headers, body, stream_output=True)
        SigV4Auth(self._credentials(), "dynamodb", self._region).add_auth(request)
        return request

    def _credentials(self) -> Any:  # noqa: ANN401 - Lambda's image has no stubs
        if self._of_environment is not None:
            return self._of_environment
        if self._others is None:
            raise NoCredentialsError
        return self._others.get_frozen_credentials()  # which renews them in time

    @cached_property
    def _others(self) -> Any:  # noqa: ANN401 - as above
        """Those of a container, which a function has that is resumed from a snapshot, or of a profile."""
        from botocore.session import get_session  # noqa: PLC0415 - takes most of what this module saves

        return get_session().get_credentials()


def pause(number: int) -> None:
    """Wait before a call is tried again, longer each time."""
    sleep(random() * min(_FIRST_PAUSE_S * 2**number, _LONGEST_PAUSE_S))  # noqa: S311 - spreads the load


def _credentials_of_environment() -> _Credentials | None:
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    return _Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN"))


def _region() -> str:
    region: str | None = os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        from botocore.session import get_session  # noqa: PLC0415 - as above

        region = get_session().get_config_variable("region")
    if not region:
        raise NoRegionError
    return region


def _endpoint(region: str) -> str:
    if not _UNUSUAL & os.environ.keys():
        configured = next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
        if configured is not None:
            if not re.match(r"https?://[^/]", configured, re.IGNORECASE):
                raise ValueError(
                    f'"{configured}" is no endpoint; give a URL that begins with https:// or http://'
                )
            return configured
        if _USUAL_REGION.fullmatch(region):
            return f"https://dynamodb.{region}.amazonaws.com"
    from botocore.session import get_session  # noqa: PLC0415 - as above

    endpoint: str = get_session().create_client("dynamodb", region_name=region).meta.endpoint_url
    return endpoint


def _content(response: AWSResponse) -> bytes:
    """Return all of an answer; its connection is used again only then."""
    chunks, size = [], 0
    try:
        for chunk in response.raw.stream(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                response.raw.close()
                raise InvalidAnswer(f"the answer of DynamoDB has more than {MAX_ANSWER_BYTES:,} bytes")
    except HTTPError as error:
        raise InvalidAnswer(f"the answer of DynamoDB broke off: {type(error).__name__}") from error
    content = b"".join(chunks)
    checksum = response.headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(zlib.crc32(content)):
        raise InvalidAnswer("the answer of DynamoDB is damaged: it has another checksum")
    return content


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content, object_hook=_decoded)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer(f"the answer of DynamoDB is not its JSON: {type(error).__name__}") from error
    if not isinstance(answer, dict):
        raise InvalidAnswer("the answer of DynamoDB is not its JSON: it is no object")
    return answer


def _error(status: int, content: bytes) -> Any:  # noqa: ANN401 - Lambda's image has no stubs
    """Return an error as botocore has it. The code of another's, such as a proxy's page, is its status."""
    try:
        answer = _parsed(content)
    except InvalidAnswer:
        answer = {}
    code = str(answer.get("__type", "")).partition(":")[0].rpartition("#")[2]
    message = answer.get("message", answer.get("Message", ""))
    return {
        "Error": {"Code": code or str(status), "Message": str(message)},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= _SERVER_ERROR or error.response["Error"]["Code"] in _THROTTLED


def _encoded(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is no part of an item")
    return b64encode(value).decode()


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    # In no other object of an answer "B" is a string: what may be called so holds an attribute, or items.
    binary = value.get("B")
    return {"B": b64decode(binary, validate=True)} if isinstance(binary, str) else value
