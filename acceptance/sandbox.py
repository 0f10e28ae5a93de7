"""The resources of a run, from the certificate to the stack, and their removal."""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from acceptance import leftovers
from acceptance.naming import TAG, new_run, stack_of
from acceptance.policies import policies
from local_aws import cdk_cli
from local_aws.process import ENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from acceptance.place import Place
    from local_aws.vpn.openvpn_client import Client

_APP = shlex.join((sys.executable, "-m", "acceptance.app"))  # in the folder of the project
_ROLE_PATH = "/aws-service-role/clientvpn-connections.amazonaws.com/"


class Sandbox:
    """A run's VPN, for as long as the ``with`` block runs; however that ends, what was created is removed.

    Args:
        place: Where.
        report: Called with each step.
        detail: Called with each line of the deployments.
        synthesize: Returns what ``cdk deploy`` takes as ``--app``, by a context. Default: the command of the app.

    Attributes:
        place: Where.
        run: The run's name.
        outputs: The stack's outputs.
        profile: The file that clients connect by.
        had_role: Whether the service-linked role was there before.
        left_by_stack: What was left when the stack had been deleted; it is removed after that.
        problems: What could not be removed.
    """

    def __init__(
        self,
        place: Place,
        *,
        report: Callable[[str], None] = cdk_cli.ignore,
        detail: Callable[[str], None] = cdk_cli.ignore,
        synthesize: Callable[[Mapping[str, str]], str] | None = None,
    ) -> None:
        self.place = place
        self.run = new_run()
        self.outputs: dict[str, str] = {}
        self.profile = Path()
        self.had_role = False
        self.left_by_stack: list[leftovers.Leftover] = []
        self.problems: list[str] = []
        self._report, self._detail, self._synthesize = report, detail, synthesize
        self._certificate = ""
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        try:
            self._create()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @property
    def stack(self) -> str:
        """The stack's name."""
        return stack_of(self.run)

    @property
    def endpoint_id(self) -> str:
        """The endpoint that clients connect to."""
        return self.place.endpoint_id(self.outputs)

    def deploy(self, *, attached: bool, native: bool = False, denied: Sequence[str] = ()) -> None:
        """Deploy the stack.

        Args:
            attached: Whether the other endpoint has an attachment.
            native: Whether the endpoint has a native policy, where that can be.
            denied: Devices that the policies deny, besides those that they always do.

        Raises:
            cdk_cli.CdkFailed: When it fails.
        """
        file = self.place.directory / "acceptance.cedar"
        file.write_text(policies(denied), "utf-8")
        context = {
            **self.place.context(),
            "run": self.run,
            "policies": str(file),
            "certificate": self._certificate,
            "attached": str(attached).lower(),
            "native": str(native).lower(),
        }
        self.outputs = cdk_cli.deploy(
            self.place,
            stack=self.stack,
            app=self._synthesize(context) if self._synthesize else _APP,
            context=context,
            region=self.place.region,
            report=self._detail,
            seconds=self.place.deploy_seconds,
        )

    def connect(self, common_name: str) -> Client:
        """Start a client with the certificate of a device."""
        client = self.place.start_client(common_name, self.profile)
        self._clients.append(client)
        return client

    def _create(self) -> None:
        self.had_role = has_role(self.place)
        self._report("Importing a certificate into ACM")
        self._certificate = self._import_certificate()
        self._report(f"Deploying the stack {self.stack}")
        self.deploy(attached=True)
        exported = self.place.client("ec2").export_client_vpn_client_configuration(
            ClientVpnEndpointId=self.endpoint_id
        )
        self.profile = self.place.directory / "profile.ovpn"
        self.profile.write_text(exported["ClientConfiguration"], "utf-8")

    def _import_certificate(self) -> str:
        server = self.place.authority.server("vpn.example.com")
        imported = self.place.client("acm").import_certificate(
            Certificate=server.certificate.read_bytes(),
            PrivateKey=server.key.read_bytes(),
            CertificateChain=self.place.authority.certificate.read_bytes(),
            Tags=[{"Key": TAG, "Value": self.run}],
        )
        arn: str = imported["CertificateArn"]
        return arn

    def _remove(self) -> None:
        """Remove everything; another Ctrl-C meanwhile does not stop that."""
        with _uninterrupted(self._tell):
            self._tell(f"Deleting the stack {self.stack}, and what it leaves")
            for client in self._clients:
                with contextlib.suppress(Exception):  # what runs on this machine costs nothing
                    client.stop()
            try:
                leftovers.delete_stack(self.place, self.stack)
                self.left_by_stack = leftovers.find(self.place, self.run)
                self.problems = leftovers.remove(self.place, self.left_by_stack)
                self.problems += [f"{each} is still there" for each in leftovers.find(self.place, self.run)]
            except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
                self.problems.append(f"what the run {self.run} has created: {error}")
            for problem in self.problems:
                self._tell(f"NOT REMOVED: {problem}; try make leftovers")

    def _tell(self, line: str) -> None:
        """Report, even where no one listens any more: nothing may keep what was created from being removed."""
        with contextlib.suppress(Exception):
            self._report(line)


def has_role(place: Place) -> bool:
    """Whether the account has the service-linked role that Client VPN invokes functions with."""
    roles: dict[str, Any] = place.client("iam").list_roles(PathPrefix=_ROLE_PATH)
    return bool(roles["Roles"])


@contextlib.contextmanager
def _uninterrupted(report: Callable[[str], None]) -> Iterator[None]:
    """Let signals that would end this program wait for the end of the block, with a word."""
    if threading.current_thread() is not threading.main_thread():  # which gets no signals
        yield
        return
    arrived: list[int] = []

    def wait(number: int, _frame: object) -> None:
        arrived.append(number)
        report("Stopping when what was created has been removed")

    before = {number: signal.signal(number, wait) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived and sys.exception() is None:
            signal.raise_signal(arrived[0])
