"""The attachment's function under Lambda's own runtime client, against EC2's API and CloudFormation's URL here."""

from __future__ import annotations

import itertools
import json
import queue
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

import pytest

from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import ClientConnectOptions
from local_aws.emulator import ROOT
from local_aws.runtime_client import FunctionFailed, RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="AWS publishes its runtime client for Linux only"),
]

PREFIX = "arn:aws:lambda:us-east-1:000000000000:function:AWSClientVPN-"
LONGEST = f"{PREFIX.replace('us-east-1', 'ap-southeast-7')}{'f' * 51}:live"
OURS, MOVED, FOREIGN = (f"{PREFIX}{name}:live" for name in ("ours", "moved", "foreign"))
STACK, OTHER_STACK = (
    f"arn:aws:cloudformation:us-east-1:000000000000:stack/{name}/2f7d6a10-guid" for name in ("vpn", "other")
)
BY_HAND = "cdk-client-connect:by-hand"
# The tests' endpoints; the function may change each; in AWS it is one.
ENDPOINTS = tuple(f"cvpn-endpoint-{number:017x}" for number in range(100))
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CLIENT_CONNECT_ENDPOINT_IDS": ",".join(("cvpn-endpoint-0", "cvpn-endpoint-1", "e", *ENDPOINTS)),
    "CLIENT_CONNECT_HANDLER_ARNS": f"{OURS},{MOVED},{LONGEST}",
    "CLIENT_CONNECT_LOGICAL_IDS": f"Attachment,Renamed,{'L' * 255}",
    "CLIENT_CONNECT_REPLACE": "true",
}


class CloudFormation:
    """Takes the answers at a loopback URL, which plays the presigned one and reports the state of the stacks.

    Attributes:
        failures: How many answers it refuses first.
        state: What it says of every stack.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.state = "UPDATE_IN_PROGRESS"
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._request_handler())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the function's answers."""
        return f"{self._address}/answer?signature=secret"

    @property
    def environment(self) -> dict[str, str]:
        """The variable that AWS's SDKs find it with."""
        return {"AWS_ENDPOINT_URL_CLOUDFORMATION": self._address}

    @property
    def _address(self) -> str:
        return "http://{}:{}".format(*self._server.server_address[:2])

    def no_answer(self) -> bool:
        """Whether nothing was answered."""
        return self._answers.empty()

    def answer(self) -> dict[str, Any]:
        """Return the one answer to the last request."""
        answer = self._answers.get_nowait()
        assert self._answers.empty()
        return answer

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        cloudformation = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # The URL is signed for no content type; S3 refuses any.
                accepted = not self.headers["Content-Type"] and not cloudformation.failures
                cloudformation.failures = max(cloudformation.failures - 1, 0)
                if accepted:
                    cloudformation._answers.put(json.loads(body))
                self.send_response(HTTPStatus.OK if accepted else HTTPStatus.SERVICE_UNAVAILABLE)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                assert asked["Action"] == "DescribeStacks"
                fields = {
                    "StackName": "vpn",
                    "CreationTime": "2026-11-30T00:00:00Z",
                    "StackStatus": cloudformation.state,
                }
                stack = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
                body = (
                    '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
                    f"<DescribeStacksResult><Stacks><member>{stack}</member></Stacks></DescribeStacksResult>"
                    "</DescribeStacksResponse>"
                ).encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture(scope="module")
def cloudformation() -> Iterator[CloudFormation]:
    """The receiver of the answers."""
    with CloudFormation() as cloudformation:
        yield cloudformation


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """EC2's API, without an endpoint."""
    with ClientVpnApi() as api:
        yield api


@pytest.fixture(scope="module")
def runtime(api: ClientVpnApi, cloudformation: CloudFormation) -> Iterator[RuntimeClient]:
    """The function as it is deployed, asking that API."""
    with started(api.environment | cloudformation.environment) as runtime:
        yield runtime


def started(environment: dict[str, str]) -> RuntimeClient:
    """Return the function, to be entered."""
    folder = ROOT / "lambda_src" / "client_connect_attachment"
    return RuntimeClient(folder, handler="attachment.handler", environment=ENVIRONMENT | environment)


@pytest.fixture
def send(runtime: RuntimeClient, cloudformation: CloudFormation) -> Callable[..., dict[str, Any]]:
    """Send the function a request, and return its answer to CloudFormation."""

    def send(kind: str, endpoint_id: str, **arguments: Any) -> dict[str, Any]:
        runtime.invoke(request(cloudformation, kind, endpoint_id, **arguments), seconds=60)
        return cloudformation.answer()

    return send


def request(  # noqa: PLR0913 - one keyword per field
    cloudformation: CloudFormation,
    kind: str,
    endpoint_id: str,
    *,
    handler: str = OURS,
    replace: bool = False,
    physical_id: str | None = None,
    old: tuple[str, str] | None = None,
    stack_id: str = STACK,
    logical_id: str = "Attachment",
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return CloudFormation's event; ``old`` has the endpoint and the handler of before an update.

    Each request has its own id, but for one that is repeated.
    """
    event: dict[str, Any] = {
        "RequestType": kind,
        "ResponseURL": cloudformation.url,
        "StackId": stack_id,
        "RequestId": request_id or f"request-{next(_request_numbers)}",
        "LogicalResourceId": logical_id,
        "ResourceType": "Custom::ClientConnectAttachment",
        "ResourceProperties": properties(endpoint_id, handler, replace=replace),
    }
    if physical_id is not None:
        event["PhysicalResourceId"] = physical_id
    if old is not None:
        event["OldResourceProperties"] = properties(*old)
    return event


_request_numbers = itertools.count()
_unused_endpoints = iter(ENDPOINTS)


def properties(endpoint_id: str, handler: str, *, replace: bool = False) -> dict[str, str]:
    """Return a resource's properties, which CloudFormation sends as texts."""
    return {"EndpointId": endpoint_id, "HandlerArn": handler, "Replace": str(replace).lower()}


@pytest.fixture
def endpoint(api: ClientVpnApi) -> Iterator[Callable[..., str]]:
    """Define endpoints for one test."""
    ids: list[str] = []

    def define(handler: str | None = None) -> str:
        endpoint_id = next(_unused_endpoints)
        api.add_endpoint(endpoint_id, handler=handler)
        ids.append(endpoint_id)
        return endpoint_id

    yield define
    for endpoint_id in ids:
        api.remove_endpoint(endpoint_id)


def on(handler: str) -> ClientConnectOptions:
    """Return the options of an endpoint with this handler."""
    return ClientConnectOptions(enabled=True, function_arn=handler)


def off(handler: str) -> ClientConnectOptions:
    """Return the options of an endpoint that had this handler, which the API keeps."""
    return ClientConnectOptions(enabled=False, function_arn=handler)


def lose(api: ClientVpnApi, action: str, *, performed: bool = True) -> None:
    """Make an action's next answer a failure, which is not repeated, though the action was performed."""
    api.fail_next(action, code="RequestExpired", status=HTTPStatus.BAD_REQUEST, performed=performed)


class TestCreate:
    """A new attachment."""

    def test_turns_the_handler_on(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The endpoint gets the ARN, and the answer has everything that CloudFormation demands."""
        endpoint_id = endpoint()
        answer = send("Create", endpoint_id, request_id="request")
        assert answer == {
            "Status": "SUCCESS",
            "PhysicalResourceId": f"{endpoint_id}/{OURS}",
            "StackId": STACK,
            "RequestId": "request",
            "LogicalResourceId": "Attachment",
        }
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_does_nothing_twice(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The same request again, as Lambda may send it, has the same answer and modifies nothing."""
        endpoint_id = endpoint()
        first = send("Create", endpoint_id, request_id="request")
        actions = ("ModifyClientVpnEndpoint", "CreateTags", "DeleteTags")
        before = [api.requests[action] for action in actions]
        assert send("Create", endpoint_id, request_id="request") == first
        assert [api.requests[action] for action in actions] == before

    def test_refuses_to_replace_another_handler(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The deployment fails with both ways out, and its roll-back leaves the other handler on."""
        endpoint_id = endpoint(FOREIGN)
        answer = send("Create", endpoint_id)
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == (
            f"endpoint {endpoint_id} has another client connect handler already, {FOREIGN}; set replace=True to "
            "replace it, or turn it off first"
        )
        rollback = send("Delete", endpoint_id, physical_id=answer["PhysicalResourceId"])
        assert rollback["Status"] == "SUCCESS"
        assert api.client_connect_options(endpoint_id) == on(FOREIGN)

    def test_replaces_another_handler_when_told_to(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """With ``replace`` the other handler goes."""
        endpoint_id = endpoint(FOREIGN)
        assert send("Create", endpoint_id, replace=True)["Status"] == "SUCCESS"
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_takes_an_endpoint_whose_handler_is_off(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A handler that is turned off is no handler, though EC2 may still know its ARN."""
        endpoint_id = endpoint(FOREIGN)
        api.client().modify_client_vpn_endpoint(
            ClientVpnEndpointId=endpoint_id, ClientConnectOptions={"Enabled": False}
        )
        assert send("Create", endpoint_id)["Status"] == "SUCCESS"
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_refuses_an_endpoint_that_is_not_here(self, send: Callable[..., Any]) -> None:
        """One of another Region is not there either; the reason says where it looked, and its roll-back works."""
        answer = send("Create", "cvpn-endpoint-0")
        assert answer["Status"] == "FAILED"
        assert answer["Reason"].startswith(
            "endpoint cvpn-endpoint-0 does not exist in us-east-1 in this account;"
        )
        physical_id = answer["PhysicalResourceId"]
        assert send("Delete", "cvpn-endpoint-0", physical_id=physical_id)["Status"] == "SUCCESS"

    def test_roll_back_leaves_a_handler_that_was_there(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Where the creation failed before it could look, the very same handler may have been on before."""
        endpoint_id = endpoint(OURS)
        api.fail_next("DescribeClientVpnEndpoints", code="UnauthorizedOperation", status=HTTPStatus.FORBIDDEN)
        answer = send("Create", endpoint_id)
        assert (answer["Status"], "UnauthorizedOperation" in answer["Reason"]) == ("FAILED", True)
        send("Delete", endpoint_id, physical_id=answer["PhysicalResourceId"])
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_roll_back_turns_off_what_may_be_on(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A modification that EC2 reported as failed may have taken place: its roll-back looks."""
        endpoint_id = endpoint()
        lose(api, "ModifyClientVpnEndpoint")
        answer = send("Create", endpoint_id)
        assert (answer["Status"], api.client_connect_options(endpoint_id)) == ("FAILED", on(OURS))
        send("Delete", endpoint_id, physical_id=answer["PhysicalResourceId"])
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})

    @pytest.mark.parametrize("performed", [True, False])
    def test_a_handler_that_cannot_be_claimed_is_not_turned_on(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], *, performed: bool
    ) -> None:
        """The creation fails, and its roll-back takes a claim back that was made all the same."""
        endpoint_id = endpoint()
        lose(api, "CreateTags", performed=performed)
        answer = send("Create", endpoint_id)
        assert (answer["Status"], bool(api.tags(endpoint_id))) == ("FAILED", performed)
        assert not api.client_connect_options(endpoint_id).enabled
        rollback = send("Delete", endpoint_id, physical_id=answer["PhysicalResourceId"])
        assert (rollback["Status"], api.tags(endpoint_id)) == ("SUCCESS", {})

    def test_its_claim_tells_people_whose_it_is(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A tag names the stack, the resource and the handler; the longest names fit, and other tags stay."""
        endpoint_id = endpoint()
        api.client().create_tags(Resources=[endpoint_id], Tags=[{"Key": "team", "Value": "network"}])
        long = {"stack_id": STACK.replace("/vpn/", f"/{'v' * 128}/"), "logical_id": "L" * 255}
        ids = [
            send("Create", endpoint_id, handler=LONGEST, **names)["PhysicalResourceId"]
            for names in ({}, long)
        ]
        team, short, longest = sorted(api.tags(endpoint_id).items(), key=lambda tag: len(tag[0]))
        assert team == ("team", "network")
        assert short[0].startswith("cdk-client-connect:vpn/Attachment/")
        assert short[1].startswith(f"{LONGEST} request-")
        assert longest[0].startswith(f"cdk-client-connect:{'v' * 48}/{'L' * 40}/")
        send("Delete", endpoint_id, physical_id=ids[0])
        send("Delete", endpoint_id, physical_id=ids[1], **long)
        assert api.tags(endpoint_id) == {"team": "network"}


class TestUpdate:
    """A changed attachment."""

    def test_moves_to_a_new_handler(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The new ARN takes the place of the old one, and deleting the old resource does not turn it off."""
        endpoint_id = endpoint()
        before = send("Create", endpoint_id)["PhysicalResourceId"]
        answer = send("Update", endpoint_id, handler=MOVED, physical_id=before, old=(endpoint_id, OURS))
        assert answer["PhysicalResourceId"] == f"{endpoint_id}/{MOVED}"
        send("Delete", endpoint_id, physical_id=before)
        assert api.client_connect_options(endpoint_id) == on(MOVED)

    def test_moves_to_another_endpoint(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The new endpoint has a new physical id, and the old endpoint is detached when the old one is deleted."""
        old, new = endpoint(), endpoint()
        before = send("Create", old)["PhysicalResourceId"]
        assert (
            send("Update", new, physical_id=before, old=(old, OURS))["PhysicalResourceId"] == f"{new}/{OURS}"
        )
        assert api.client_connect_options(old) == on(OURS)
        # CloudFormation does not say which properties it sends here.
        send("Delete", new, physical_id=before)
        assert (api.client_connect_options(old), api.client_connect_options(new)) == (off(OURS), on(OURS))

    def test_refuses_a_foreign_handler_and_can_be_rolled_back(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Another handler that came meanwhile stops the move, but not the roll-back, which leaves it alone."""
        endpoint_id = endpoint(FOREIGN)
        before = f"{endpoint_id}/{OURS}"
        answer = send("Update", endpoint_id, handler=MOVED, physical_id=before, old=(endpoint_id, OURS))
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", before)
        assert "has another client connect handler already" in answer["Reason"]
        rollback = send("Update", endpoint_id, physical_id=before, old=(endpoint_id, MOVED))
        assert (rollback["Status"], rollback["PhysicalResourceId"]) == ("SUCCESS", before)
        assert api.client_connect_options(endpoint_id) == on(FOREIGN)

    def test_a_move_from_an_endpoint_that_is_gone_is_rolled_back(self, send: Callable[..., Any]) -> None:
        """There is nothing to bring back, and the roll-back succeeds."""
        before = f"cvpn-endpoint-0/{OURS}"
        answer = send("Update", "cvpn-endpoint-0", physical_id=before, old=("cvpn-endpoint-1", OURS))
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", before)

    def test_a_move_is_rolled_back(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """When another resource fails after it, or EC2's answer was lost, the old handler comes back."""
        endpoint_id = endpoint(MOVED)
        for physical_id in (f"{endpoint_id}/{MOVED}", f"{endpoint_id}/{OURS}"):
            api.client().modify_client_vpn_endpoint(
                ClientVpnEndpointId=endpoint_id,
                ClientConnectOptions={"Enabled": True, "LambdaFunctionArn": MOVED},
            )
            answer = send("Update", endpoint_id, physical_id=physical_id, old=(endpoint_id, MOVED))
            assert answer["PhysicalResourceId"] == f"{endpoint_id}/{OURS}"
            assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_a_move_to_another_endpoint_whose_answer_is_lost_is_undone(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Where EC2 moved the handler but said otherwise, the new endpoint is released before the update fails."""
        old, new = endpoint(), endpoint()
        before = send("Create", old)["PhysicalResourceId"]
        lose(api, "ModifyClientVpnEndpoint")
        answer = send("Update", new, physical_id=before, old=(old, OURS))
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", before)
        assert "RequestExpired" in answer["Reason"]
        assert (api.client_connect_options(new), api.tags(new)) == (off(OURS), {})
        assert api.client_connect_options(old) == on(OURS)

    @pytest.mark.parametrize("handler", [None, OURS], ids=["off", "on by hand"])
    def test_a_move_to_another_endpoint_without_an_answer_is_rolled_back(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], handler: str | None
    ) -> None:
        """CloudFormation knows only the old endpoint; the roll-back leaves the new one as it was."""
        old, new = endpoint(), endpoint(handler)
        before = send("Create", old)["PhysicalResourceId"]
        send("Update", new, physical_id=before, old=(old, OURS))
        rollback = send("Update", old, physical_id=before, old=(new, OURS))
        assert (rollback["Status"], rollback["PhysicalResourceId"]) == ("SUCCESS", before)
        assert api.client_connect_options(new).enabled == (handler is not None)
        assert api.client_connect_options(old) == on(OURS)
        send("Delete", old, physical_id=before)
        assert api.client_connect_options(old) == off(OURS)

    def test_a_finished_move_to_another_endpoint_is_rolled_back(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The old endpoint is this attachment's as before: removing it turns the handler off."""
        old, new = endpoint(), endpoint()
        before = send("Create", old)["PhysicalResourceId"]
        moved = send("Update", new, physical_id=before, old=(old, OURS))["PhysicalResourceId"]
        assert send("Update", old, physical_id=moved, old=(new, OURS))["PhysicalResourceId"] == before
        send("Delete", old, physical_id=moved)
        assert (api.client_connect_options(old), api.client_connect_options(new)) == (on(OURS), off(OURS))
        send("Delete", old, physical_id=before)
        assert (api.client_connect_options(old), api.tags(old)) == (off(OURS), {})

    def test_a_roll_back_succeeds_where_it_may_not_release_the_new_endpoint(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The permission is rolled back too; then the handler stays on there, which denies and does not admit."""
        old, new = endpoint(), endpoint()
        before = send("Create", old)["PhysicalResourceId"]
        send("Update", new, physical_id=before, old=(old, OURS))
        api.fail_next("ModifyClientVpnEndpoint", code="UnauthorizedOperation", status=HTTPStatus.FORBIDDEN)
        assert send("Update", old, physical_id=before, old=(new, OURS))["Status"] == "SUCCESS"
        assert (api.client_connect_options(old), api.client_connect_options(new)) == (on(OURS), on(OURS))

    def test_replace_alone_takes_over(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Setting ``replace`` later takes the endpoint back from another handler."""
        endpoint_id = endpoint(FOREIGN)
        send(
            "Update", endpoint_id, replace=True, physical_id=f"{endpoint_id}/{OURS}", old=(endpoint_id, OURS)
        )
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_turns_on_again(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A handler that was turned off by hand is on after the next update."""
        endpoint_id = endpoint()
        send("Update", endpoint_id, physical_id=f"{endpoint_id}/{OURS}", old=(endpoint_id, OURS))
        assert api.client_connect_options(endpoint_id) == on(OURS)


class TestDelete:
    """A removed attachment."""

    def test_turns_the_handler_off(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Afterwards the endpoint has no handler."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        assert send("Delete", endpoint_id, physical_id=physical_id)["Status"] == "SUCCESS"
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})
        assert send("Delete", endpoint_id, physical_id=physical_id)["Status"] == "SUCCESS"

    @pytest.mark.parametrize("performed", [True, False])
    def test_is_finished_by_its_repetition(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], *, performed: bool
    ) -> None:
        """Where the handler is off but its claim could not be deleted, the next attempt does the rest."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        lose(api, "DeleteTags", performed=performed)
        assert send("Delete", endpoint_id, physical_id=physical_id)["Status"] == "FAILED"
        assert not api.client_connect_options(endpoint_id).enabled
        assert send("Delete", endpoint_id, physical_id=physical_id)["Status"] == "SUCCESS"
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})

    def test_refuses_to_turn_off_what_has_lost_its_claim(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Without any claim the handler's owner is unknown: it stays on, and the reason says what to do."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        (key,) = api.tags(endpoint_id)
        api.client().delete_tags(Resources=[endpoint_id])
        answer = send("Delete", endpoint_id, physical_id=physical_id)
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", physical_id)
        assert answer["Reason"] == (
            f"endpoint {endpoint_id} has lost the tag {key}, under which its client connect handler {OURS} is known to "
            "be this attachment's; turn the handler off yourself, then remove the attachment again"
        )
        assert api.client_connect_options(endpoint_id) == on(OURS)
        api.client().modify_client_vpn_endpoint(
            ClientVpnEndpointId=endpoint_id, ClientConnectOptions={"Enabled": False}
        )
        assert send("Delete", endpoint_id, physical_id=physical_id)["Status"] == "SUCCESS"

    def test_leaves_another_handler_alone(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A handler that was put in since then stays, even where the attachment was meant to replace it."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        api.client().modify_client_vpn_endpoint(
            ClientVpnEndpointId=endpoint_id,
            ClientConnectOptions={"Enabled": True, "LambdaFunctionArn": FOREIGN},
        )
        send("Delete", endpoint_id, replace=True, physical_id=physical_id)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (on(FOREIGN), {})

    def test_an_endpoint_may_be_gone(self, send: Callable[..., Any]) -> None:
        """There is nothing to turn off."""
        assert send("Delete", "cvpn-endpoint-0", physical_id=f"cvpn-endpoint-0/{OURS}")["Status"] == "SUCCESS"

    def test_a_creation_without_an_answer_is_undone(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """CloudFormation then makes an id up; the properties say what to turn off."""
        endpoint_id = endpoint()
        send("Create", endpoint_id)
        send("Delete", endpoint_id, physical_id="vpn-Attachment-1A2B3C")
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})


class TestTwo:
    """Two attachments of one handler to one endpoint: a new one, and the one that it takes the place of."""

    @pytest.fixture(params=["renamed", "moved to another stack"])
    def other(self, request: pytest.FixtureRequest) -> dict[str, str]:
        """The id of the new one."""
        return {"logical_id": "Renamed"} if request.param == "renamed" else {"stack_id": OTHER_STACK}

    def test_the_handler_stays_on_for_the_new_one(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], other: dict[str, str]
    ) -> None:
        """CloudFormation creates it, then deletes the old one; the handler is off when the new one goes too."""
        endpoint_id = endpoint()
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        new = send("Create", endpoint_id, **other)["PhysicalResourceId"]
        assert send("Delete", endpoint_id, physical_id=old)["Status"] == "SUCCESS"
        assert api.client_connect_options(endpoint_id) == on(OURS)
        send("Delete", endpoint_id, physical_id=new, **other)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})

    def test_the_handler_stays_on_for_the_old_one(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], other: dict[str, str]
    ) -> None:
        """Where the deployment is rolled back, the new one is deleted and the old one stays."""
        endpoint_id = endpoint()
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        before = api.tags(endpoint_id)
        new = send("Create", endpoint_id, **other)["PhysicalResourceId"]
        send("Delete", endpoint_id, physical_id=new, **other)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (on(OURS), before)
        send("Delete", endpoint_id, physical_id=old)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})

    def test_the_new_one_has_another_handler(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], other: dict[str, str]
    ) -> None:
        """It replaces the old one's, which takes its own claim along; then it is the last."""
        endpoint_id = endpoint()
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        arguments = {"handler": MOVED, "replace": True, **other}
        new = send("Create", endpoint_id, **arguments)["PhysicalResourceId"]
        send("Delete", endpoint_id, physical_id=old)
        assert api.client_connect_options(endpoint_id) == on(MOVED)
        send("Delete", endpoint_id, physical_id=new, **arguments)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(MOVED), {})

    def test_the_new_ones_claim_is_seen_before_the_old_one_goes(self, cloudformation: CloudFormation) -> None:
        """The creation is answered only when EC2, which is eventually consistent, shows its claim."""
        with (
            ClientVpnApi(stale_seconds=2) as stale,
            started(stale.environment | cloudformation.environment) as runtime,
        ):
            stale.add_endpoint("e")
            for logical_id in ("Attachment", "Renamed"):
                event = request(cloudformation, "Create", "e", logical_id=logical_id)
                runtime.invoke(event, seconds=60)
                assert cloudformation.answer()["Status"] == "SUCCESS"
                (described,) = stale.client().describe_client_vpn_endpoints()["ClientVpnEndpoints"]
                assert {tag["Key"] for tag in described["Tags"]} == set(stale.tags("e"))
            runtime.invoke(request(cloudformation, "Delete", "e", physical_id=f"e/{OURS}"), seconds=60)
            assert cloudformation.answer()["Status"] == "SUCCESS"
            assert stale.client_connect_options("e") == on(OURS)


class TestByHand:
    """A handler that was on before its attachment, by hand or left by another attachment."""

    def test_stays_on_when_the_creation_is_rolled_back(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """The endpoint is as it was."""
        endpoint_id = endpoint(OURS)
        physical_id = send("Create", endpoint_id, request_id="once")["PhysicalResourceId"]
        send("Create", endpoint_id, request_id="once")
        send("Delete", endpoint_id, physical_id=physical_id)
        assert api.client_connect_options(endpoint_id) == on(OURS)
        assert list(api.tags(endpoint_id)) == [BY_HAND]

    def test_stays_on_after_updates_and_new_names(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """However long ago it was, no attachment has turned it on, so none turns it off."""
        endpoint_id = endpoint(OURS)
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        send("Update", endpoint_id, replace=True, physical_id=old, old=(endpoint_id, OURS))
        new = send("Create", endpoint_id, logical_id="Renamed")["PhysicalResourceId"]
        send("Delete", endpoint_id, physical_id=old)
        send("Delete", endpoint_id, physical_id=new, logical_id="Renamed")
        assert api.client_connect_options(endpoint_id) == on(OURS)

    @pytest.mark.parametrize("moved", [True, False], ids=["finished", "failed"])
    def test_stays_on_after_a_move_that_is_rolled_back(
        self,
        send: Callable[..., Any],
        api: ClientVpnApi,
        endpoint: Callable[..., str],
        moved: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """The endpoint is as it was, and only the one by hand has turned the handler on."""
        endpoint_id = endpoint(OURS)
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        if not moved:
            lose(api, "ModifyClientVpnEndpoint", performed=False)
        new = send("Update", endpoint_id, handler=MOVED, physical_id=old, old=(endpoint_id, OURS))
        back = send("Update", endpoint_id, physical_id=new["PhysicalResourceId"], old=(endpoint_id, MOVED))
        assert (new["Status"], back["PhysicalResourceId"]) == ("SUCCESS" if moved else "FAILED", old)
        if moved:
            send("Delete", endpoint_id, handler=MOVED, physical_id=new["PhysicalResourceId"])
        send("Delete", endpoint_id, physical_id=old)
        assert api.client_connect_options(endpoint_id) == on(OURS)
        assert list(api.tags(endpoint_id)) == [BY_HAND]

    def test_is_forgotten_when_its_attachment_has_moved(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """CloudFormation deletes the old one when nothing can be rolled back any more; the new one is then the last."""
        endpoint_id = endpoint(OURS)
        old = send("Create", endpoint_id)["PhysicalResourceId"]
        moved = {"handler": MOVED, "old": (endpoint_id, OURS), "physical_id": old}
        new = send("Update", endpoint_id, **moved)["PhysicalResourceId"]
        send("Delete", endpoint_id, physical_id=old)
        assert (api.client_connect_options(endpoint_id), len(api.tags(endpoint_id))) == (on(MOVED), 1)
        send("Delete", endpoint_id, handler=MOVED, physical_id=new)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(MOVED), {})

    def test_was_left_by_the_same_attachment(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """``LEAVE`` deletes nothing; when the attachment comes back and is rolled back, the handler is still on."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        send("Create", endpoint_id)
        send("Delete", endpoint_id, physical_id=physical_id)
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_is_forgotten_when_it_was_off(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """An attachment turns off what it has turned on itself, whoever had turned it on before."""
        endpoint_id = endpoint(OURS)
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        api.client().modify_client_vpn_endpoint(
            ClientVpnEndpointId=endpoint_id, ClientConnectOptions={"Enabled": False}
        )
        send("Update", endpoint_id, replace=True, physical_id=physical_id, old=(endpoint_id, OURS))
        send("Delete", endpoint_id, physical_id=physical_id)
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (off(OURS), {})


class TestForged:
    """Requests by a caller who may invoke the function, but is not CloudFormation."""

    def test_no_other_handler_is_turned_on(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """Whatever kind of request asks for it, and whatever it claims to have been before."""
        endpoint_id = endpoint(OURS)
        for kind, more in (
            ("Create", {}),
            ("Update", {"physical_id": f"{endpoint_id}/{OURS}", "old": (endpoint_id, OURS)}),
            ("Update", {"physical_id": f"{endpoint_id}/{FOREIGN}", "old": (endpoint_id, FOREIGN)}),
        ):
            answer = send(kind, endpoint_id, handler=FOREIGN, replace=True, **more)
            assert answer["Status"] == "FAILED"
            assert answer["Reason"].endswith(f"and no other handler, but the request asks for {FOREIGN}")
        assert (api.client_connect_options(endpoint_id), api.tags(endpoint_id)) == (on(OURS), {})

    @pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
    def test_no_other_endpoint_is_changed(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], kind: str
    ) -> None:
        """Neither the one that the properties name, nor the one of the physical id."""
        other = f"cvpn-endpoint-other{kind.lower()}"
        api.add_endpoint(other, handler=OURS)
        answer = send(kind, other, physical_id=f"{other}/{OURS}", old=(endpoint(), OURS))
        assert answer["Status"] == "FAILED"
        assert answer["Reason"].startswith("this function changes cvpn-endpoint-0,")
        assert (api.client_connect_options(other), api.tags(other)) == (on(OURS), {})

    @pytest.mark.parametrize("state", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED"])
    def test_nothing_is_turned_off_while_nothing_is_deployed(
        self,
        send: Callable[..., Any],
        api: ClientVpnApi,
        endpoint: Callable[..., str],
        cloudformation: CloudFormation,
        state: str,
    ) -> None:
        """CloudFormation sends requests only while it is at work on the stack."""
        endpoint_id = endpoint()
        physical_id = send("Create", endpoint_id)["PhysicalResourceId"]
        cloudformation.state = state
        try:
            answer = send("Delete", endpoint_id, physical_id=physical_id)
        finally:
            cloudformation.state = "UPDATE_IN_PROGRESS"
        assert answer["Reason"].startswith(
            f"the stack is in the state {state}, so CloudFormation has not sent"
        )
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_replacing_needs_the_environment(
        self, api: ClientVpnApi, cloudformation: CloudFormation, endpoint: Callable[..., str]
    ) -> None:
        """A request alone does not replace another handler. And one that wants an answer elsewhere gets none."""
        endpoint_id = endpoint(FOREIGN)
        environment = api.environment | cloudformation.environment | {"CLIENT_CONNECT_REPLACE": "false"}
        with started(environment) as runtime:
            runtime.invoke(request(cloudformation, "Create", endpoint_id, replace=True), seconds=60)
            assert "has another client connect handler already" in cloudformation.answer()["Reason"]
            event = request(cloudformation, "Create", endpoint_id)
            event["ResponseURL"] = "https://attacker.example/answer?signature=secret"
            with pytest.raises(
                FunctionFailed, match=r"'attacker\.example', which is not a bucket of CloudFormation"
            ):
                runtime.invoke(event, seconds=60)
            assert not [line for line in runtime.log_lines if "secret" in line]
        assert cloudformation.no_answer()
        assert api.client_connect_options(endpoint_id) == on(FOREIGN)

    @pytest.mark.parametrize("stack_id", [STACK, OTHER_STACK, None])
    def test_a_request_does_not_say_what_was_turned_on_before(
        self,
        api: ClientVpnApi,
        cloudformation: CloudFormation,
        endpoint: Callable[..., str],
        stack_id: str | None,
    ) -> None:
        """Only its claim does; else an invoker could replace a foreign handler by an invented update."""
        endpoint_id = endpoint(None if stack_id else FOREIGN)
        environment = api.environment | cloudformation.environment
        if stack_id:
            with started(environment | {"CLIENT_CONNECT_HANDLER_ARNS": FOREIGN}) as former:
                event = request(cloudformation, "Create", endpoint_id, handler=FOREIGN, stack_id=stack_id)
                former.invoke(event, seconds=60)
                assert cloudformation.answer()["Status"] == "SUCCESS"
        event = request(
            cloudformation,
            "Update",
            endpoint_id,
            physical_id=f"{endpoint_id}/{FOREIGN}",
            old=(endpoint_id, FOREIGN),
        )
        with started(environment | {"CLIENT_CONNECT_HANDLER_ARNS": OURS}) as runtime:
            runtime.invoke(event, seconds=60)
        is_ours = stack_id == STACK
        assert cloudformation.answer()["Status"] == ("SUCCESS" if is_ours else "FAILED")
        assert api.client_connect_options(endpoint_id) == on(OURS if is_ours else FOREIGN)

    @pytest.mark.parametrize("kind", ["Create", "Delete"])
    def test_a_request_for_another_resource_is_refused(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str], kind: str
    ) -> None:
        """Or an invoker could leave claims that keep a handler on when its attachment is removed."""
        endpoint_id = endpoint(OURS)
        answer = send(kind, endpoint_id, logical_id="Forged", physical_id=f"{endpoint_id}/{OURS}")
        assert answer["Reason"].startswith("this function is for the resource Attachment,Renamed,")
        assert api.client_connect_options(endpoint_id) == on(OURS)
        assert api.tags(endpoint_id) == {}


class TestTrouble:
    """CloudFormation is answered whatever happens."""

    def test_throttled_calls_are_repeated(
        self, send: Callable[..., Any], api: ClientVpnApi, endpoint: Callable[..., str]
    ) -> None:
        """A request that is throttled twice succeeds."""
        endpoint_id = endpoint()
        api.fail_next("DescribeClientVpnEndpoints", times=1)
        api.fail_next("ModifyClientVpnEndpoint", times=1)
        assert send("Create", endpoint_id)["Status"] == "SUCCESS"
        assert api.client_connect_options(endpoint_id) == on(OURS)

    def test_an_answer_is_repeated(
        self, send: Callable[..., Any], cloudformation: CloudFormation, endpoint: Callable[..., str]
    ) -> None:
        """An answer that does not get through is sent again."""
        cloudformation.failures = 1
        assert send("Create", endpoint())["Status"] == "SUCCESS"

    def test_fails_when_no_answer_gets_through(
        self, runtime: RuntimeClient, cloudformation: CloudFormation, endpoint: Callable[..., str]
    ) -> None:
        """Then the function fails, so Lambda invokes it again; it has not written the signed URL anywhere."""
        cloudformation.failures = 3
        event = request(cloudformation, "Create", endpoint())
        with pytest.raises(FunctionFailed, match="503"):
            runtime.invoke(event, seconds=60)
        assert not [line for line in runtime.log_lines if "secret" in line]

    def test_a_malformed_request_is_answered(
        self, runtime: RuntimeClient, cloudformation: CloudFormation
    ) -> None:
        """Even what cannot be understood does not leave CloudFormation waiting."""
        event = request(cloudformation, "Create", "cvpn-endpoint-0")
        del event["ResourceProperties"]
        runtime.invoke(event, seconds=60)
        answer = cloudformation.answer()
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "not-attached")
        assert answer["Reason"] == "KeyError: 'ResourceProperties'"

    def test_an_api_that_is_down_is_answered_for(self, cloudformation: CloudFormation) -> None:
        """A refused connection ends, after its repetitions, with a reason."""
        with ClientVpnApi() as gone:
            environment = gone.environment
        with started(environment | cloudformation.environment) as runtime:
            runtime.invoke(request(cloudformation, "Create", "cvpn-endpoint-0"), seconds=60)
        answer = cloudformation.answer()
        assert answer["Status"] == "FAILED"
        assert "Could not connect to the endpoint URL" in answer["Reason"]

    def test_an_api_that_hangs_is_answered_for(self, cloudformation: CloudFormation) -> None:
        """The answer goes out before the function's own time is up."""
        with (
            ClientVpnApi(latency_seconds=60) as slow,
            started(slow.environment | cloudformation.environment) as runtime,
        ):
            runtime.invoke(request(cloudformation, "Delete", "e", physical_id=f"e/{OURS}"), seconds=14)
        answer = cloudformation.answer()
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == "EC2 has not answered in time; try again"
        assert answer["PhysicalResourceId"] == f"e/{OURS}"
