"""``make acceptance`` on this machine: its checks pass, and whatever happens, nothing of it is left."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from acceptance import leftovers, policies
from acceptance.checks import CLAIMS, clients
from acceptance.claims import Observed, judge
from acceptance.here import Here
from acceptance.report import failures
from acceptance.run import run, verdicts
from acceptance.sandbox import Sandbox
from local_aws.emulator import ROOT
from tests.support.apps import synthesize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local_aws.emulator import Emulator

# A whole run is one fixture: more than a minute, and several where the machine is busy.
pytestmark = [pytest.mark.vpn, pytest.mark.e2e, pytest.mark.timeout(900)]


class Broken(Exception):
    """Something else went wrong."""


@pytest.fixture(scope="module")
def place(account: Emulator) -> Iterator[Here]:
    """This machine, with a new account."""
    with Here(emulator=account) as place:
        yield place


@pytest.fixture
def synthesizer(place: Here) -> Callable[[Mapping[str, str]], str]:
    """Synthesize in this process, which has the CDK already."""
    return lambda context: synthesize(
        ROOT / "acceptance" / "app.py", place.directory / f"{context['run']}.out", context
    )


@pytest.fixture(scope="module")
def observed(place: Here) -> Observed:
    """The observations of one whole run."""
    sandbox = Sandbox(
        place,
        synthesize=lambda context: synthesize(
            ROOT / "acceptance" / "app.py", place.directory / "run.out", context
        ),
    )
    return run(sandbox, print)


def in_account(place: Here) -> dict[str, set[str]]:
    """Return the names of what there is in the account.

    But for the re-authorizer's log: where the function still runs when its log group is deleted, the emulator makes it
    again. On AWS its role may not.
    """
    groups = [each["logGroupName"] for each in place.client("logs").describe_log_groups()["logGroups"]]
    roles = place.client("iam").list_roles()["Roles"]
    stacks = place.client("cloudformation").describe_stacks()["Stacks"]
    certificates = place.client("acm").list_certificates()["CertificateSummaryList"]
    return {
        "stacks": {each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"},
        "functions": {each["FunctionName"] for each in place.client("lambda").list_functions()["Functions"]},
        "roles": {each["RoleName"] for each in roles if "aws-service-role" not in each["Path"]},
        "tables": set(place.client("dynamodb").list_tables()["TableNames"]),
        "log groups": {each for each in groups if "ReauthorizerLog" not in each},
        "certificates": {each["CertificateArn"] for each in certificates},
        "rules": {each["Name"] for each in place.client("events").list_rules()["Rules"]},
    }


def test_the_checks_pass_here_or_say_that_they_need_aws(observed: Observed) -> None:
    """Every one that needs no AWS has passed."""
    found = verdicts(observed)
    assert failures(found) == []
    assert {each.claim.name: each.status for each in found} == {
        claim.name: "not here" if claim.needs_aws else "passed" for claim in CLAIMS
    }


def test_the_same_observations_would_be_judged_on_aws(observed: Observed) -> None:
    """All but the umlauts, because the server here takes at most 255 bytes: that check fails by itself."""
    on_aws = Observed(is_aws=True, values=observed.values)
    found = {claim.name: judge(claim, on_aws) for claim in CLAIMS}
    unseen = {claim.name for claim in CLAIMS if not set(claim.reads) <= observed.values.keys()}
    failed = {name for name, verdict in found.items() if verdict.status != "passed"} - unseen
    assert failed == {"message-characters"}
    (failure,) = failures([found["message-characters"]])
    assert failure.startswith(
        'docs/concepts.md says "The response has at most one message, of at most 255 characters'
    )


def test_the_event_is_kept(observed: Observed) -> None:
    """As the endpoint has sent it, by way of another function; then the endpoint has its handler again."""
    event = observed.values["event"]["event"]
    assert (event["common-name"], event["platform"]) == (policies.ALLOWED, "linux")


def test_a_run_leaves_nothing(place: Here, observed: Observed) -> None:
    """In the whole account, not only of what the program looks for."""
    assert observed.values["leftovers"] == []
    left = in_account(place)
    assert {stack for stack in left["stacks"] if not stack.startswith("CDKToolkit")} == set()
    assert {name for names in left.values() for name in names if "cceptance" in name} == set()
    assert (left["certificates"], left["tables"]) == (set(), set())


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt this process, even if it was started in the background, which ignores it."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("end", ["Ctrl-C twice", "failure"])
def test_what_ends_a_deployment_in_the_middle_leaves_nothing(
    place: Here, synthesizer: Callable[[Mapping[str, str]], str], end: str
) -> None:
    """Everything created until then goes; neither a second Ctrl-C nor a closed terminal keeps that from happening."""
    before = in_account(place)
    resources: list[str] = []

    def detail(line: str) -> None:
        if "CREATE_COMPLETE" in line:
            resources.append(line)
        if len(resources) == 5 and "CREATE_COMPLETE" in line:
            if end == "failure":
                raise Broken
            os.kill(os.getpid(), signal.SIGINT)

    def report(line: str) -> None:
        if line.startswith("Deleting"):
            if end == "failure":
                raise BrokenPipeError
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Broken if end == "failure" else KeyboardInterrupt):
        Sandbox(place, report=report, detail=detail, synthesize=synthesizer).__enter__()
    assert len(resources) >= 5
    assert leftovers.find(place) == []
    assert in_account(place) == before


@pytest.fixture(scope="module")
def killed(place: Here) -> Sandbox:
    """The resources of a run that was killed."""
    sandbox = Sandbox(
        place,
        synthesize=lambda context: synthesize(
            ROOT / "acceptance" / "app.py", place.directory / "killed.out", context
        ),
    )
    sandbox._create()
    return sandbox


def test_an_endpoint_that_asks_nobody_is_found_out(place: Here, killed: Sandbox) -> None:
    """Real clients are let in that the documentation says are denied; the failure names the sentences."""
    place.client("ec2").modify_client_vpn_endpoint(
        ClientVpnEndpointId=killed.endpoint_id, ClientConnectOptions={"Enabled": False}
    )
    visits = next(each for each in clients.OBSERVATIONS if each.name == "visits")
    lied = Observed(is_aws=False, values={"visits": visits.observe(killed)})
    found = {claim.name: judge(claim, lied) for claim in CLAIMS if claim.reads == ("visits",)}
    assert {name for name, verdict in found.items() if verdict.status == "failed"} == {
        *("clients-decided", "default-message", "message-length")
    }
    (failure,) = failures([found["clients-decided"]])
    assert failure.startswith(
        'docs/why.md says "Nothing is permitted by default, and a forbid beats every permit"'
    )
    assert failure.endswith(", but acceptance-denied was up, not refused; stranger was up, not refused")


def test_what_a_killed_run_has_left_is_found_and_removed(place: Here, killed: Sandbox) -> None:
    """And nothing else: neither another stack's table nor a certificate without the tag."""
    tables, acm = place.client("dynamodb"), place.client("acm")
    server = place.authority.server("other.example.com")
    foreign = acm.import_certificate(
        Certificate=server.certificate.read_bytes(),
        PrivateKey=server.key.read_bytes(),
        Tags=[{"Key": "owner", "Value": "client-connect-acceptance"}],
    )["CertificateArn"]
    tables.create_table(
        TableName="ClientConnectAcceptance-mine",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    found = leftovers.find(place)
    assert {each.kind for each in found} == {"stack", "certificate", "table", "log group"}
    assert {each.run for each in found} == {killed.run}
    assert leftovers.remove(place, found) == []
    assert leftovers.remove(place, leftovers.find(place)) == []
    assert leftovers.find(place) == []
    left = in_account(place)
    assert (left["certificates"], left["tables"]) == ({foreign}, {"ClientConnectAcceptance-mine"})
    still = [name for kind in ("stacks", "functions", "roles", "rules") for name in left[kind]]
    assert [name for name in still if killed.run in name] == []
