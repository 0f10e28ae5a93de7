"""Runs of the re-authorizer over real connections to a Client VPN API and to DynamoDB."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from client_connect import Decision, Device, Facts
from client_connect.reauthorizer.client_vpn import ClientVpn, TokenRefused
from client_connect.reauthorizer.deadline import RESERVE_S, OutOfTime
from client_connect.reauthorizer.evaluation import Evaluator
from client_connect.reauthorizer.state import ReauthorizerState
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect.sources.connection_registry import (
    STATE,
    ConnectionTable,
    NotCounted,
    RegisteredConnection,
)
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.dynamodb import Tables
from client_connect.sources.items import waivers_item
from client_connect.waiver import Waiver
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.emulator import Emulator
from local_aws.live_connections import ENDPOINT, LiveConnections
from tests.support.log_lines import captured
from tests.support.reauthorization import (
    NO_MACS,
    OTHER_ENDPOINT,
    PERMIT,
    client,
    ids,
    out_of_time_after,
    tally,
    terminated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from client_connect import ConnectionRequest
    from client_connect.reauthorizer.run import Outcome, Reauthorizer

pytestmark = pytest.mark.e2e

NEW = "context has activeConnections && context.activeConnections"
COMPLIANT = (
    PERMIT
    + """
    @id("compliant") forbid (principal, action, resource)
    unless { context has device && context.device has compliant && context.device.compliant
             || context.waivers.contains("compliant") };"""
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """DynamoDB."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _small_pages() -> Iterator[None]:
    """Pages of 100 connections, so a few hundred are several."""
    with mock.patch("client_connect.reauthorizer.client_vpn._PAGE_SIZE", 100):
        yield


@pytest.fixture
def api() -> Iterator[ClientVpnApi]:
    """EC2's Client VPN calls, not throttled."""
    with ClientVpnApi(limits={}, termination_seconds=0) as api:
        yield api


@pytest.fixture
def world(emulator: Emulator, api: ClientVpnApi) -> LiveConnections:
    """An endpoint without connections."""
    world = LiveConnections(emulator=emulator, api=api)
    world.create()
    return world


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """The logged lines."""
    found: list[logging.LogRecord] = []
    logger, handler = logging.getLogger("client_connect"), logging.Handler()
    with mock.patch.object(handler, "emit", found.append):
        logger.addHandler(handler)
        yield found
        logger.removeHandler(handler)


def runs(run: Callable[[], Outcome]) -> list[Outcome]:
    """Run until a scan is through, but not for ever; expect that it takes several runs."""
    outcomes: list[Outcome] = []
    while not outcomes or outcomes[-1].state == "unfinished":
        assert len(outcomes) < 20
        outcomes.append(run())
    assert len(outcomes) > 2
    return outcomes


def test_all_and_only_the_denied_are_terminated(world: LiveConnections) -> None:
    """Over pages and endpoints, by the registered requests; then there is nothing left to do."""
    two = replace(world, endpoints=(ENDPOINT, OTHER_ENDPOINT))
    world.api.add_endpoint(OTHER_ENDPOINT)
    two.connect(
        client(f"{number:04}", platform="mac" if number % 50 == 0 else "win") for number in range(350)
    )
    two.connect(
        [
            client("other", platform="mac", endpoint_id=OTHER_ENDPOINT),
            client("fine", endpoint_id=OTHER_ENDPOINT),
        ]
    )
    outcome = two.run(NO_MACS)
    expected = sorted(ids("other", *(f"{number:04}" for number in range(0, 350, 50))))
    assert terminated(two) == expected
    assert (outcome.state, outcome.terminated) == ("complete", len(expected))
    assert (tally(outcome), tally(outcome, OTHER_ENDPOINT)) == ((350, 0, 0), (2, 0, 0))
    again = two.run(NO_MACS)
    assert (again.terminated, terminated(two)) == (0, expected)


def test_ended_connections_leave_the_registry(world: LiveConnections) -> None:
    """So that the registry counts those that are open, and says until when."""
    world.connect([client("a"), client("b")])
    world.api.disconnect(ENDPOINT, *ids("a"))
    world.run(f'{PERMIT}@id("one") forbid (principal, action, resource) when {{ {NEW} > 3 }};')
    assert [world.registered(id_) is None for id_ in ids("a", "b")] == [True, False]
    state = world.registered(STATE)
    assert state is not None
    left = float(state["countsValidUntil"]["N"]) - datetime.now(UTC).timestamp()
    assert 890 < left <= 900
    assert "lease" not in state


@pytest.mark.parametrize("device", [None, Device(compliant=False), Device()])
def test_a_device_that_is_not_compliant_any_more_is_disconnected(
    world: LiveConnections, device: Device | None
) -> None:
    """The inventory is today's, and so are the waivers."""
    world.connect(
        [
            client("good", common_name="laptop-1", device=Device(compliant=True)),
            client("bad", common_name="laptop-2", device=device),
            client("waived", common_name="laptop-3", device=device),
        ]
    )
    waiver = Waiver(
        policy_id="compliant",
        until=datetime.now(UTC) + timedelta(hours=1),
        reason="new",
        approved_by="carol",
        holder="user:waived",
    )
    world.put("waivers", waivers_item([waiver]))
    world.run(COMPLIANT, inventory=True)
    assert terminated(world) == ids("bad")


@pytest.mark.parametrize("kind", ["devices", "waivers"])
def test_an_inventory_that_is_down_ends_nobody(world: LiveConnections, kind: str) -> None:
    """No connection is decided then, and the summary says why."""
    world.connect(client(f"{number}", common_name=f"laptop-{number}") for number in range(250))
    world.delete_table(kind)
    outcome = world.run(COMPLIANT, inventory=True)
    assert terminated(world) == []
    assert tally(outcome) == (0, 0, 250)
    assert "ResourceNotFoundException" in outcome.problems["inventory"]


def test_a_malformed_device_ends_nobody(world: LiveConnections) -> None:
    """Its own connection is undecided, the others are not, and the summary says why."""
    world.connect(
        [
            client("a", common_name="laptop-1"),
            client("b", common_name="laptop-2", device=Device(compliant=False)),
        ]
    )
    world.put("devices", {"commonName": {"S": "laptop-1"}, "compliant": {"S": "no"}})
    outcome = world.run(COMPLIANT, inventory=True)
    assert (terminated(world), tally(outcome)) == (ids("b"), (1, 0, 1))
    assert outcome.problems == {"inventory": 'MalformedItem: "compliant" is of type S, not BOOL'}


def test_a_policy_that_cannot_be_evaluated_ends_nobody(world: LiveConnections) -> None:
    """A denial because of an error is no reason to end what was allowed."""
    world.connect([client("a"), client("b")])
    overflow = '@id("x") forbid (principal, action, resource) when { context.time.weekday + 9223372036854775807 > 0 };'
    outcome = world.run(PERMIT + overflow)
    assert (terminated(world), tally(outcome)) == ([], (0, 0, 2))


def test_a_panic_of_the_engine_ends_nobody(world: LiveConnections) -> None:
    """A connection that cannot be decided is undecided, and does not keep the others from being decided."""
    world.connect([client("a", platform="mac"), client("b", platform="mac")])
    run = world.reauthorizer(NO_MACS)
    partial = run._evaluator._authorizer
    decide = partial.decide

    def panicking(facts: Any, **arguments: Any) -> Any:
        if facts.request.username == "a":
            raise BaseException("panic")  # noqa: TRY002 - as the engine's
        return decide(facts, **arguments)

    with mock.patch.object(partial, "decide", panicking):
        outcome = run.run()
    assert (terminated(world), tally(outcome)) == (ids("b"), (1, 0, 1))


def test_extra_facts_that_are_unavailable_end_nobody(world: LiveConnections) -> None:
    """Only connections with all facts are decided."""

    def facts(request: Any) -> dict[str, object]:
        if request.username == "a":
            raise OSError("down")
        return {"risk": 9}

    world.connect([client("a"), client("b")])
    policy = '@id("risk") forbid (principal, action, resource) when { context has custom && context.custom.risk > 5 };'
    strict = '@id("down") forbid (principal, action, resource) when { context.customFacts != "available" };'
    outcome = world.run(
        PERMIT + policy + strict,
        custom=CustomFacts(facts, validation_error=lambda _: ""),
        custom_type="{ risk: Long }",
    )
    assert (terminated(world), tally(outcome)) == (ids("b"), (1, 0, 1))


def test_extra_facts_of_one_connection_have_the_time_that_the_handler_gives_them(
    world: LiveConnections,
) -> None:
    """A module that takes a while is asked about a single connection too, and not only about many at once."""
    world.connect([client("a", platform="mac")])
    asked = threading.Event()

    def facts(_request: ConnectionRequest) -> dict[str, object]:
        asked.wait(0.5)
        return {"risk": 1}

    custom = CustomFacts(facts, validation_error=lambda _: "")
    assert world.run(NO_MACS, custom=custom, custom_type="{ risk: Long }").problems == {}
    assert terminated(world) == ids("a")


def test_extra_facts_that_are_unavailable_for_one_connection_are_told_of(world: LiveConnections) -> None:
    """Even if no policy reads them, so all are decided."""
    world.connect([client("a"), client("b")])

    def facts(request: ConnectionRequest) -> dict[str, object]:
        if request.username == "a":
            raise OSError("down")
        return {"risk": 1}

    custom = CustomFacts(facts, validation_error=lambda _: "")
    outcome = world.run(PERMIT, custom=custom, custom_type="{ risk: Long }")
    line = facts.__code__.co_firstlineno + 2
    problem = f"OSError at test_reauthorizer.py:{line} in facts"
    assert (tally(outcome), outcome.problems) == ((2, 0, 0), {"customFacts": problem})


def test_the_limit_on_new_connections_ends_no_old_one(world: LiveConnections) -> None:
    """Whether it is written as a forbid or as a permit: how many others there are is not known here."""
    world.connect([client("a", username="bob"), client("b", username="bob")])
    forbid = f'@id("one") forbid (principal, action, resource) when {{ {NEW} > 0 }};'
    permit = f'@id("one") permit (principal, action, resource) when {{ {NEW} < 1 }};'
    world.run(PERMIT + forbid)
    world.run(permit)
    assert terminated(world) == []


def test_the_cap_ends_nobody_when_it_is_exceeded(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """One more than the cap, and nothing is terminated; at the cap, everything."""
    world.connect([client("a", platform="mac"), client("b", platform="mac"), client("c")])
    run = world.reauthorizer(NO_MACS, maximum_terminations=1)
    outcome = run.run()
    run._records.of_run(outcome, milliseconds=1)
    assert (outcome.cap_exceeded, terminated(world)) == (True, [])
    record = vars(lines[-1])
    assert (record["levelname"], record["CapExceeded"]) == ("ERROR", 1)
    assert record["scan"]["deniedBy"] == {"no-macs": 2}
    assert not world.run(NO_MACS, maximum_terminations=2).cap_exceeded
    assert terminated(world) == ids("a", "b")


def test_the_cap_holds_over_all_runs_of_a_scan(world: LiveConnections) -> None:
    """A scan that takes several runs counts as one."""
    world.connect(
        client(f"{number:04}", platform="mac" if number % 100 == 0 else "win") for number in range(300)
    )
    last = runs(lambda: world.run(NO_MACS, maximum_terminations=2, milliseconds=out_of_time_after(3)))[-1]
    assert (last.state, last.cap_exceeded, terminated(world)) == ("complete", True, [])
    assert tally(last) == (300, 0, 0)


def test_dry_run_records_all_and_ends_nobody(world: LiveConnections, lines: list[logging.LogRecord]) -> None:
    """Each connection that would be ended has its record, with the request and the decision."""
    world.connect([client("a", platform="mac"), client("b")])
    outcome = world.run(NO_MACS, dry_run=True)
    assert (outcome.terminated, terminated(world)) == (1, [])
    record = vars(lines[-1])
    assert record["msg"] == "connection would be terminated"
    assert (record["connection"], record["reason"], record["dryRun"]) == (*ids("a"), "policies", True)
    assert record["request"]["platform"] == "mac"
    assert record["decision"]["determining"] == ["no-macs"]
    assert record["Terminated"] == 0
    json.dumps({key: value for key, value in record.items() if key not in ("args", "exc_info")})


def test_one_run_at_a_time(world: LiveConnections) -> None:
    """A second run finds the lease and does nothing; when the lease has ended, the next one works."""
    world.connect([client("a", platform="mac")])
    first = world.reauthorizer(NO_MACS)
    first._state.take_lease(seconds=60, work=first._work_id)
    outcome = world.run(NO_MACS)
    assert (outcome.state, terminated(world)) == ("another run is at work", [])
    first._state.release_lease()
    first._state.take_lease(seconds=-1, work=first._work_id)
    assert world.run(NO_MACS).state == "complete"
    assert terminated(world) == ids("a")


@pytest.mark.parametrize("lost", ["SET lease", "REMOVE lease"])
def test_a_lost_answer_about_the_lease_is_no_other_run(
    world: LiveConnections, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """The SDK asks DynamoDB again, which has done it already: the lease is the run's own."""
    world.connect([client("a", platform="mac")])
    reauthorizer = world.reauthorizer(NO_MACS)
    answers: list[AWSResponse] = []
    session = reauthorizer._state._tables._client._session
    send = session.send

    def lose(request: AWSPreparedRequest) -> AWSResponse:
        answer = send(request)
        if not answers and lost.encode() in request.body:
            answers.append(answer)
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    monkeypatch.setattr(session, "send", lose)
    assert reauthorizer.run().state == "complete"
    assert [answer.status_code for answer in answers] == [HTTPStatus.OK]
    assert terminated(world) == ids("a")
    state = world.registered(STATE)
    assert state is not None
    assert "lease" not in state


def test_a_run_by_other_policies_takes_over(world: LiveConnections) -> None:
    """A bad policy that is corrected stops at once: what runs by it terminates nothing more."""
    world.connect(client(f"{number}", platform="mac") for number in range(9))
    bad = world.reauthorizer(NO_MACS)
    terminate = bad._vpn.terminate

    def corrected(connection: Any) -> bool:
        assert world.run(PERMIT).state == "complete"
        return terminate(connection)

    with mock.patch.object(bad._vpn, "terminate", corrected):
        outcome = bad.run()
    assert outcome.state == "superseded"
    assert len(terminated(world)) == 1


def test_a_scan_goes_on_where_it_was(world: LiveConnections) -> None:
    """Each run sees other connections, and those that are denied are terminated at the end."""
    world.connect(
        client(f"{number:04}", platform="mac" if number % 70 == 0 else "win") for number in range(350)
    )
    runs(lambda: world.run(NO_MACS, milliseconds=out_of_time_after(5)))
    assert world.api.requests["DescribeClientVpnConnections"] == 4
    assert terminated(world) == ids(*(f"{number:04}" for number in range(0, 350, 70)))


def test_a_refused_token_begins_the_endpoint_again(world: LiveConnections) -> None:
    """Its counts are dropped, so nothing is counted twice."""
    world.connect(
        client(f"{number:04}", platform="mac" if number % 100 == 0 else "win") for number in range(250)
    )
    world.run(NO_MACS, milliseconds=out_of_time_after(5))
    assert terminated(world) == []
    world.api.fail_next(
        "DescribeClientVpnConnections", code="InvalidNextToken", status=HTTPStatus.BAD_REQUEST
    )
    outcome = world.run(NO_MACS)
    assert outcome.scan is not None
    assert (tally(outcome), outcome.scan.denials) == ((250, 0, 0), 3)
    assert terminated(world) == ids("0000", "0100", "0200")


def test_a_token_that_is_refused_again_fails_the_run(world: LiveConnections) -> None:
    """It would begin again and again, and use up the calls of the whole account."""
    world.connect(client(f"{number:04}") for number in range(250))
    reauthorizer = world.reauthorizer(NO_MACS)
    vpn, refused = reauthorizer._vpn, TokenRefused("again")
    pages = [vpn.page(ENDPOINT, None), refused, vpn.page(ENDPOINT, None), refused]
    with mock.patch.object(vpn, "page", side_effect=pages), pytest.raises(TokenRefused, match="again"):
        reauthorizer.run()
    assert tally(world.run(NO_MACS)) == (250, 0, 0)


def test_a_page_for_which_a_run_has_no_time_is_taken_in_by_several(world: LiveConnections) -> None:
    """Each run goes on where the one before was, also within a page, and counts nothing twice."""
    world.connect(
        client(f"{number:04}", platform="mac" if number % 30 == 0 else "win") for number in range(90)
    )
    with mock.patch("client_connect.reauthorizer.run.BATCH", 10):
        outcomes = runs(lambda: world.run(NO_MACS, milliseconds=out_of_time_after(7)))
    assert [sum(tally(outcome)) for outcome in outcomes][:2] == [50, 90]
    assert tally(outcomes[-1]) == (90, 0, 0)
    assert terminated(world) == ids("0000", "0030", "0060")


def test_a_scan_by_other_policies_is_not_gone_on_with(world: LiveConnections) -> None:
    """Denials by old policies lead to no termination by new ones."""
    world.connect(client(f"{number:04}", platform="mac") for number in range(110))
    world.run(NO_MACS, maximum_terminations=2000, milliseconds=out_of_time_after(3))
    outcome = world.run(PERMIT, maximum_terminations=2000)
    assert (outcome.state, tally(outcome), terminated(world)) == ("complete", (110, 0, 0), [])


def test_what_is_permitted_again_is_not_terminated(world: LiveConnections) -> None:
    """Each is decided once more right before it is terminated."""
    world.connect(
        [
            client("a", common_name="laptop-1", device=Device(compliant=False)),
            client("b", common_name="laptop-2"),
        ]
    )
    run = world.reauthorizer(COMPLIANT, inventory=True)
    forget_scan = run._state.forget_scan

    def repaired() -> None:
        world.put("devices", {"commonName": {"S": "laptop-1"}, "compliant": {"BOOL": True}})
        forget_scan()

    with mock.patch.object(run._state, "forget_scan", repaired):
        outcome = run.run()
    assert (terminated(world), outcome.terminated) == (ids("b"), 1)


def test_nothing_is_terminated_twice_while_ec2_is_stale(emulator: Emulator) -> None:
    """The service still shows as active what was terminated a moment ago."""
    with ClientVpnApi(limits={}, stale_seconds=3600) as api:
        world = LiveConnections(emulator=emulator, api=api)
        world.create()
        world.connect(
            [client("a", platform="mac"), client("b", platform="mac", registered=False, username="b")]
        )
        for policies in (
            NO_MACS,
            NO_MACS,
            PERMIT.replace("permit", "forbid"),
            PERMIT.replace("permit", "forbid"),
        ):
            world.run(policies, unknown_connections=UnknownConnections.DECIDE)
        assert terminated(world) == ids("a", "b")


def test_a_termination_that_failed_is_tried_again(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """By the next run; it is counted, and the others go on."""
    world.connect([client("a", platform="mac"), client("b", platform="mac")])
    world.api.fail_next(
        "TerminateClientVpnConnections", code="UnauthorizedOperation", status=HTTPStatus.FORBIDDEN
    )
    outcome = world.run(NO_MACS)
    assert (outcome.failures, outcome.terminated) == (1, 1)
    assert "UnauthorizedOperation" in vars(lines[0])["failure"]
    assert world.run(NO_MACS).terminated == 1
    assert terminated(world) == ids("a", "b")


def test_what_failed_to_terminate_is_still_up(world: LiveConnections) -> None:
    """Its status says so, and each run tries again."""
    world.connect([client("a", platform="mac")])
    found = world.api._service.endpoints[ENDPOINT].find(*ids("a"))
    assert found is not None
    found.stubborn = True
    assert world.run(NO_MACS).terminated + world.run(NO_MACS).terminated + world.run(NO_MACS).terminated == 0
    assert len(world.api.terminations) == 3


def test_a_connection_that_is_gone_is_fine(world: LiveConnections) -> None:
    """Its client left between the scan and the termination."""
    world.connect([client("a", platform="mac"), client("b", platform="mac")])
    run = world.reauthorizer(NO_MACS)
    forget_scan = run._state.forget_scan

    def left() -> None:
        world.api.disconnect(ENDPOINT, *ids("a"))
        forget_scan()

    with mock.patch.object(run._state, "forget_scan", left):
        outcome = run.run()
    assert (terminated(world), outcome.terminated, outcome.failures) == (ids("b"), 1, 0)
    assert world.registered(*ids("a")) is None


def test_a_termination_whose_answer_is_lost_is_one(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """It is recorded and counted: the repeated call finds no connection any more."""
    world.connect([client("a", platform="mac")])
    run = world.reauthorizer(NO_MACS)
    terminate = run._vpn._client.terminate_client_vpn_connections
    lost: list[bool] = []

    def answer(**parameters: Any) -> Any:
        found = terminate(**parameters)
        if not lost:
            lost.append(True)
            world.api.disconnect(ENDPOINT, *ids("a"))
            raise ReadTimeoutError(endpoint_url="https://ec2")
        return found

    with mock.patch.object(run._vpn._client, "terminate_client_vpn_connections", answer):
        outcome = run.run()
    assert (outcome.terminated, outcome.failures) == (1, 0)
    assert "connection was terminated" in [line.getMessage() for line in lines]


def test_throttling_is_waited_for(world: LiveConnections) -> None:
    """Longer and longer, and within the run's time."""
    world.connect([client("a", platform="mac")])
    world.api.fail_next("DescribeClientVpnConnections", times=6)
    world.api.fail_next("TerminateClientVpnConnections", times=6)
    pauses: list[float] = []
    assert world.run(NO_MACS, sleep=pauses.append).terminated == 1
    assert max(pauses) <= 20
    assert len(pauses) > 4


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("answers", [True, False])
def test_what_fails_by_chance_is_repeated_twice(world: LiveConnections, times: int, *, answers: bool) -> None:
    """Be it an error of the service's own, or no answer at all."""
    world.connect([client("a", platform="mac")])
    run = world.reauthorizer(NO_MACS, sleep=lambda _: None)
    if answers:
        world.api.fail_next("DescribeClientVpnConnections", times=times, code="InternalError")
    else:
        no_answers(run, times=times)
    with (
        pytest.raises(ClientError if answers else ReadTimeoutError)
        if times == 3
        else contextlib.nullcontext()
    ):
        run.run()
    assert terminated(world) == ([] if times == 3 else ids("a"))


def test_no_time_is_spent_on_another_attempt(world: LiveConnections) -> None:
    """A run ends cleanly where EC2 does not answer: one attempt takes less time than it keeps for that."""
    left = [900_000]
    run = world.reauthorizer(NO_MACS, milliseconds=lambda: left[0])
    asked = no_answers(run, times=3, then=lambda: left.__setitem__(0, 19_000))
    assert (run.run().state, len(asked)) == ("unfinished", 1)
    config = run._vpn._client.meta.config
    assert config.connect_timeout + config.read_timeout < RESERVE_S


def no_answers(run: Reauthorizer, *, times: int, then: Callable[[], None] = lambda: None) -> list[str]:
    """Let EC2 not answer so many times; return what it was asked, as it is asked."""
    asked: list[str] = []

    def lose(request: AWSPreparedRequest, **_: object) -> None:
        asked.append(request.url)
        if len(asked) <= times:
            then()
            raise ReadTimeoutError(endpoint_url=request.url)

    run._vpn._client.meta.events.register("before-send.ec2", lose)
    return asked


def test_terminations_keep_below_the_rate_limit(world: LiveConnections) -> None:
    """One at a time, a quarter of a second before each."""
    world.connect(client(f"{number}", platform="mac") for number in range(5))
    pauses: list[float] = []
    world.run(NO_MACS, sleep=pauses.append)
    assert pauses == [0.25] * 5


def test_a_run_that_nears_its_time_leaves_the_rest_to_the_next(world: LiveConnections) -> None:
    """It stops cleanly between two terminations."""
    world.connect(client(f"{number}", platform="mac") for number in range(9))
    outcome = world.run(NO_MACS, milliseconds=out_of_time_after(20))
    assert outcome.state == "unfinished"
    assert 0 < outcome.terminated < 9
    assert outcome.scan is not None
    assert len(outcome.scan.candidates) == 9 - outcome.terminated
    pages = world.api.requests["DescribeClientVpnConnections"]
    assert world.run(NO_MACS).state == "complete"
    assert world.api.requests["DescribeClientVpnConnections"] == pages  # it has seen them all
    assert terminated(world) == ids(*map(str, range(9)))


def test_unknown_connections_are_left_alone(world: LiveConnections) -> None:
    """By default, even those where the registry only remembers a termination, and by the limit too."""
    world.connect(
        [client("a", registered=False), client("b"), client("c", username="b", age_s=90, registered=False)]
    )
    world.put(
        "connections",
        {"connectionId": {"S": ids("b")[0]}, "terminatedAt": {"S": "2026-11-22T09:00:00+00:00"}},
    )
    outcome = world.run(PERMIT.replace("permit", "forbid"), connections_per_user=1)
    assert (terminated(world), tally(outcome)) == ([], (0, 3, 0))


def test_unknown_connections_are_decided_on_what_the_service_tells(world: LiveConnections) -> None:
    """Only where nothing of the rest could permit them."""
    world.connect([client("mallory", registered=False), client("bob", registered=False)])
    blocked = '@id("blocked") forbid (principal == ClientVpn::User::"mallory", action, resource);'
    outcome = world.run(NO_MACS + blocked, unknown_connections=UnknownConnections.DECIDE)
    assert (terminated(world), tally(outcome)) == (ids("mallory"), (1, 1, 0))


def test_the_newest_connections_stay(world: LiveConnections, lines: list[logging.LogRecord]) -> None:
    """Of each user, whatever the case of the letters; without a user, of each device. What is denied does not count."""
    world.connect(
        [
            client("old", username="bob", age_s=900),
            client("new", username="BOB", age_s=60),
            client("denied", username="Bob", age_s=30, platform="mac"),
            client("middle", username="bob", age_s=300),
            client("alice", username="alice", age_s=9999),
            client("kiosk-old", username=None, common_name="kiosk", age_s=900),
            client("kiosk-new", username=None, common_name="kiosk", age_s=60),
            client("kiosk-newer", username=None, common_name="kiosk", age_s=30),
        ]
    )
    world.run(NO_MACS, connections_per_user=2)
    assert terminated(world) == sorted(ids("old", "denied", "kiosk-old"))
    reasons = {vars(line)["connection"]: vars(line)["reason"] for line in lines}
    assert reasons[ids("old")[0]] == "connection-limit"
    assert reasons[ids("denied")[0]] == "policies"


def test_the_limit_counts_unknown_connections_of_users_that_the_service_names(world: LiveConnections) -> None:
    """The owner of a connection without a user is unknown: the same certificate may be that of many."""
    world.connect(
        [
            client("old", username="bob", age_s=90, registered=False),
            client("new", username="bob", registered=False),
            client("one", username=None, common_name="shared", age_s=90, registered=False),
            client("other", username=None, common_name="shared", registered=False),
        ]
    )
    world.run(PERMIT, connections_per_user=1, unknown_connections=UnknownConnections.DECIDE)
    assert terminated(world) == ids("old")


def test_the_limit_ends_nobody_whose_newer_connection_has_ended(world: LiveConnections) -> None:
    """Between two runs of a scan, for example: then the older one is the only one."""
    world.connect([client("old", username="bob", age_s=90), client("new", username="bob", age_s=30)])
    world.connect([client("a-mac", username="alice", platform="mac")])
    outcome = world.run(NO_MACS, connections_per_user=1, milliseconds=out_of_time_after(5))
    assert (outcome.scanned, terminated(world)) == (True, [])
    world.api.disconnect(ENDPOINT, *ids("new"))
    assert world.run(NO_MACS, connections_per_user=1).state == "complete"
    assert terminated(world) == ids("a-mac")


def test_a_connection_beyond_the_limit_is_recorded_with_what_the_service_tells(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """So that an administrator learns who was disconnected."""
    world.connect(
        client(name, username="bob", common_name="laptop", age_s=age, registered=False)
        for name, age in (("old", 90), ("new", 30))
    )
    world.run(PERMIT, connections_per_user=1, unknown_connections=UnknownConnections.DECIDE)
    (record,) = (vars(line) for line in lines if vars(line).get("reason") == "connection-limit")
    assert record["told"] == {"username": "bob", "commonName": "laptop"}


def test_the_limit_is_over_endpoints_and_runs(world: LiveConnections) -> None:
    """Even if the scan takes several runs."""
    two = replace(world, endpoints=(ENDPOINT, OTHER_ENDPOINT))
    world.api.add_endpoint(OTHER_ENDPOINT)
    two.connect(client(f"{number:04}") for number in range(150))
    two.connect([client("second", username="0000", endpoint_id=OTHER_ENDPOINT, age_s=30)])
    runs(lambda: two.run(PERMIT, connections_per_user=1, milliseconds=out_of_time_after(6)))
    assert terminated(two) == ids("0000")


def test_an_endpoint_that_does_not_exist_keeps_nobody_from_the_others(world: LiveConnections) -> None:
    """It is reported."""
    two = replace(world, endpoints=(OTHER_ENDPOINT, ENDPOINT))
    two.connect([client("a", platform="mac")])
    outcome = two.run(NO_MACS)
    assert (outcome.missing, terminated(two)) == ([OTHER_ENDPOINT], ids("a"))


@pytest.mark.parametrize("code", ["InternalError", "UnauthorizedOperation"])
def test_fails_when_connections_cannot_be_listed(world: LiveConnections, code: str) -> None:
    """The run fails, nothing is terminated, and the next run is not locked out."""
    world.connect(client(f"{number:04}", platform="mac") for number in range(110))
    world.api.fail_next("DescribeClientVpnConnections", times=9, code=code, status=HTTPStatus.FORBIDDEN)
    run = world.reauthorizer(NO_MACS)
    with pytest.raises(ClientError, match=code):
        run.run()
    assert terminated(world) == []
    state = world.registered(STATE)
    assert state is not None
    assert "lease" not in state


def test_fails_when_the_registry_cannot_be_read(world: LiveConnections) -> None:
    """Then nothing is known of any connection, and none is ended."""
    world.connect([client("a", platform="mac")])
    world.delete_table("connections")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        world.run(NO_MACS, unknown_connections=UnknownConnections.DECIDE)
    assert terminated(world) == []


class Crash(BaseException):
    """The process is killed: not even the lease is given back."""


STEPS = [
    (ReauthorizerState, "take_lease"),
    (ReauthorizerState, "saved_scan"),
    (ClientVpn, "page"),
    (ConnectionTable, "find"),
    (Evaluator, "evaluate"),
    (ConnectionTable, "remove"),
    (ReauthorizerState, "save_scan"),
    (ReauthorizerState, "forget_scan"),
    (ConnectionTable, "complete"),
    (ReauthorizerState, "require_lease"),
    (ConnectionTable, "remember_termination"),
    (ClientVpn, "terminate"),
    (Tables, "update"),
    (Tables, "delete"),
    (Tables, "put"),
    (ReauthorizerState, "release_lease"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("kind", "step"), STEPS, ids=lambda value: getattr(value, "__name__", value))
def test_a_crash_loses_nothing(world: LiveConnections, kind: type, step: str, when: str) -> None:
    """Wherever a run is killed, before a step or after it, the next ones end all that is denied, and once."""
    world.connect(
        client(f"{number:04}", platform="mac" if number % 30 == 0 else "win") for number in range(130)
    )
    world.api.disconnect(ENDPOINT, *ids("0001"))
    original = getattr(kind, step)

    def crashing(self: object, *arguments: Any, **keywords: Any) -> None:
        if when == "after":
            original(self, *arguments, **keywords)
        raise Crash

    def killed(self: object) -> None:
        """Nothing is tidied up."""

    for milliseconds in (out_of_time_after(4), lambda: 900_000):
        run = world.reauthorizer(NO_MACS, milliseconds=milliseconds)
        with (
            mock.patch.object(kind, step, crashing),
            mock.patch.object(type(run), "_release", killed),
            contextlib.suppress(Crash),
        ):
            run.run()
        _let_time_pass(world)
    for _ in range(9):
        if not world.run(NO_MACS).terminated:
            break
        _let_time_pass(world)
    assert terminated(world) == ids("0000", "0030", "0060", "0090", "0120")
    assert world.registered(*ids("0001")) is None


def _let_time_pass(world: LiveConnections) -> None:
    """Let the lease of a killed run end, and the time while a termination may not show yet."""
    world.forget(STATE, "lease", "leaseUntil", "leaseWork")
    for id_ in ids("0000", "0030", "0060", "0090", "0120"):
        world.forget(id_, "terminatedAt")


def test_policies_count_what_the_service_lists(world: LiveConnections) -> None:
    """Not those that ended, not those never established, and not those at unwatched endpoints."""
    counting = f'@id("one") forbid (principal, action, resource) when {{ {NEW} > 3 }};'
    ours = client("this", username="bob").request()
    with pytest.raises(NotCounted, match="no re-authorizer has completed a scan"):
        registry_of(world).others(ours)
    world.run(PERMIT + counting)
    later = datetime.now(UTC) + timedelta(seconds=1)
    with mock.patch("local_aws.live_connections.datetime", wraps=datetime) as clock:
        clock.now.return_value = later
        world.connect([client("old", username="bob", age_s=9000)])
        world.connect([client(name, username="bob", age_s=0) for name in ("open", "gone")])
        world.connect([client("not-this", username="alice", age_s=0)])
    world.api.disconnect(ENDPOINT, *ids("gone"))
    ghost = world.registered(*ids("open"))
    assert ghost is not None
    world.put("connections", ghost | {"connectionId": {"S": "ghost"}})
    world.put(
        "connections", ghost | {"connectionId": {"S": "elsewhere"}, "endpointId": {"S": OTHER_ENDPOINT}}
    )

    def count() -> int:
        return len(registry_of(world).others(ours))

    assert count() == 3  # open, gone, and the ghost, which may still be about to connect
    world.run(PERMIT + counting)
    assert count() == 3  # open, old and the ghost
    with mock.patch("client_connect.reauthorizer.run._ESTABLISHING", timedelta(seconds=-60)):
        world.run(PERMIT + counting)
    assert count() == 2


def test_a_limit_counts_once_a_run_has_confirmed_by_policies_that_count(world: LiveConnections) -> None:
    """However many runs by others were complete; an old connection counts from then on, whenever it began."""
    counting = f'@id("one") forbid (principal, action, resource) when {{ {NEW} > 3 }};'
    ours = client("this", username="bob").request()
    world.connect([client("old", username="bob", age_s=18_000)])
    for _ in range(2):
        world.run(PERMIT)
    with pytest.raises(NotCounted):
        registry_of(world).others(ours)
    world.run(PERMIT + counting)
    assert [each.connection_id for each in registry_of(world).others(ours)] == ids("old")
    world.put("connections", (world.registered(STATE) or {}) | {"countsValidUntil": {"N": "1"}})
    with pytest.raises(NotCounted):
        registry_of(world).others(ours)
    for _ in range(2):  # after an outage of the re-authorizer
        world.run(PERMIT + counting)
    assert [each.connection_id for each in registry_of(world).others(ours)] == ids("old")


def registry_of(world: LiveConnections) -> ConnectionTable:
    """Return the registry as the handler has it."""
    with world.reached():
        return ConnectionTable(Tables(), name=f"{world.name}-connections")


def test_what_the_handler_registers_is_what_is_decided_again(world: LiveConnections) -> None:
    """The request is complete, with the decision and its policies next to it."""
    registry, facts = registry_of(world), Facts(client("a", groups=("staff",)).request())
    registry.record(facts, Decision(allowed=True, determining=("all",)), policies="a1b2")
    found = registry.find(ids("a", "b"))
    entry = RegisteredConnection(request=facts.request, principal="user:a", username="a")
    assert found == dict(zip(ids("a"), [entry], strict=True))
    item = world.registered(*ids("a"))
    assert item is not None
    assert json.loads(item["decision"]["S"])["determining"] == ["all"]
    assert item["policies"] == {"S": "a1b2"}


def test_the_first_record_of_a_connection_stands(world: LiveConnections) -> None:
    """Whoever may invoke the handler changes neither what a connection asked nor what the re-authorizer keeps."""
    registry, first = registry_of(world), client("a", username="mallory").request()
    registry.record(Facts(first), Decision(allowed=True), policies="a1b2")
    registry.record(Facts(first._replace(username="bob")), Decision(allowed=True), policies="a1b2")
    assert registry.find(ids("a"))[ids("a")[0]].request == first
    for forged in (STATE, f"{STATE}-1-0"):
        request = first._replace(connection_id=forged)
        with pytest.raises(ValueError, match="is not the id of a connection"):
            registry.record(Facts(request), Decision(allowed=True), policies="a1b2")
        assert world.registered(forged) is None


def test_what_only_remembers_a_termination_is_no_record(world: LiveConnections) -> None:
    """A connection is registered all the same."""
    registry, request = registry_of(world), client("a").request()
    registry.remember_termination(request.connection_id, now=datetime.now(UTC))
    registry.record(Facts(request), Decision(allowed=True), policies="a1b2")
    assert registry.find(ids("a"))[ids("a")[0]].request == request


def test_a_connection_that_has_ended_is_not_confirmed(world: LiveConnections) -> None:
    """It would come back, and count, until its item expires."""
    world.connect([client("a")])
    registry = registry_of(world)
    for id_ in ids("a", "b"):
        registry.confirm(id_)
    assert [each.confirmed for each in registry.find(ids("a")).values()] == [True]
    assert world.registered(*ids("b")) is None


def test_a_termination_is_remembered_for_a_day(world: LiveConnections) -> None:
    """Of a connection that is not registered too; of one that is, no longer than the connection itself."""
    registry, now = registry_of(world), datetime.now(UTC)
    world.connect([client("a", age_s=7200)])
    before = world.registered(*ids("a"))
    assert before is not None
    for id_ in ids("a", "b"):
        registry.remember_termination(id_, now=now)
    found = registry.find(ids("a", "b"))
    assert [found[id_].terminated for id_ in ids("a", "b")] == [
        now.replace(microsecond=now.microsecond // 1000 * 1000)
    ] * 2
    after, unregistered = world.registered(*ids("a")), world.registered(*ids("b"))
    assert after is not None
    assert unregistered is not None
    assert after["expiresAt"] == before["expiresAt"]
    assert int(unregistered["expiresAt"]["N"]) == int(now.timestamp()) + 26 * 3600


def test_connections_count_on_all_endpoints_of_a_scan(emulator: Emulator, api: ClientVpnApi) -> None:
    """A user has them wherever they are."""
    two = LiveConnections(emulator=emulator, api=api, endpoints=(ENDPOINT, OTHER_ENDPOINT))
    two.create()
    two.run(f'{PERMIT}@id("one") forbid (principal, action, resource) when {{ {NEW} > 3 }};')
    registry = registry_of(two)
    for name, endpoint in (("a", ENDPOINT), ("b", OTHER_ENDPOINT)):
        facts = Facts(client(name, username="bob", endpoint_id=endpoint).request())
        registry.record(facts, Decision(allowed=True), policies="a1b2")
    assert len(registry.others(client("c", username="BOB").request())) == 2


def test_out_of_time_while_throttled(world: LiveConnections) -> None:
    """A call that is throttled to the end leaves no mark that would protect a connection."""
    world.connect([client("a", platform="mac")])
    run = world.reauthorizer(NO_MACS)
    with mock.patch.object(ClientVpn, "terminate", side_effect=OutOfTime):
        assert run.run().state == "unfinished"
    assert world.run(NO_MACS).terminated == 1


def test_connections_of_other_endpoints_are_not_touched(world: LiveConnections) -> None:
    """Only those of its endpoints are listed."""
    world.api.add_endpoint(OTHER_ENDPOINT)
    world.api.connect(OTHER_ENDPOINT, [Connection(connection_id="x")])
    world.run(PERMIT.replace("permit", "forbid"), unknown_connections=UnknownConnections.DECIDE)
    assert terminated(world) == []


def test_after_a_change_of_the_policies_it_reports_before_it_ends_anything(world: LiveConnections) -> None:
    """A bad policy would otherwise end everybody below the cap within a minute of its deployment."""
    world.connect([client("mac", platform="mac"), client("win")])
    with world.reached():
        world.run(PERMIT, wait_s=600)
        with captured() as log:
            outcome = world.run(NO_MACS, wait_s=600)
            world.reauthorizer(NO_MACS)._records.of_run(outcome, milliseconds=1)
        record = log.record()
        assert (record["level"], record["scan"]["deniedBy"]) == ("WARNING", {"no-macs": 1})
        assert record["waitsUntil"] > record["at"]
        assert terminated(world) == []
        # Neither a later run within the wait, nor going back and forth, ends anything.
        for policies in (NO_MACS, PERMIT, NO_MACS):
            world.run(policies, wait_s=600)
        assert terminated(world) == []
        age(world, seconds=599)
        world.run(NO_MACS, wait_s=600)
        assert terminated(world) == []
        age(world, seconds=2)
        assert world.run(NO_MACS, wait_s=600).waits_until is None
    assert terminated(world) == ids("mac")


def test_a_wait_that_somebody_wrote_far_ahead_does_not_spare_anybody_for_long(world: LiveConnections) -> None:
    """It begins again, and is over after its own time; nothing that is no time stops a run."""
    world.connect([client("mac", platform="mac")])
    with world.reached():
        for value in ({"N": "9e15"}, {"N": "-1"}, {"S": "x"}):
            world.run(NO_MACS, wait_s=600)
            write_since(world, value)
        world.run(NO_MACS, wait_s=0)
    assert terminated(world) == ids("mac")


def age(world: LiveConnections, *, seconds: float) -> None:
    """Let so much time pass since the policies changed."""
    item = world.registered(STATE)
    assert item is not None
    write_since(world, {"N": str(float(item["policiesSince"]["N"]) - seconds)})


def write_since(world: LiveConnections, value: dict[str, str]) -> None:
    """Write since when the policies are in force."""
    world.emulator.client("dynamodb").update_item(
        TableName=f"{world.name}-connections",
        Key={"connectionId": {"S": STATE}},
        UpdateExpression="SET policiesSince = :since",
        ExpressionAttributeValues={":since": value},
    )
