"""This machine as a place: the emulator, the local EC2 server, and a real OpenVPN server as the endpoint."""

from __future__ import annotations

import contextlib
import json
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import EndpointConfiguration
from local_aws.deployed_handler import Invocation
from local_aws.emulator import ACCOUNT, ARCHITECTURE, REGION, RUNTIME, Emulator
from local_aws.vpn.certificates import RSA, Authority
from local_aws.vpn.local_vpn import OFFICE, LocalVpn
from local_aws.vpn.networks import SERVER_IPV4
from local_aws.vpn.openvpn_client import ClientOptions
from local_aws.vpn.openvpn_server import PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local_aws.vpn.certificates import Issuer
    from local_aws.vpn.openvpn_client import Client

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
# One that clients do not connect to, for an attachment.
OTHER_ENDPOINT = "cvpn-endpoint-0123456789abcdef1"

_DEPLOY_SECONDS = 600.0
_NO_HANDLER = {"allow": True, "error-msg-on-denied-connection": ""}


class NoAnswer(Exception):
    """The endpoint's function gave no answer."""


class Here:
    """This machine, for as long as the ``with`` block runs; it needs root.

    Args:
        emulator: The emulator, running and bootstrapped. Default: a new one.
        report: Called with each line of the bootstrapping.
    """

    is_aws = False
    account, region = ACCOUNT, REGION
    title = "this machine, in place of AWS"
    caller = "nobody"
    deploy_seconds = _DEPLOY_SECONDS

    def __init__(
        self, *, emulator: Emulator | None = None, report: Callable[[str], None] = cdk_cli.ignore
    ) -> None:
        self._given, self._report = emulator, report
        self._resources = contextlib.ExitStack()
        self.emulator: Emulator
        self.api = ClientVpnApi(limits={}, termination_seconds=0.5)
        self.vpn = LocalVpn(
            ask=self._ask,
            api=self.api,
            endpoint_id=ENDPOINT,
            users={},
            authority=partial(Authority, keys=RSA),
        )

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as resources:
            if self._given is None:
                self.emulator = resources.enter_context(Emulator())
                cdk_cli.bootstrap(self.emulator, report=self._report)
            else:
                self.emulator = self._given
            resources.enter_context(self.api)
            resources.enter_context(self.vpn)
            self.api.add_endpoint(OTHER_ENDPOINT)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def directory(self) -> Path:
        """The folder of the VPN."""
        return self.vpn.directory

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the CDK's command line to the emulator."""
        return self.emulator.environment

    @property
    def authority(self) -> Issuer:
        """That of the VPN."""
        return self.vpn.authority

    def client(self, service: str) -> Any:  # noqa: ANN401 - see Place
        """Return a boto3 client."""
        if service == "ec2":
            return self.api.client()
        return self.emulator.client(service)  # type: ignore[call-overload]

    def context(self) -> Mapping[str, str]:
        """Return what makes bundles for this machine, and what replaces the endpoints, which the emulator lacks."""
        return {
            "runtime": RUNTIME,
            "architecture": ARCHITECTURE,
            "endpoint": ENDPOINT,
            "otherEndpoint": OTHER_ENDPOINT,
            "ec2": self.api.endpoint,
        }

    def endpoint_id(self, outputs: Mapping[str, str]) -> str:
        """Let there be the endpoint, as CloudFormation would define it."""
        if not self.api.has_endpoint(ENDPOINT):
            self.api.add_endpoint(
                ENDPOINT,
                handler=outputs["FunctionArn"],
                configuration=EndpointConfiguration(profile=self._profile()),
            )
        return ENDPOINT

    def start_client(self, common_name: str, profile: Path) -> Client:
        """Start a client in a network namespace."""
        return self.vpn.connect(common_name=common_name, options=ClientOptions(profile=profile), at=OFFICE)

    def _profile(self) -> str:
        """Return the client profile, as the service exports it."""
        lines = ("client", "dev tun", "proto udp", f"remote {SERVER_IPV4} {PORT}", "remote-cert-tls server")
        return "\n".join((*lines, "<ca>", self.authority.certificate.read_text("utf-8").strip(), "</ca>", ""))

    def _ask(self, event: Mapping[str, Any]) -> Invocation:
        """Ask the function that the endpoint has at this moment; without one everybody may connect."""
        options = self.api.client_connect_options(ENDPOINT)
        if not options.enabled:
            return Invocation(answer=_NO_HANDLER, record={}, version="", milliseconds=0.0)
        started = perf_counter()
        response = self.emulator.client("lambda").invoke(
            FunctionName=options.function_arn, Payload=json.dumps(event)
        )
        payload = response["Payload"].read().decode()
        if response.get("FunctionError"):
            raise NoAnswer(payload)
        return Invocation(
            answer=json.loads(payload),
            record={},
            version=response["ExecutedVersion"],
            milliseconds=(perf_counter() - started) * 1000,
        )
