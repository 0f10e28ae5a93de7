"""The function that runs on a schedule."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from client_connect_devices import configuration
from client_connect_devices.credentials import Secret
from client_connect_devices.deadline import Deadline
from client_connect_devices.differences import Kind
from client_connect_devices.errors import InvalidSecret, InvalidSettings, SyncFailed
from client_connect_devices.http import Client
from client_connect_devices.outcome import Outcome
from client_connect_devices.record import write_record
from client_connect_devices.run import Run
from client_connect_devices.session import Session
from client_connect_devices.table import Table

if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """The part of Lambda's context object that is read."""

        function_name: str

        def get_remaining_time_in_millis(self) -> int:
            """Return the milliseconds until Lambda ends the invocation."""


# Throttled and failed calls are repeated by botocore, with longer and longer pauses.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    max_pool_connections=16,
    retries={"mode": "standard", "total_max_attempts": 8},
)
_ACCEPT = "acceptChanges"
_LESS_ACCESS = (Kind.TURNED, Kind.MISSING)

_logger = logging.getLogger("client_connect_devices")


def handler(event: object, context: Context) -> dict[str, Any]:
    """Run once.

    Args:
        event: Anything; ``{"acceptChanges": 120}`` lets a run pass the brake once with at most so many changes.
        context: Lambda's.

    Returns:
        The outcome of the run.

    Raises:
        Exception: When the run did not complete, so Lambda counts it.
    """
    return _Invocation(event, context).run()


class _Invocation:
    def __init__(self, event: object, context: Context) -> None:
        self._event = event
        self._context = context
        self._started = perf_counter()
        self._outcome = Outcome(source="unknown")
        self._secret = Secret({})
        self._client: Client | None = None

    def run(self) -> dict[str, Any]:
        """Run, record, and start the re-authorizer.

        Raises:
            SyncFailed: When the run did not complete.
            RuntimeError: When something else failed.
        """
        try:
            self._run()
        except SyncFailed as error:
            problem = self._secret.redacted(f"{error}")
            self._record(error, problem)
            # Without what it came from, whose text was not checked for credentials.
            raise type(error)(problem) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is recorded without credentials
            problem = self._secret.redacted(f"{type(error).__name__}: {error}")
            self._record(error, problem)
            raise RuntimeError(problem) from None
        finally:
            if self._client is not None:
                self._client.close()
        self._record(None, "")
        self._start_reauthorizer()
        return self._outcome.to_record()

    def _run(self) -> None:
        source = configuration.read_source(_variable(configuration.SOURCE))
        settings = configuration.read_options(os.environ.get(configuration.OPTIONS, ""))
        self._outcome.source = source.common.name
        accepted = _accepted(self._event)
        self._secret = _secret(_variable(configuration.SECRET))
        deadline = Deadline(lambda: self._context.get_remaining_time_in_millis() / 1000)
        self._client = Client(deadline, test_server=os.environ.get(configuration.TEST_SERVER, ""))
        run = Run(
            source,
            settings,
            session=Session(self._client, source.credentials(self._secret)),
            deadline=deadline,
            now=datetime.now(UTC),
            outcome=self._outcome,
            accepted=accepted,
        )
        run.sync(Table(boto3.client("dynamodb", config=_CONFIG), _variable(configuration.TABLE)))

    def _record(self, error: Exception | None, problem: str) -> None:
        client = self._client
        write_record(
            self._outcome,
            function_name=self._context.function_name,
            milliseconds=(perf_counter() - self._started) * 1000,
            error=error,
            problem=problem,
            requests=client.requests if client else 0,
            retries=client.retries if client else 0,
            days_to_expiry=configuration.days_to_expiry(self._secret),
        )

    def _start_reauthorizer(self) -> None:
        """Have open connections decided again where a device has just lost its standing."""
        name = os.environ.get(configuration.REAUTHORIZER, "")
        if not name or not any(self._outcome.written[kind.value] for kind in _LESS_ACCESS):
            return
        try:
            boto3.client("lambda", config=_CONFIG).invoke(FunctionName=name, InvocationType="Event")
        except (BotoCoreError, ClientError) as error:
            # It runs on its own schedule as well.
            _logger.warning("the re-authorizer was not started", extra={"reason": str(error)})


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise InvalidSettings(f"the variable {name} is not set")
    return value


def _accepted(event: object) -> int:
    """Return how many changes an operator accepts.

    Raises:
        InvalidSettings: When that is no number.
    """
    value = event.get(_ACCEPT, 0) if isinstance(event, dict) else 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidSettings(f'"{_ACCEPT}" must be the number of changes to accept, 1 or more')
    return value


def _secret(arn: str) -> Secret:
    """Return the secret as it is now.

    Raises:
        InvalidSecret: When it cannot be read.
    """
    try:
        answer = boto3.client("secretsmanager", config=_CONFIG).get_secret_value(SecretId=arn)
    except (BotoCoreError, ClientError) as error:
        raise InvalidSecret(f"the secret cannot be read: {error}") from None
    return configuration.read_secret(answer.get("SecretString", ""))
