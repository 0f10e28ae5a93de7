"""The forwarder: real decision records in, notifications out, against a real client and a local server."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from client_connect_notifications import forwarder
from tests.support.events import PERMIT, connect_handler, event
from tests.support.log_lines import captured

if TYPE_CHECKING:
    from collections.abc import Iterator

BUS = "arn:aws:events:eu-central-1:111111111111:event-bus/default"
TOPIC = "arn:aws:sns:eu-central-1:111111111111:denials"
FORBID = '@id("no") @message("No.") @status("bad") forbid (principal, action, resource);'
ERRS = '@id("broken") forbid (principal, action, resource) when { context.activeConnections > 1 };'


def recorded(policies: str = PERMIT + FORBID, sent: object = None, **settings: Any) -> str:
    """Return the line that the handler logs for a request, as Lambda writes it."""
    with captured() as log:
        connect_handler(policies, **settings)(event() if sent is None else sent)
        (line,) = log.lines
    return line


def notified(message: str) -> dict[str, Any]:
    """Return the detail of the notification of a line."""
    detail = forwarder.notification({"id": "37000", "message": message})
    assert detail is not None
    found: dict[str, Any] = json.loads(detail)
    return found


def test_a_denial_is_told_by_what_the_record_holds() -> None:
    """The detail has the record's own names and values, and neither groups nor versions."""
    line = recorded()
    record = json.loads(line)
    assert notified(line) == {
        "version": "1",
        "id": "37000",
        "allow": False,
        "at": record["at"],
        "endpoint": "cvpn-endpoint-0123456789abcdef0",
        "policies": record["policies"],
        "request": {
            "connection-id": "cvpn-connection-0123456789abcdef0",
            "username": "Bob",
            "common-name": "laptop-1",
            "platform": "win",
            "platform-version": "10.0.22631,amd64",
            "public-ip": "198.51.100.7",
        },
        "decision": {"determining": ["no"], "message": "No.", "statuses": ["bad"], "errors": []},
    }


def test_the_invocation_is_named_where_lambda_names_it() -> None:
    """By ``requestId`` the record is found again."""
    line = json.dumps({**json.loads(recorded()), "requestId": "8f5a"})
    assert notified(line)["requestId"] == "8f5a"


def test_a_policy_that_errs_is_told() -> None:
    """A denial because of an error says which."""
    assert "broken" in notified(recorded(PERMIT + ERRS))["decision"]["errors"][0]


def test_an_event_that_is_no_request_is_told() -> None:
    """Such a denial has an error instead of a request and a decision."""
    detail = notified(recorded(sent={"endpoint-id": "cvpn-endpoint-1"}))
    assert detail["error"]["type"] == "InvalidRequest"
    assert detail["endpoint"] == "cvpn-endpoint-1"
    assert detail.keys() == {"version", "id", "allow", "at", "endpoint", "error"}


@pytest.mark.parametrize(
    "message",
    [
        '{"allow": "false"}',
        '{"type": "platform.report"}',
        "[]",
        "null",
    ],
    ids=["no boolean", "no record", "list", "null"],
)
def test_everything_else_is_not_told(message: str) -> None:
    """Other lines make no notification."""
    assert forwarder.notification({"id": "1", "message": message}) is None


SHADOWED = '@id("new") @shadow @message("Update.") forbid (principal, action, resource);'
WHO = {
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "username": "Bob",
    "common-name": "laptop-1",
    "platform": "win",
    "platform-version": "10.0.22631,amd64",
    "public-ip": "198.51.100.7",
}


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        (
            recorded('@id("staff") @status("staff") permit (principal, action, resource);' + SHADOWED),
            {"allowed": True, "determining": ["staff"], "shadowDenied": ["new"], "statuses": ["staff"]},
        ),
        (
            recorded(PERMIT + FORBID, shadow_mode=True),
            {"allowed": False, "determining": ["no"], "shadowDenied": [], "statuses": ["bad"]},
        ),
    ],
    ids=["allowed", "shadow mode of the handler"],
)
def test_an_allowed_connection_is_told_by_who_and_by_which_policy(
    line: str, decision: dict[str, Any]
) -> None:
    """Who connected, from where, which policies allowed it, and what would have denied it."""
    detail = notified(line)
    assert detail["allow"] is True
    assert detail["request"] == WHO
    assert detail["decision"] == {**decision, "waived": [], "errors": []}


@pytest.mark.parametrize(("wanted", "told"), [(["all"], True), (["x", "all"], True), (["x"], False)])
def test_of_allowed_connections_only_those_of_the_named_permits_are_told(
    monkeypatch: pytest.MonkeyPatch, wanted: list[str], *, told: bool
) -> None:
    """A denial is announced anyway, and a connection let in by shadow mode alone has no permit."""
    monkeypatch.setenv(forwarder.ALLOWED_BY, json.dumps(wanted))
    assert (forwarder.notification({"id": "1", "message": recorded(PERMIT)}) is not None) is told
    assert notified(recorded(PERMIT + FORBID))["allow"] is False
    shadow = recorded(PERMIT + FORBID, shadow_mode=True)
    assert forwarder.notification({"id": "1", "message": shadow}) is None


def test_an_error_that_shadow_mode_allows_is_told() -> None:
    """Such an event has an error instead of a request and a decision."""
    detail = notified(recorded(sent={"endpoint-id": "cvpn-endpoint-1"}, shadow_mode=True))
    assert (detail["allow"], detail["error"]["type"]) == (True, "InvalidRequest")


def test_what_is_long_is_cut_and_says_so() -> None:
    """A text of more than 255 characters and a list of more than 20 items are cut, never dropped."""
    record = json.loads(recorded())
    record["decision"]["errors"] = ["x" * 1000] * 100
    detail = notified(json.dumps(record))
    assert detail["decision"]["errors"] == ["x" * 255] * 20
    assert detail["cut"] is True
    assert detail["decision"]["determining"] == ["no"]


def hostile(**fields: Any) -> str:
    """Return a line that claims to be a denial."""
    return json.dumps({**json.loads(recorded()), **fields})


UNREADABLE = {
    "no JSON": "START RequestId: 1 Version: 3",
    "empty": "",
    "nested lists": '{"allow": false, "at": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "nested objects": '{"allow": false, "request": ' + '{"a":' * 100_000 + "1" + "}" * 100_001,
    "open brackets only": "[" * 400_000,
    "not a number": '{"allow": false, "at": NaN}',
    "infinite": '{"allow": false, "request": {"username": -Infinity}}',
    "a number that is infinite": '{"allow": false, "at": 1e999}',
    "a text that is one": '{"allow": false, "request": {"username": -1e400}}',
    "an infinite one in a list": '{"allow": false, "decision": {"errors": [1.5, 9e99999]}}',
    "longer than a line may be": hostile(at="x" * 1024 * 1024),
    "a number of 5,000 digits": '{"allow": false, "at": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
def test_fails_for_a_line_that_cannot_be_read(message: str) -> None:
    """The error says why; it is the only one, whatever the line holds."""
    with pytest.raises(forwarder.UnreadableLine):
        forwarder.notification({"id": "1", "message": message})


@pytest.mark.parametrize(
    "value",
    [
        {str(number): number for number in range(20_000)},
        [[["x" * 30] * 20] * 20] * 20,
        ["x" * 1000] * 300,
        [{"x": {"y": 1}}] * 30_000,
        json.loads("[" * 400 + "]" * 400),
    ],
    ids=["many keys", "lists of lists", "long texts", "many objects", "nested"],
)
@pytest.mark.parametrize("where", ["at", "endpoint", "policies", "requestId"])
def test_what_no_record_holds_is_left_out(value: object, where: str) -> None:
    """The denial is announced all the same, and small."""
    text = forwarder.notification({"id": "1", "message": hostile(**{where: value})})
    assert text is not None
    detail = json.loads(text)
    assert len(text) < 10_000
    assert detail["cut"] is True
    assert detail["request"]["username"] == "Bob"
    detail = notified(hostile(request={"username": value}, decision={"errors": value}))
    assert detail["cut"] is True
    assert len(json.dumps(detail)) < 20_000


def test_half_a_character_is_replaced() -> None:
    """No service takes it, and a request with it would be refused whole."""
    assert (
        notified(hostile(at="\ud83d|\udc00"))["at"] == "\N{REPLACEMENT CHARACTER}|\N{REPLACEMENT CHARACTER}"
    )


lists = st.lists(st.text(min_size=1, max_size=20), max_size=40)


@given(lists, lists, lists, st.text(min_size=1))
def test_every_notification_fits_into_a_request(
    determining: list[str], statuses: list[str], errors: list[str], text: str
) -> None:
    """Whatever a record holds, its notification is less than a batch may be."""
    request = dict.fromkeys(event(), text * 100)
    # Long values are made here, so a failing example is printed short.
    texts = {"determining": determining, "statuses": statuses, "errors": errors}
    decision = {name: [each * 300 for each in values] for name, values in texts.items()}
    decisive = {**decision, "message": text * 100}
    record = {"at": "now", "allow": False, "endpoint": "e", "request": request, "decision": decisive}
    message = json.dumps(record)
    assume(len(message) <= forwarder.MAX_LINE_LENGTH)  # a longer one is no record
    detail = forwarder.notification({"id": "1", "message": message})
    assert detail is not None
    assert len(detail.encode()) <= forwarder.MAX_BATCH_BYTES


@given(st.lists(st.integers(1, forwarder.MAX_BATCH_BYTES), max_size=60))
def test_batches_keep_the_limits_and_the_order(sizes: list[int]) -> None:
    """Each holds at most 10 entries and 250,000 bytes, and nothing is lost or moved."""
    details = ["x" * size for size in sizes]
    batches = list(forwarder.batches(details))
    assert [detail for batch in batches for detail in batch] == details
    assert all(0 < len(batch) <= 10 for batch in batches)
    assert all(sum(map(len, batch)) <= forwarder.MAX_BATCH_BYTES for batch in batches)


def payload(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """Return what CloudWatch Logs sends to a function."""
    lines = [
        {"id": str(number), "timestamp": 1, "message": message} for number, message in enumerate(messages)
    ]
    content = {"messageType": kind, "logGroup": "handler", "logStream": "s", "logEvents": lines}
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()}}


class Service:
    """EventBridge and SNS on this machine, which refuse notifications of a connection for some time.

    Attributes:
        refusals: How often each connection's notification is yet to be refused.
        requests: The entries of each request.
        accepted: The details that were taken.
        failures: How many requests are yet to be refused as a whole.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.refusals: dict[str, int] = {}
        self.requests: list[list[dict[str, Any]]] = []
        self.accepted: list[dict[str, Any]] = []

    def take(self, detail: str) -> bool:
        """Take a notification or refuse it."""
        found = json.loads(detail)
        connection = found["request"]["connection-id"]
        if self.refusals.get(connection, 0) > 0:
            self.refusals[connection] -= 1
            return False
        self.accepted.append(found)
        return True

    def put_events(self, body: str) -> str:
        """Answer PutEvents, in JSON."""
        entries = json.loads(body)["Entries"]
        self.requests.append(entries)
        taken = [self.take(entry["Detail"]) for entry in entries]
        refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
        results = [{"EventId": "1"} if each else refused for each in taken]
        return json.dumps({"FailedEntryCount": taken.count(False), "Entries": results})

    def publish_batch(self, body: str) -> str:
        """Answer PublishBatch, in XML."""
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        prefix = "PublishBatchRequestEntries.member"
        entries = []
        while (message := fields.get(f"{prefix}.{len(entries) + 1}.Message")) is not None:
            number = len(entries) + 1
            entries.append(
                {"Id": fields[f"{prefix}.{number}.Id"], "Message": message, "TopicArn": fields["TopicArn"]}
                | {"Subject": fields[f"{prefix}.{number}.Subject"]}
            )
        self.requests.append(entries)
        good, bad = "", ""
        for entry in entries:
            if self.take(entry["Message"]):
                good += f"<member><Id>{entry['Id']}</Id><MessageId>1</MessageId></member>"
            else:
                bad += f"<member><Id>{entry['Id']}</Id><Code>InternalError</Code></member>"
        return (
            "<PublishBatchResponse><PublishBatchResult>"
            f"<Successful>{good}</Successful><Failed>{bad}</Failed>"
            "</PublishBatchResult></PublishBatchResponse>"
        )


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The services, which the SDK uses as AWS's."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            events = "X-Amz-Target" in self.headers
            failed = service.failures > 0
            service.failures -= failed
            if failed:
                answer = (
                    b"{}" if events else b"<ErrorResponse><Error><Code>Refused</Code></Error></ErrorResponse>"
                )
            else:
                answer = (service.put_events(body) if events else service.publish_batch(body)).encode()
            self.send_response(400 if failed else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(forwarder, "_PAUSES_S", (0.0, 0.0))
    forwarder._sender.cache_clear()
    yield service
    forwarder._sender.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


def denial(number: int) -> str:
    """Return the record of a separate denial."""
    return recorded(sent=event(connection_id=f"c-{number}"))


@pytest.fixture(params=[BUS, TOPIC], ids=["bus", "topic"])
def destination(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bus, then a topic."""
    arn: str = request.param
    monkeypatch.setenv("DESTINATION_ARN", arn)
    return arn


def connections(service: Service) -> list[str]:
    """Return the connections whose notifications were taken."""
    return [detail["request"]["connection-id"] for detail in service.accepted]


def test_denials_are_sent_in_batches_of_ten(service: Service, destination: str) -> None:
    """23 denials among other lines are three requests to the destination."""
    forwarder.handler(payload("no JSON", *map(denial, range(23)), "{}"), None)
    assert connections(service) == [f"c-{number}" for number in range(23)]
    assert [len(entries) for entries in service.requests] == [10, 10, 3]
    entry = service.requests[0][0]
    assert destination in (entry.get("EventBusName"), entry.get("TopicArn"))
    assert entry.get("DetailType", entry.get("Subject")) == "Client VPN Connection Denied"
    assert entry.get("Source") in ("cdk-client-connect", None)


def test_an_allowed_connection_has_its_own_type(service: Service, destination: str) -> None:
    """Rules and subscribers distinguish it from a denial without reading the detail."""
    forwarder.handler(payload(denial(1), recorded(PERMIT)), None)
    ((denied, allowed),) = service.requests
    assert destination in (allowed.get("EventBusName"), allowed.get("TopicArn"))
    assert denied.get("DetailType", denied.get("Subject")) == "Client VPN Connection Denied"
    assert allowed.get("DetailType", allowed.get("Subject")) == "Client VPN Connection Allowed"


@pytest.mark.usefixtures("destination")
def test_lines_that_cannot_be_read_lose_no_denial(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The others are announced, and a metric counts what was dropped."""
    messages = [
        message for number, bad in enumerate(UNREADABLE.values()) for message in (bad, denial(number))
    ]
    forwarder.handler(payload(*messages), None)
    assert connections(service) == [f"c-{number}" for number in range(len(UNREADABLE))]
    (counted,) = [vars(record) for record in caplog.records if record.message == "lines were dropped"]
    assert counted["DroppedLines"] == len(UNREADABLE)
    (definition,) = counted["_aws"]["CloudWatchMetrics"]
    assert definition["Metrics"] == [{"Name": "DroppedLines", "Unit": "Count"}]
    assert all(dimension in counted for dimension in definition["Dimensions"][0])


@pytest.mark.usefixtures("destination")
def test_a_request_that_is_refused_whole_does_not_stop_the_others(service: Service) -> None:
    """Its content is sent again, and the invocation fails at the end."""
    service.failures = 1
    forwarder.handler(payload(*map(denial, range(23))), None)
    assert sorted(connections(service)) == sorted(f"c-{number}" for number in range(23))
    service.failures = 3 * 3
    with pytest.raises(forwarder.NotDelivered, match="23 of 23 notifications were refused"):
        forwarder.handler(payload(*map(denial, range(23))), None)


@pytest.mark.usefixtures("destination")
def test_a_control_message_is_no_denial(service: Service) -> None:
    """CloudWatch Logs sends one to see whether the function can be reached."""
    forwarder.handler(payload(denial(1), kind="CONTROL_MESSAGE"), None)
    assert service.requests == []


@pytest.mark.usefixtures("destination")
def test_lines_without_a_denial_send_nothing(service: Service) -> None:
    """No empty request is made."""
    forwarder.handler(payload("no JSON"), None)
    assert service.requests == []


@pytest.mark.usefixtures("destination")
def test_only_what_was_refused_is_sent_again(service: Service) -> None:
    """One of three is refused twice: the third attempt has it alone, and nothing is sent twice."""
    service.refusals = {"c-1": 2}
    forwarder.handler(payload(*map(denial, range(3))), None)
    assert sorted(connections(service)) == ["c-0", "c-1", "c-2"]
    assert [len(entries) for entries in service.requests] == [3, 1, 1]


@pytest.mark.usefixtures("destination")
def test_fails_when_a_denial_is_refused_again_and_again(service: Service) -> None:
    """The invocation fails, so Lambda repeats it; then the others come again with the same ids."""
    service.refusals = {"c-1": 3}
    with pytest.raises(forwarder.NotDelivered, match="1 of 3 notifications were refused"):
        forwarder.handler(payload(*map(denial, range(3))), None)
    assert connections(service) == ["c-0", "c-2"]
    forwarder.handler(payload(*map(denial, range(3))), None)
    assert sorted(connections(service)) == ["c-0", "c-0", "c-1", "c-2", "c-2"]
    ids = {detail["id"] for detail in service.accepted if detail["request"]["connection-id"] == "c-0"}
    assert ids == {"0"}
