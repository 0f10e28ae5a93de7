"""Where a run takes place: an account of AWS, or this machine."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.emulator import tools_path
from local_aws.vpn.certificates import RSA, Authority, Issuer
from local_aws.vpn.openvpn_client import Client, ClientOptions
from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
# Lambda keeps this number of an account's concurrency unreserved, and refuses provisioned concurrency that takes of it.
_UNRESERVED = 100
_PROVISIONED = 1
_DEPLOY_SECONDS = 3600.0


class Place(Protocol):
    """Where a run takes place.

    Attributes:
        is_aws: Whether it is AWS; what only AWS can show is not looked for elsewhere.
        account: The account's id.
        region: The Region.
        title: What it is called in the report.
        caller: Who is signed in.
        directory: A folder for certificates, profiles, logs and cloud assemblies, which is removed at the end.
        authority: Issues the certificates of the server and of the clients.
        deploy_seconds: How long a deployment may take.
    """

    is_aws: bool
    account: str
    region: str
    title: str
    caller: str
    deploy_seconds: float

    @property
    def directory(self) -> Path: ...  # noqa: D102 - see above
    @property
    def environment(self) -> dict[str, str]: ...  # noqa: D102 - what the CDK's command line finds the place by
    @property
    def authority(self) -> Issuer: ...  # noqa: D102 - see above

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's, one of many
        """Return a boto3 client."""

    def context(self) -> Mapping[str, str]:
        """Return what the app needs to know of the place."""

    def endpoint_id(self, outputs: Mapping[str, str]) -> str:
        """Return the endpoint that clients connect to, which the stack with these outputs has been deployed for."""

    def start_client(self, common_name: str, profile: Path) -> Client:
        """Start an OpenVPN client with the endpoint's profile."""


class PlaceNotUsable(Exception):
    """A run cannot take place there; the message says what is missing, and what to do."""


class Account:
    """An account and a Region of AWS, as a profile of the AWS CLI's configuration has them.

    Args:
        profile: The profile.
        region: The Region.

    Raises:
        PlaceNotUsable: From ``with``, when no one is signed in.
    """

    is_aws = True
    deploy_seconds = _DEPLOY_SECONDS

    def __init__(self, *, profile: str, region: str) -> None:
        self.region = region
        self._profile = profile
        self._resources = contextlib.ExitStack()
        self._clients: dict[str, Any] = {}
        self._numbers = 0
        self.account: str
        self.title: str
        self.caller: str
        self._directory: Path

    def __enter__(self) -> Self:
        try:
            self._session = boto3.Session(profile_name=self._profile, region_name=self.region)
            identity = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise PlaceNotUsable(
                f'no one is signed in with profile "{self._profile}" in {self.region}: {error}; sign in first'
            ) from None
        self.account, self.caller = identity["Account"], identity["Arn"]
        self.title = f"AWS account {self.account}, {self.region}"
        directory = tempfile.TemporaryDirectory(
            prefix="client-connect-acceptance-", ignore_cleanup_errors=True
        )
        self._directory = Path(self._resources.enter_context(directory))
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def directory(self) -> Path:
        """A folder, readable for this user alone."""
        return self._directory

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the CDK's command line to the account."""
        # Keys in the environment would go before the profile.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        kept = {
            name: os.environ[name]
            for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE")
            if name in os.environ
        }
        region = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        return inherited | kept | region | {"AWS_PROFILE": self._profile, "PATH": tools_path()}

    @cached_property
    def authority(self) -> Authority:
        """Issues certificates of the kind that Client VPN supports."""
        return Authority(self._directory, keys=RSA)

    def client(self, service: str) -> Any:  # noqa: ANN401 - see Place
        """Return a boto3 client, which repeats what is throttled."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "max_attempts": 8})
            self._clients[service] = self._session.client(service, config=config)  # type: ignore[call-overload]
        return self._clients[service]

    def context(self) -> Mapping[str, str]:
        """Return nothing: the app's defaults are those for AWS."""
        return {}

    def endpoint_id(self, outputs: Mapping[str, str]) -> str:
        """Return the endpoint that the stack has defined."""
        return outputs["EndpointId"]

    def start_client(self, common_name: str, profile: Path) -> Client:
        """Start a client on this machine's own network, without a tunnel, so it needs no root."""
        client = Client(
            name=f"client-{self._numbers}",
            directory=self.directory,
            namespace=None,
            authority=self.authority,
            certificate=self.authority.client(common_name),
            options=ClientOptions(profile=profile),
        )
        self._numbers += 1
        client.start()
        return client

    def endpoints(self) -> int:
        """Return how many Client VPN endpoints there are already: in a sandbox, none that anybody needs."""
        pages = self.client("ec2").get_paginator("describe_client_vpn_endpoints").paginate()
        return sum(len(page["ClientVpnEndpoints"]) for page in pages)

    def require_usable(self) -> None:
        """Check what a run needs, before anything is created.

        Raises:
            PlaceNotUsable: With everything that is missing.
        """
        problems = [
            f"the program {name}: sudo apt-get install {name}, or sudo dnf install {name}"
            for name in ("openvpn", "openssl")
            if not Path(tool(name)).is_file()
        ]
        try:
            problems += self._bootstrap_problems() + self._concurrency_problems()
        except (BotoCoreError, ClientError) as error:
            problems.append(f"permissions: {error}")
        if problems:
            raise PlaceNotUsable("a run needs " + "; ".join(problems))

    def _bootstrap_problems(self) -> list[str]:
        try:
            self.client("ssm").get_parameter(Name=_BOOTSTRAP)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            command = f"npx cdk bootstrap aws://{self.account}/{self.region} --profile {self._profile}"
            return [f"an account that is bootstrapped for the CDK: {command}"]
        return []

    def _concurrency_problems(self) -> list[str]:
        limit = self.client("lambda").get_account_settings()["AccountLimit"]
        free = limit["UnreservedConcurrentExecutions"]
        if free >= _UNRESERVED + _PROVISIONED:
            return []
        return [
            f"{_UNRESERVED + _PROVISIONED} unreserved concurrent executions of Lambda, and {free} are: raise the quota"
        ]
