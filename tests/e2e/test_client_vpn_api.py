"""The server for EC2's Client VPN calls, called by boto3, against botocore's own model of EC2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import settings

from local_aws.client_vpn_actions import ACTIONS
from local_aws.client_vpn_api import ClientVpnApi, faster_clock
from local_aws.client_vpn_state import ClientConnectOptions, Connection
from local_aws.rate_limit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import Shape

pytestmark = pytest.mark.e2e

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
OTHER = "cvpn-endpoint-0fedcba9876543210"
HANDLER = "arn:aws:lambda:us-east-1:000000000000:function:AWSClientVPN-handler:live"
NOON = 1_795_000_000.0
# The most connections that an endpoint takes.
FULL = 126_000


class Clock:
    """A clock that stands still but for what a test adds, and for its steps at each reading."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = NOON
        self.step = step

    def __call__(self) -> float:
        """Tell the time."""
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[ClientVpnApi]:
    """Two endpoints; the first has seven connections."""
    with ClientVpnApi(clock=clock) as api:
        api.add_endpoint(ENDPOINT, handler=HANDLER)
        api.add_endpoint(OTHER)
        api.connect(ENDPOINT, connections(7))
        yield api


def connections(count: int, **attributes: Any) -> Iterator[Connection]:
    """Make connections of users of their own."""
    for number in range(count):
        values = {"username": f"user{number}", "common_name": f"laptop{number}.example.com", **attributes}
        yield Connection(connection_id=f"cvpn-connection-{number:017x}", established=NOON - 60, **values)


def code_of(call: Callable[..., object], **arguments: Any) -> str:
    """Return the code of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


def described(api: ClientVpnApi, **arguments: Any) -> dict[str, str]:
    """Return all connections that the API describes, by id, with their status."""
    paginator = api.client().get_paginator("describe_client_vpn_connections")
    pages = paginator.paginate(ClientVpnEndpointId=ENDPOINT, **arguments)
    return {each["ConnectionId"]: each["Status"]["Code"] for page in pages for each in page["Connections"]}


class TestModel:
    """Requests and answers are those of botocore's model."""

    def test_every_element_of_an_answer_is_in_the_model(self, api: ClientVpnApi, clock: Clock) -> None:
        """No element is unknown to the shape of the output, and every value is one that its shape allows."""
        answers: list[tuple[str, Shape | None, bytes]] = []

        def remember(model: Any, http_response: Any, **_: Any) -> None:
            answers.append((model.name, model.output_shape, http_response.content))

        client = api.client()
        client.meta.events.register("after-call.ec2", remember)
        api.connect(ENDPOINT, [Connection(connection_id="stubborn", username="carol & co", stubborn=True)])
        client.terminate_client_vpn_connections(ClientVpnEndpointId=ENDPOINT, Username="carol & co")
        client.terminate_client_vpn_connections(
            ClientVpnEndpointId=ENDPOINT, ConnectionId=f"cvpn-connection-{0:017x}"
        )
        clock.now += 10
        client.terminate_client_vpn_connections(ClientVpnEndpointId=ENDPOINT, Username="user1")
        page = client.describe_client_vpn_connections(ClientVpnEndpointId=ENDPOINT, MaxResults=5)
        rest = client.describe_client_vpn_connections(
            ClientVpnEndpointId=ENDPOINT, MaxResults=5, NextToken=page["NextToken"]
        )
        client.describe_client_vpn_endpoints()
        client.export_client_vpn_client_configuration(ClientVpnEndpointId=ENDPOINT)
        client.export_client_vpn_client_certificate_revocation_list(ClientVpnEndpointId=ENDPOINT)
        client.modify_client_vpn_endpoint(
            ClientVpnEndpointId=ENDPOINT, ClientConnectOptions={"Enabled": False}
        )
        client.create_tags(Resources=[ENDPOINT], Tags=[{"Key": "team", "Value": "R&D"}])
        client.describe_client_vpn_endpoints()
        client.delete_tags(Resources=[ENDPOINT])

        assert {name for name, _, _ in answers} == set(ACTIONS)
        assert {each["Status"]["Code"] for each in page["Connections"] + rest["Connections"]} == {
            *("active", "terminating", "terminated", "failed-to-terminate")
        }
        for _, shape, content in answers:
            root = ET.fromstring(content)  # noqa: S314 - of our own server
            if shape is None:  # the model has none for tags, whose answer says nothing but that it is one
                assert [element.tag.rpartition("}")[2] for element in root] == ["requestId", "return"]
            else:
                problems = list(unknown(root, shape))
                assert problems == [f"{root.tag}/requestId"]  # botocore reads it as the response's metadata

    def test_every_parameter_is_in_the_model(self, api: ClientVpnApi) -> None:
        """The server accepts exactly what boto3 can send."""
        service = api.client().meta.service_model
        for name, action in ACTIONS.items():
            assert action.parameters <= set(input_names(service.operation_model(name).input_shape))

    def test_the_values_arrive(self, api: ClientVpnApi) -> None:
        """A connection's values are read back as they were given, in EC2's form of a time."""
        (connection,) = api.client().describe_client_vpn_connections(
            ClientVpnEndpointId=ENDPOINT, Filters=[{"Name": "username", "Values": ["user3"]}]
        )["Connections"]
        assert connection == {
            "ClientVpnEndpointId": ENDPOINT,
            "Timestamp": "2026-11-18 11:06:40",
            "ConnectionId": "cvpn-connection-00000000000000003",
            "Username": "user3",
            "CommonName": "laptop3.example.com",
            "ClientIp": "10.0.0.2",
            "ConnectionEstablishedTime": "2026-11-18 11:05:40",
            "IngressBytes": "0",
            "EgressBytes": "0",
            "IngressPackets": "0",
            "EgressPackets": "0",
            "Status": {"Code": "active"},
        }


def unknown(element: ET.Element, shape: Shape) -> Iterator[str]:
    """Return the paths of what an element has in it that its shape does not allow."""
    if shape.type_name == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            name = child.tag.removeprefix("{http://ec2.amazonaws.com/doc/2016-11-15/}")
            if name in members:
                yield from unknown(child, members[name])
            else:
                yield f"{element.tag}/{name}"
    elif shape.type_name == "list":
        for child in element:
            assert child.tag.endswith("}item")
            yield from unknown(child, shape.member)
    elif len(element) or not is_value(element.text or "", shape):
        yield f"{element.tag}={element.text}"


def is_value(text: str, shape: Shape) -> bool:
    """Whether a text is a value of a scalar shape."""
    allowed = {
        "boolean": "true|false",
        "integer": r"\d+",
        "string": "|".join(getattr(shape, "enum", [])) or ".*",
    }
    return re.fullmatch(allowed[shape.type_name], text) is not None


def input_names(shape: Shape, prefix: str = "") -> Iterator[str]:
    """Return the names that an input has in EC2's query protocol, with N for a number."""
    if shape.type_name == "structure":
        for member_name, member in shape.members.items():
            located = member.serialization.get("name", member_name)
            name = member.serialization.get("queryName", located[0].upper() + located[1:])
            yield from input_names(member, f"{prefix}.{name}" if prefix else name)
    elif shape.type_name == "list":
        yield from input_names(shape.member, f"{prefix}.N")
    else:
        yield prefix


class TestDescribe:
    """``DescribeClientVpnConnections``."""

    @pytest.mark.parametrize("size", [5, 7, 1000])
    def test_pages_hold_every_connection_once(self, api: ClientVpnApi, size: int) -> None:
        """Whatever the size of a page, the pages together are all connections, and the last has no token."""
        client, found, token = api.client(), [], {}
        while True:
            page = client.describe_client_vpn_connections(
                ClientVpnEndpointId=ENDPOINT, MaxResults=size, **token
            )
            found += [each["ConnectionId"] for each in page["Connections"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert found == [connection.connection_id for connection in connections(7)]
        assert api.requests["DescribeClientVpnConnections"] == -(-7 // size)

    def test_filters_choose_by_id_and_user(self, api: ClientVpnApi) -> None:
        """The values of a filter are alternatives, and several filters must all hold."""
        ids = [f"cvpn-connection-{number:017x}" for number in (1, 2)]
        by_id = {"Name": "connection-id", "Values": ids}
        assert list(described(api, Filters=[by_id])) == ids
        assert (
            list(described(api, Filters=[by_id, {"Name": "username", "Values": ["user2", "user3"]}]))
            == ids[1:]
        )
        assert described(api, Filters=[{"Name": "username", "Values": ["USER2"]}]) == {}

    def test_ended_connections_are_shown_for_an_hour(self, api: ClientVpnApi, clock: Clock) -> None:
        """A connection that its client ended is shown as terminated, and after 60 minutes no more."""
        connection_id = f"cvpn-connection-{0:017x}"
        api.disconnect(ENDPOINT, connection_id)
        assert described(api)[connection_id] == "terminated"
        clock.now += 3599
        assert described(api)[connection_id] == "terminated"
        clock.now += 1
        assert connection_id not in described(api)

    def test_tokens_are_good_for_their_request_alone(self, api: ClientVpnApi) -> None:
        """A made-up token, one of another endpoint and one of other filters are refused; one's own is good twice."""
        describe = api.client().describe_client_vpn_connections
        token = describe(ClientVpnEndpointId=ENDPOINT, MaxResults=5)["NextToken"]
        assert code_of(describe, ClientVpnEndpointId=ENDPOINT, NextToken="made-up") == "InvalidNextToken"
        assert code_of(describe, ClientVpnEndpointId=OTHER, NextToken=token) == "InvalidNextToken"
        filters = [{"Name": "username", "Values": ["user6"]}]
        assert (
            code_of(describe, ClientVpnEndpointId=ENDPOINT, Filters=filters, NextToken=token)
            == "InvalidNextToken"
        )
        pages = [describe(ClientVpnEndpointId=ENDPOINT, NextToken=token)["Connections"] for _ in range(2)]
        assert pages[0] == pages[1]
        assert len(pages[0]) == 2

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"ClientVpnEndpointId": "cvpn-endpoint-0"}, "InvalidClientVpnEndpointId.NotFound"),
            ({"ClientVpnEndpointId": ""}, "MissingParameter"),
            ({"ClientVpnEndpointId": ENDPOINT, "MaxResults": 1001}, "InvalidParameterValue"),
            (
                {"ClientVpnEndpointId": ENDPOINT, "Filters": [{"Name": "user", "Values": ["x"]}]},
                "InvalidParameterValue",
            ),
            ({"ClientVpnEndpointId": ENDPOINT, "DryRun": True}, "DryRunOperation"),
        ],
    )
    def test_refuses_wrong_parameters(self, api: ClientVpnApi, arguments: dict[str, Any], code: str) -> None:
        """Each mistake has the code that EC2 documents for it."""
        assert code_of(api.client().describe_client_vpn_connections, **arguments) == code


class TestTerminate:
    """``TerminateClientVpnConnections``."""

    def test_a_connection_is_terminating_and_then_terminated(self, api: ClientVpnApi, clock: Clock) -> None:
        """The answer says what it was and is, and its end is known when it has come."""
        connection_id = f"cvpn-connection-{2:017x}"
        answer = api.client().terminate_client_vpn_connections(
            ClientVpnEndpointId=ENDPOINT, ConnectionId=connection_id
        )
        assert answer["ConnectionStatuses"] == [
            {
                "ConnectionId": connection_id,
                "PreviousStatus": {"Code": "active"},
                "CurrentStatus": {"Code": "terminating"},
            }
        ]
        assert described(api)[connection_id] == "terminating"
        clock.now += 2
        assert described(api)[connection_id] == "terminated"
        assert Counter(described(api).values()) == {"active": 6, "terminated": 1}
        assert api.terminations == [connection_id]

    def test_some_fail_to_terminate(self, api: ClientVpnApi, clock: Clock) -> None:
        """Such a connection stays, and can be asked to terminate again."""
        api.connect(ENDPOINT, [Connection(connection_id="stubborn", stubborn=True)])
        for _ in range(2):
            api.client().terminate_client_vpn_connections(
                ClientVpnEndpointId=ENDPOINT, ConnectionId="stubborn"
            )
            assert api.status(ENDPOINT, "stubborn") == "terminating"
            clock.now += 2
            assert described(api)["stubborn"] == "failed-to-terminate"
        assert api.terminations == ["stubborn", "stubborn"]

    def test_a_user_may_have_five_connections(self, api: ClientVpnApi) -> None:
        """By the user's name five are terminated, and of six none."""
        many = [Connection(connection_id=f"six-{number}", username="many") for number in range(6)]
        api.connect(ENDPOINT, many)
        terminate = api.client().terminate_client_vpn_connections
        arguments = {"ClientVpnEndpointId": ENDPOINT, "Username": "many"}
        assert code_of(terminate, **arguments) == "ClientVpnTerminateConnectionsLimitExceeded"
        assert api.terminations == []
        api.disconnect(ENDPOINT, "six-0")
        assert terminate(**arguments)["Username"] == "many"
        assert api.terminations == [f"six-{number}" for number in range(1, 6)]

    def test_reads_may_be_stale(self, clock: Clock) -> None:
        """For the time that was asked for, a terminated connection is still described as active."""
        with ClientVpnApi(clock=clock, stale_seconds=30) as api:
            api.add_endpoint(ENDPOINT)
            api.connect(ENDPOINT, [Connection(connection_id="one")])
            api.client().terminate_client_vpn_connections(ClientVpnEndpointId=ENDPOINT, ConnectionId="one")
            clock.now += 29
            assert (described(api)["one"], api.status(ENDPOINT, "one")) == ("active", "terminated")
            clock.now += 1
            assert described(api)["one"] == "terminated"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({}, "MissingParameter"),
            ({"ConnectionId": "one", "Username": "user1"}, "InvalidParameterCombination"),
            ({"ConnectionId": "missing"}, "InvalidClientVpnConnection.IdNotFound"),
            ({"Username": "nobody"}, "InvalidClientVpnConnection.UserNotFound"),
            (
                {"ConnectionId": "one", "ClientVpnEndpointId": "cvpn-endpoint-0"},
                "InvalidClientVpnEndpointId.NotFound",
            ),
        ],
    )
    def test_refuses_wrong_parameters(self, api: ClientVpnApi, arguments: dict[str, str], code: str) -> None:
        """Each mistake has the code that EC2 documents for it, and terminates nothing."""
        arguments = {"ClientVpnEndpointId": ENDPOINT, **arguments}
        assert code_of(api.client().terminate_client_vpn_connections, **arguments) == code
        assert api.terminations == []


class TestEndpoints:
    """``DescribeClientVpnEndpoints`` and ``ModifyClientVpnEndpoint``."""

    def test_a_handler_is_shown_after_it_was_set(self, api: ClientVpnApi) -> None:
        """A handler that was turned on or off is described."""
        client = api.client()
        client.modify_client_vpn_endpoint(
            ClientVpnEndpointId=OTHER, ClientConnectOptions={"Enabled": True, "LambdaFunctionArn": HANDLER}
        )
        (endpoint,) = client.describe_client_vpn_endpoints(ClientVpnEndpointIds=[OTHER])["ClientVpnEndpoints"]
        assert endpoint["ClientConnectOptions"] == {
            "Enabled": True,
            "LambdaFunctionArn": HANDLER,
            "Status": {"Code": "applied"},
        }
        client.modify_client_vpn_endpoint(ClientVpnEndpointId=OTHER, ClientConnectOptions={"Enabled": False})
        assert api.client_connect_options(OTHER) == ClientConnectOptions(enabled=False, function_arn=HANDLER)

    def test_refuses_what_does_not_fit(self, api: ClientVpnApi) -> None:
        """An unknown endpoint, a handler without an ARN, and what the server does not keep."""
        client = api.client()
        assert (
            code_of(client.describe_client_vpn_endpoints, ClientVpnEndpointIds=[OTHER, "cvpn-endpoint-0"])
            == "InvalidClientVpnEndpointId.NotFound"
        )
        modify, options = client.modify_client_vpn_endpoint, {"Enabled": True}
        assert code_of(modify, ClientVpnEndpointId=OTHER, ClientConnectOptions=options) == "MissingParameter"
        assert code_of(modify, ClientVpnEndpointId=OTHER, SplitTunnel=True) == "UnknownParameter"
        assert code_of(client.describe_vpcs) == "InvalidAction"


class TestTags:
    """``CreateTags`` and ``DeleteTags`` on endpoints."""

    def test_tags_are_shown_overwritten_and_deleted(self, api: ClientVpnApi) -> None:
        """A key is there once, a deletion with a value is of that value alone, and one without keys is of all."""
        client = api.client()

        def shown() -> list[dict[str, str]]:
            (endpoint,) = client.describe_client_vpn_endpoints(ClientVpnEndpointIds=[OTHER])[
                "ClientVpnEndpoints"
            ]
            tags: list[dict[str, str]] = endpoint["Tags"]
            return tags

        assert shown() == []
        for value in ("R&D", "sales"):
            client.create_tags(Resources=[OTHER], Tags=[{"Key": "team", "Value": value}])
            assert shown() == [{"Key": "team", "Value": value}]
        client.delete_tags(Resources=[OTHER], Tags=[{"Key": "team", "Value": "R&D"}, {"Key": "other"}])
        assert api.tags(OTHER) == {"team": "sales"}
        client.delete_tags(Resources=[OTHER], Tags=[{"Key": "team"}])
        assert shown() == []
        client.create_tags(Resources=[OTHER], Tags=[{"Key": "team", "Value": ""}])
        client.delete_tags(Resources=[OTHER])
        assert api.tags(OTHER) == {}

    def test_reads_may_be_stale(self, clock: Clock) -> None:
        """For the time that was asked for, an endpoint is described with the tags of before."""
        with ClientVpnApi(clock=clock, stale_seconds=30) as api:
            api.add_endpoint(ENDPOINT)
            api.client().create_tags(Resources=[ENDPOINT], Tags=[{"Key": "team", "Value": "sales"}])
            clock.now += 29
            (before,) = api.client().describe_client_vpn_endpoints()["ClientVpnEndpoints"]
            clock.now += 1
            (after,) = api.client().describe_client_vpn_endpoints()["ClientVpnEndpoints"]
        assert (before["Tags"], after["Tags"]) == ([], [{"Key": "team", "Value": "sales"}])

    def test_refuses_what_ec2_refuses(self, api: ClientVpnApi) -> None:
        """An unknown resource, no tag, too many, and a key or a value that is too long."""
        create = api.client().create_tags

        def tags(count: int, **tag: str) -> list[dict[str, str]]:
            return [{"Key": f"key{number}", "Value": "", **tag} for number in range(count)]

        assert (
            code_of(create, Resources=["cvpn-endpoint-0"], Tags=tags(1))
            == "InvalidClientVpnEndpointId.NotFound"
        )
        assert code_of(create, Resources=[], Tags=tags(1)) == "MissingParameter"
        assert code_of(create, Resources=[OTHER], Tags=[]) == "MissingParameter"
        assert code_of(create, Resources=[OTHER], Tags=tags(51)) == "TagLimitExceeded"
        assert code_of(create, Resources=[OTHER], Tags=tags(1, Key="k" * 128)) == "InvalidParameterValue"
        assert code_of(create, Resources=[OTHER], Tags=tags(1, Value="v" * 257)) == "InvalidParameterValue"
        create(Resources=[OTHER], Tags=tags(50))
        assert len(api.tags(OTHER)) == 50


class TestThrottling:
    """Token buckets by the service's clock."""

    def test_a_bucket_empties_and_fills(self, api: ClientVpnApi, clock: Clock) -> None:
        """After the burst a request is refused with 503, and each second brings back what AWS grants."""
        client = api.client()

        def granted() -> int:
            for number in range(101):
                try:
                    client.describe_client_vpn_connections(ClientVpnEndpointId=OTHER)
                except ClientError as error:
                    refusals.append(error.response)
                    return number
            return 101

        refusals: list[Any] = []
        assert granted() == 100
        clock.now += 1
        assert granted() == 20
        assert {each["Error"]["Code"] for each in refusals} == {"RequestLimitExceeded"}
        assert {each["ResponseMetadata"]["HTTPStatusCode"] for each in refusals} == {503}
        assert api.throttled["DescribeClientVpnConnections"] == 2

    def test_limits_can_be_set_and_failures_ordered(self, clock: Clock) -> None:
        """An action of no limit is not throttled; one configured to fail does so as often."""
        limits = {"DescribeClientVpnEndpoints": RateLimit(burst=1, per_second=0.5)}
        with ClientVpnApi(clock=clock, limits=limits) as api:
            describe = api.client().describe_client_vpn_endpoints
            describe()
            assert code_of(describe) == "RequestLimitExceeded"
            clock.now += 2
            api.fail_next("DescribeClientVpnEndpoints", times=2, code="InternalError")
            assert [code_of(describe) for _ in range(2)] == ["InternalError"] * 2
            describe()

    def test_an_answer_may_be_lost(self, api: ClientVpnApi) -> None:
        """An action configured to fail although performed is performed."""
        api.fail_next("ModifyClientVpnEndpoint", performed=True)
        modify, options = api.client().modify_client_vpn_endpoint, {"Enabled": False}
        assert (
            code_of(modify, ClientVpnEndpointId=ENDPOINT, ClientConnectOptions=options)
            == "RequestLimitExceeded"
        )
        assert not api.client_connect_options(ENDPOINT).enabled

    @pytest.mark.proof
    def test_a_full_endpoint_is_swept_under_throttling(self) -> None:
        """1 connection in 50 is terminated: all and only those, none twice, in little memory."""
        count = min(FULL, 250 * settings().max_examples)
        tracemalloc.start()
        with ClientVpnApi(clock=Clock(step=0.08)) as api:  # 12.5 requests a second: too many for terminations
            api.add_endpoint(ENDPOINT)
            api.connect(ENDPOINT, connections(count))
            megabytes = tracemalloc.get_traced_memory()[0] / 1e6
            tracemalloc.stop()
            doomed = list(described(api))[::50]
            client = api.client()
            for connection_id in doomed:
                terminate_patiently(client, connection_id)
            assert api.terminations == doomed
            assert len(doomed) == count // 50
            assert api.throttled["TerminateClientVpnConnections"] > count // 126
        assert megabytes < 80 * count / FULL


def terminate_patiently(client: Any, connection_id: str) -> None:
    """Terminate a connection, however often it takes."""
    while True:
        try:
            client.terminate_client_vpn_connections(ClientVpnEndpointId=ENDPOINT, ConnectionId=connection_id)
            break
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "RequestLimitExceeded":
                raise


def test_a_faster_clock_runs_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of the service is 36 seconds here at a speed of 100."""
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    clock = faster_clock(100)
    begin = clock()
    monkeypatch.setattr("time.monotonic", lambda: 1036.0)
    assert clock() - begin == pytest.approx(3600)


def test_a_child_process_finds_it_by_its_environment(api: ClientVpnApi) -> None:
    """An unchanged program asks it by the variable of AWS's SDKs."""
    program = (
        "import boto3; print(len(boto3.client('ec2').describe_client_vpn_endpoints()['ClientVpnEndpoints']))"
    )
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = os.environ | keys | api.environment
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stdout == b"2\n"


def test_nothing_answers_after_its_end(api: ClientVpnApi) -> None:
    """Its port is closed with it, even for a client that has asked before; removed endpoints are unknown."""
    client = api.client()
    api.remove_endpoint(OTHER)
    assert len(client.describe_client_vpn_endpoints()["ClientVpnEndpoints"]) == 1
    api.__exit__(None, None, None)
    with pytest.raises(EndpointConnectionError):
        client.describe_client_vpn_endpoints()
