"""A local VPN before a handler that the real ``cdk deploy`` has put into the emulator, with all that is around it."""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.deployed_handler import Invocation, InvocationFailed, handler_of
from local_aws.emulator import ARCHITECTURE, RUNTIME
from local_aws.vpn.device_manager import TOKEN, URL, DeviceManager
from local_aws.vpn.local_vpn import LocalVpn
from local_aws.vpn.policies import policies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator
    from local_aws.vpn.attempts import Attempt
    from local_aws.vpn.bridge import User

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
APP = Path(__file__).with_name("app.py")

_STACK = "LocalVpn"
_COMMAND = Path(sys.executable).with_name("client-connect")


class CommandFailed(Exception):
    """The command ``client-connect`` failed; the message has what it said."""


class DeployedVpn:
    """The VPN and what decides about its clients, for as long as the ``with`` block runs.

    Args:
        emulator: The emulator, running and bootstrapped.
        devices: The common names of the devices in the device manager.
        users: The directory, by names in lower case.
        more_policies: Cedar beyond :func:`local_aws.vpn.policies.policies`.
        synthesize: Returns what ``cdk deploy`` takes as ``--app``, by a context. Default: the command of the app.
        report: Called with each attempt when it is settled.
        report_deployment: Called with each line of the deployment.

    Attributes:
        manager: The device manager.
        api: EC2's Client VPN calls.
        vpn: The VPN.
        handler: The deployed handler.
    """

    def __init__(  # noqa: PLR0913 - one keyword per part
        self,
        emulator: Emulator,
        *,
        devices: Iterable[str],
        users: Mapping[str, User],
        more_policies: str = "",
        synthesize: Callable[[Mapping[str, str]], str] | None = None,
        report: Callable[[Attempt], None] = lambda _attempt: None,
        report_deployment: Callable[[str], None] = cdk_cli.ignore,
    ) -> None:
        self._emulator, self._more_policies = emulator, more_policies
        self._synthesize, self._report_deployment = synthesize, report_deployment
        self._resources = contextlib.ExitStack()
        self.manager = DeviceManager(devices)
        self.api = ClientVpnApi(limits={}, termination_seconds=0.5)
        self.api.add_endpoint(ENDPOINT)
        self.vpn = LocalVpn(ask=self._ask, api=self.api, endpoint_id=ENDPOINT, users=users, report=report)
        self.handler: DeployedHandler

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as resources:
            resources.enter_context(self.manager)
            resources.enter_context(self.api)
            resources.enter_context(self.vpn)
            self.deploy(self._more_policies, report=self._report_deployment)
            self._store_token()
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def deploy(self, more_policies: str = "", *, report: Callable[[str], None] = cdk_cli.ignore) -> None:
        """Deploy, with more policies at the end of the others; a changed policy starts the re-authorizer."""
        file = self._emulator.directory / "vpn.cedar"
        file.write_text(policies(more_policies), "utf-8")
        context = {
            "policies": str(file),
            "runtime": RUNTIME,
            "architecture": ARCHITECTURE,
            "endpoint": ENDPOINT,
            "ec2": self.api.endpoint,
            "manager": self.manager.address,
            "managerUrl": URL,
        }
        app = self._synthesize(context) if self._synthesize else shlex.join((sys.executable, str(APP)))
        outputs = cdk_cli.deploy(self._emulator, stack=_STACK, app=app, context=context, report=report)
        self.handler = handler_of(self._emulator, outputs)

    def sync(self) -> dict[str, Any]:
        """Run the sync of devices, as its schedule does; return its answer.

        Raises:
            InvocationFailed: When it fails.
        """
        return self._invoke("SyncName")

    def reauthorize(self) -> dict[str, Any]:
        """Run the re-authorizer, as its schedule does; return its answer.

        Raises:
            InvocationFailed: When it fails.
        """
        return self._invoke("ReauthorizerName")

    def waive(self, *, policy: str, device: str, reason: str, approved_by: str) -> None:
        """Let the command ``client-connect`` waive a policy for a device for an hour.

        Raises:
            CommandFailed: When it fails.
        """
        arguments = ("--policy", policy, "--device", device, "--for", "1h", "--reason", reason)
        tables = {
            "CLIENT_CONNECT_DEVICES_TABLE": self.handler.outputs["DevicesTable"],
            "CLIENT_CONNECT_WAIVERS_TABLE": self.handler.outputs["WaiversTable"],
        }
        done = subprocess.run(
            [_COMMAND, "devices", "waive", *arguments, "--approved-by", approved_by],
            env=self._emulator.environment | tables,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"client-connect devices waive failed: {done.stdout}{done.stderr}")

    def _ask(self, event: Mapping[str, Any]) -> Invocation:
        return self.handler.invoke(event)

    def _store_token(self) -> None:
        secrets: Any = self._emulator.client("secretsmanager")  # type: ignore[call-overload]
        secrets.put_secret_value(
            SecretId=self.handler.outputs["TokenArn"], SecretString=json.dumps({"token": TOKEN})
        )

    def _invoke(self, output: str) -> dict[str, Any]:
        name = self.handler.outputs[output]
        response = self._emulator.client("lambda").invoke(FunctionName=name, Payload="{}", LogType="Tail")
        answer = response["Payload"].read().decode()
        if response.get("FunctionError"):
            log = base64.b64decode(response.get("LogResult", "")).decode("utf-8", "replace")
            raise InvocationFailed(f"{name} reported {answer}; it logged\n{log}")
        parsed: dict[str, Any] = json.loads(answer) or {}
        return parsed
