"""The project's stack ``ClientConnect``, deployed to the emulator, and its function behind the alias."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from local_aws import cdk_cli
from local_aws.emulator import ARCHITECTURE, RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mypy_boto3_lambda import LambdaClient

    from local_aws.emulator import Emulator

STACK = "ClientConnect"


class InvocationFailed(Exception):
    """The function answered with an error, which Client VPN would handle as a denial without a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation of the deployed function.

    Attributes:
        answer: What Client VPN would get.
        record: The JSON line that the function logged.
        version: The published version that ran.
        milliseconds: From the request to the answer, as the caller sees it.
    """

    answer: dict[str, Any]
    record: dict[str, Any]
    version: str
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedHandler:
    """A deployed handler.

    Attributes:
        emulator: Where it is deployed.
        function_name: The function's name.
        function_arn: What an endpoint would invoke: the alias.
        outputs: All outputs of the stack, such as the names of tables.
    """

    emulator: Emulator
    function_name: str
    function_arn: str
    outputs: Mapping[str, str]

    @property
    def alias(self) -> str:
        """The alias's name."""
        return self.function_arn.rsplit(":", 1)[1]

    @property
    def alias_version(self) -> str:
        """The version that the alias points at."""
        found = self._client.get_alias(FunctionName=self.function_name, Name=self.alias)
        return found["FunctionVersion"]

    @property
    def _client(self) -> LambdaClient:
        return self.emulator.client("lambda", self.function_arn.split(":")[3])

    def invoke(self, event: object) -> Invocation:
        """Ask the function as Client VPN does: synchronously, by the alias.

        Raises:
            InvocationFailed: When the function reports an error, or logs no decision record.
        """
        client = self._client
        started = perf_counter()
        response = client.invoke(FunctionName=self.function_arn, Payload=json.dumps(event), LogType="Tail")
        payload = response["Payload"].read().decode()
        milliseconds = (perf_counter() - started) * 1000
        log = base64.b64decode(response.get("LogResult", "")).decode("utf-8", "replace")
        if response.get("FunctionError"):
            raise InvocationFailed(f"the function reported {payload}; it logged\n{log}")
        return Invocation(
            answer=json.loads(payload),
            record=_record(log),
            version=response["ExecutedVersion"],
            milliseconds=milliseconds,
        )


def deploy(
    emulator: Emulator,
    *,
    policies: Path | None = None,
    app: str = cdk_cli.APP,
    context: Mapping[str, str] | None = None,
    report: Callable[[str], None] = cdk_cli.ignore,
) -> DeployedHandler:
    """Deploy the stack with the real ``cdk deploy``, built for the Python and the machine that run here.

    Args:
        emulator: The emulator, running and bootstrapped.
        policies: A Cedar file or a directory of them; the app's default policies without it.
        app: The command that synthesizes; the project's own app by default.
        context: Further context values of the app.
        report: Called with each line of output.

    Raises:
        cdk_cli.CdkFailed: When the command fails.
    """
    values = {"runtime": RUNTIME, "architecture": ARCHITECTURE, **(context or {})}
    if policies is not None:
        values["policies"] = str(policies)
    outputs = cdk_cli.deploy(emulator, stack=STACK, app=app, context=values, report=report)
    return handler_of(emulator, outputs)


def handler_of(emulator: Emulator, outputs: Mapping[str, str]) -> DeployedHandler:
    """Return the handler of a stack that outputs the ARN that endpoints are given."""
    arn = outputs["FunctionArn"]
    return DeployedHandler(
        emulator=emulator, function_name=arn.split(":")[6], function_arn=arn, outputs=outputs
    )


def _record(log: str) -> dict[str, Any]:
    for line in log.splitlines():
        if line.startswith("{"):
            record: dict[str, Any] = json.loads(line)
            if record.get("logger") == "client_connect":
                return record
    raise InvocationFailed(f"the function logged no decision record, but\n{log}")
