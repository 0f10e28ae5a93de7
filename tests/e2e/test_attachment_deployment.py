"""An attachment deployed by the real ``cdk deploy`` into the emulator, whose function asks EC2's API here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import ClientConnectOptions
from local_aws.emulator import ACCOUNT, REGION
from tests.support.apps import synthesize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

FIRST, SECOND, TAKEN = (f"cvpn-endpoint-0123456789abcdef{number}" for number in range(3))
FOREIGN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:AWSClientVPN-foreign:live"
STACK = "Attached"

APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from cdk_client_connect import AttachmentRemoval, ClientConnectHandler, EndpointAttachment, ProvisionedConcurrency

app = cdk.App()
stack = cdk.Stack(app, "Attached")
context = stack.node.get_context
handler = ClientConnectHandler(
    stack,
    "Handler",
    function_name=context("name"),
    code=lambda_.Code.from_inline("# never invoked here"),
    provisioned_concurrency=ProvisionedConcurrency.none(),
)
attachment = EndpointAttachment(
    stack,
    context("id"),
    handler=handler,
    endpoint_id=context("endpoint"),
    on_removal=AttachmentRemoval(context("removal")),
)
for construct in attachment.node.find_all():
    if isinstance(construct, lambda_.Function):
        construct.add_environment("AWS_ENDPOINT_URL_EC2", context("api"))
app.synth()
"""


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """Three endpoints, one of which has another handler already."""
    with ClientVpnApi() as api:
        api.add_endpoint(FIRST)
        api.add_endpoint(SECOND)
        api.add_endpoint(TAKEN, handler=FOREIGN)
        yield api


@pytest.fixture(scope="module")
def stack(account: Emulator, api: ClientVpnApi, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The app, not deployed yet."""
    file = tmp_path_factory.mktemp("attached") / "app.py"
    file.write_text(APP, "utf-8")
    return Stack(account, api, file)


class Stack:
    """Deploys the app with different arguments."""

    def __init__(self, emulator: Emulator, api: ClientVpnApi, file: Path) -> None:
        self._emulator = emulator
        self._file = file
        self._app = ""
        self._context = {"api": api.endpoint}

    def deploy(
        self,
        endpoint_id: str,
        *,
        id_: str = "Attachment",
        name: str = "AWSClientVPN-one",
        removal: str = "detach",
    ) -> None:
        """Deploy it with an attachment to this endpoint."""
        self._context |= {"endpoint": endpoint_id, "id": id_, "name": name, "removal": removal}
        self._app = synthesize(self._file, self._file.with_name("cdk.out"), self._context)
        cdk_cli.deploy(self._emulator, stack=STACK, app=self._app)

    def destroy(self) -> None:
        """Remove it."""
        cdk_cli.destroy(self._emulator, stack=STACK, app=self._app)


def on(name: str) -> ClientConnectOptions:
    """Return the options of an endpoint that has the alias of this function."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"
    return ClientConnectOptions(enabled=True, function_arn=arn)


def test_a_refused_attachment_fails_the_deployment(stack: Stack, api: ClientVpnApi) -> None:
    """CloudFormation shows the reason, rolls back, and the endpoint keeps the handler that it had."""
    with pytest.raises(cdk_cli.CdkFailed, match=f"{TAKEN} has another client connect handler already"):
        stack.deploy(TAKEN)
    assert api.client_connect_options(TAKEN) == ClientConnectOptions(enabled=True, function_arn=FOREIGN)
    stack.destroy()


def test_an_attachment_follows_its_handler_and_its_endpoint(stack: Stack, api: ClientVpnApi) -> None:
    """It is turned on, moves to another endpoint and to a new function, and is turned off at the end."""
    stack.deploy(FIRST)
    assert api.client_connect_options(FIRST) == on("AWSClientVPN-one")
    stack.deploy(SECOND)
    assert api.client_connect_options(SECOND) == on("AWSClientVPN-one")
    assert not api.client_connect_options(FIRST).enabled
    stack.deploy(SECOND, name="AWSClientVPN-two")
    assert api.client_connect_options(SECOND) == on("AWSClientVPN-two")
    stack.destroy()
    assert not api.client_connect_options(SECOND).enabled


def test_a_renamed_attachment_keeps_its_handler_on(stack: Stack, api: ClientVpnApi) -> None:
    """The new one is created, then the old one deleted; the handler is off when the stack is removed."""
    stack.deploy(FIRST)
    (before,) = api.tags(FIRST)
    stack.deploy(FIRST, id_="Renamed")
    (after,) = api.tags(FIRST)
    assert api.client_connect_options(FIRST) == on("AWSClientVPN-one")
    assert before != after
    stack.destroy()
    assert (api.client_connect_options(FIRST).enabled, api.tags(FIRST)) == (False, {})


def test_a_handler_that_is_to_stay_stays(stack: Stack, api: ClientVpnApi) -> None:
    """With ``LEAVE`` the removed stack leaves the endpoint as it is."""
    stack.deploy(FIRST, removal="leave")
    stack.destroy()
    assert api.client_connect_options(FIRST) == on("AWSClientVPN-one")
