"""Each alarm is held against the failure that it names, and against nights, weekends and working days without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_logs as logs

from cdk_client_connect import ConnectionReauthorizer, Policies
from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS
from tests.support.alarm_evaluation import state
from tests.support.events import PERMIT

from .test_monitoring import ENDPOINT_ID, alarms, device_sync, full_handler, monitored, new_stack, template

if TYPE_CHECKING:
    from collections.abc import Callable

Series = dict[tuple[str, str], list[list[float]]]

DAY = 288
LAMBDA, OURS, VPN, LOGS = "AWS/Lambda", "ClientConnect", "AWS/ClientVPN", "AWS/Logs"
# In AWS these differ by the function; here all functions are well or ill together.
FAILURES = ("Errors", "Throttles", "AsyncEventsDropped")


@pytest.fixture(scope="module")
def defined() -> dict[str, dict[str, Any]]:
    """All alarms, of a handler without shadow mode."""
    stack = new_stack()
    handler = full_handler(stack, policies=Policies.from_string(PERMIT))
    reauthorizer = ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    monitored(
        stack,
        handler,
        reauthorizer=reauthorizer,
        device_syncs=[device_sync(stack, handler)],
        connection_log_group=logs.LogGroup(stack, "ConnectionLog"),
        certificates={"Server": "arn:aws:acm:eu-central-1:111111111111:certificate/1"},
    )
    return alarms(template(stack))


def of(name: str, defined: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the alarm of a definition, of its one endpoint or sync."""
    (found,) = (alarm for id_, alarm in defined.items() if id_.startswith(name))
    return found


def healthy(
    connections: Callable[[int], int], periods: int = 2 * DAY, denied: Callable[[int], int] = lambda _: 0
) -> Series:
    """Return what is measured when all is well.

    Args:
        connections: How many connections are allowed in a period.
        periods: How many periods there are.
        denied: How many are denied in a period, rightly.
    """
    found: Series = {}

    def put(namespace: str, name: str, sampled: Callable[[int], list[float]]) -> None:
        found[namespace, name] = [sampled(at) for at in range(periods)]

    def answers(at: int, value: float, otherwise: float) -> list[float]:
        return [value] * connections(at) + [otherwise] * denied(at)

    put(OURS, "Allowed", lambda at: answers(at, 1, 0))
    put(OURS, "Denied", lambda at: answers(at, 0, 1))
    for name in ("Errors", "ShadowDenied"):
        put(OURS, name, lambda at: answers(at, 0, 0))
    put(LAMBDA, "Invocations", lambda at: answers(at, 1, 1))
    put(LAMBDA, "Duration", lambda at: answers(at, 20, 20))
    for name in FAILURES:
        put(LAMBDA, name, lambda at: answers(at, 0, 0))
    put(LAMBDA, "ProvisionedConcurrencySpilloverInvocations", lambda at: answers(at, 0, 0))
    for name in (
        "Reauthorized",
        "Undecided",
        "CapExceeded",
        "TerminationFailures",
        "MissingEndpoints",
        "Terminated",
    ):
        put(OURS, name, lambda _: [0])
    for name in ("SyncBrakeEngaged", "SyncCredentialsRejected"):
        put(OURS, name, lambda at: [] if at % 3 else [0])
    put(OURS, "SyncComplete", lambda at: [] if at % 3 else [1])
    put(OURS, "SyncSecretDaysToExpiry", lambda at: [] if at % 3 else [200])
    put(VPN, "CrlDaysToExpiry", lambda _: [90])
    put(VPN, "IdpCertDaysToExpiry", lambda _: [400])
    put("AWS/CertificateManager", "DaysToExpiry", lambda at: [] if at % 144 else [300])
    return found


def of_functions(samples: Series) -> Series:
    """Return the series as those of functions that run by a schedule see them: a run in each period."""
    runs = [[1.0]] * len(samples[LAMBDA, "Invocations"])
    return {**samples, (LAMBDA, "Invocations"): runs}


def seen(name: str, samples: Series) -> Series:
    """Return what an alarm sees, by the function that it looks at."""
    return of_functions(samples) if name in ("ReauthorizerStopped", "DeviceSyncStopped") else samples


DAYS: dict[str, tuple[Callable[[int], int], Callable[[int], int]]] = {
    "a night without connections": (lambda _: 0, lambda _: 0),
    "a weekend with a connection now and then": (lambda at: int(at % 29 == 0), lambda _: 0),
    "a night with one user who is rightly denied": (lambda _: 0, lambda at: 2 * (at % 40 == 0)),
    "a working day": (lambda at: 3 + at % 7, lambda at: int(at % 11 == 0)),
    "a morning after a night": (lambda at: 0 if at % DAY < 96 else 40 if at % DAY < 110 else 2, lambda _: 0),
}


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_no_alarm_without_a_failure(defined: dict[str, dict[str, Any]], definition: Any, day: str) -> None:
    """At no time of the day, and missing data is never left undecided."""
    samples = seen(definition.name, healthy(*(DAYS[day][:1]), denied=DAYS[day][1]))
    alarm = of(definition.name, defined)
    for end in range(DAY, 2 * DAY, 7):
        until = {name: series[:end] for name, series in samples.items()}
        assert state(alarm, until, periods=end) == "OK"


def failing(name: str, value: float, *, times: int = 1, periods: int = 1, namespace: str = OURS) -> Series:
    """Return a metric with samples in the last periods."""
    return {(namespace, name): [[value] * times] * periods}


def unrecorded(periods: int, invocations: int, recorded: int = 0, *, every: int = 1) -> Series:
    """Return invocations only some of which have a record."""
    active = [at % every == 0 for at in range(periods)]
    return {
        (LAMBDA, "Invocations"): [[1.0] * invocations * each for each in active],
        (LAMBDA, "Errors"): [[0.0] * invocations * each for each in active],
        (OURS, "Allowed"): [[1.0] * recorded * each for each in active],
    }


def denials(denied: int, allowed: int = 0) -> Series:
    """Return decisions in the last period."""
    return {
        (OURS, "Allowed"): [[1.0] * allowed + [0.0] * denied],
        (OURS, "Denied"): [[0.0] * allowed + [1.0] * denied],
    }


# The failure that each alarm names; for some in several ways.
FAILED: list[tuple[str, str, Series]] = [
    ("HandlerErrors", "an import fails", failing("Errors", 1, namespace=LAMBDA)),
    ("HandlerThrottles", "reserved concurrency of 0", failing("Throttles", 1, namespace=LAMBDA)),
    ("HandlerLatency", "a slow table", failing("Duration", 9000, namespace=LAMBDA)),
    ("HandlerTimeouts", "a timeout", failing("ClientConnectHandlerTimeouts", 1, namespace=VPN)),
    (*("ExecutionErrors", "no role"), failing("ClientConnectHandlerOtherExecutionErrors", 1, namespace=VPN)),
    (
        *("InvalidResponses", "other function"),
        failing("ClientConnectHandlerInvalidResponses", 1, namespace=VPN),
    ),
    ("ServiceErrors", "an outage", failing("ClientConnectHandlerFailedServiceErrors", 1, namespace=VPN)),
    (
        *("Spillover", "more than is provisioned"),
        failing("ProvisionedConcurrencySpilloverInvocations", 1, times=12, namespace=LAMBDA),
    ),
    ("DecisionErrors", "a policy fails", failing("Errors", 1)),
    ("EveryoneDenied", "five denials", denials(5)),
    ("EveryoneDenied", "a company", denials(400)),
    ("RecordsLost", "no log group on a working day", unrecorded(2, 7)),
    ("RecordsLost", "no log group with a connection now and then", unrecorded(12, 1, every=6)),
    ("RecordsLost", "a third is lost", unrecorded(3, 90, 60)),
    ("RecordsLost", "there never was a record", unrecorded(DAY, 3)),
    ("UnexpectedShadowMode", "shadow mode by hand", failing("ShadowMode", 1)),
    ("UnexpectedShadowMode", "policies with @shadow by hand", failing("ShadowDenied", 1)),
    (
        *("DenialBurst", "ten times as many"),
        {(OURS, "Denied"): [*([1.0] * (at % 3) for at in range(DAY)), *[[1.0] * 30] * 3]},
    ),
    (
        *("AuthorizationPolicyDenials", "ten times as many"),
        {
            (VPN, "AuthorizationPolicyDeniedConnections"): [
                *([float(at % 3)] for at in range(DAY)),
                *[[30.0]] * 3,
            ]
        },
    ),
    (
        *("AuthorizationPolicyTerminations", "many sessions"),
        failing("AuthorizationPolicyTerminatedConnections", 12, namespace=VPN),
    ),
    ("CrlExpiry", "a month", failing("CrlDaysToExpiry", 30, namespace=VPN)),
    ("IdpCertificateExpiry", "a month", failing("IdpCertDaysToExpiry", 30, namespace=VPN)),
    ("CertificateExpiry", "a month", failing("DaysToExpiry", 30, namespace="AWS/CertificateManager")),
    ("InventoryErrors", "no table", failing("InventoryErrors", 1)),
    ("WaiverErrors", "a malformed waiver", failing("WaiverErrors", 1)),
    ("RegistryErrors", "no table", failing("RegistryErrors", 1)),
    ("OpenConnectionsErrors", "EC2 throttles", failing("OpenConnectionsErrors", 1)),
    ("CapExceeded", "a policy for everyone", failing("CapExceeded", 1)),
    ("MassTermination", "a small fleet", failing("TerminatedByPolicies", 5)),
    ("MassTermination", "several runs", failing("TerminatedByPolicies", 2, times=3)),
    ("Undecided", "a table is down", failing("Undecided", 4, periods=3)),
    ("TerminationFailures", "EC2 refuses", failing("TerminationFailures", 4, periods=3)),
    ("ReauthorizerIncomplete", "an endpoint is gone", failing("MissingEndpoints", 1)),
    ("ReauthorizerErrors", "each run fails", failing("Errors", 1, periods=3, namespace=LAMBDA)),
    ("ReauthorizerStopped", "its rule is disabled", {}),
    (
        *("ReauthorizerStopped", "each run fails"),
        {(LAMBDA, "Invocations"): [[1.0]] * 6, (LAMBDA, "Errors"): [[1.0]] * 6},
    ),
    ("DeviceSyncStopped", "its rule is disabled", {}),
    ("DeviceSyncBrake", "half of the devices are gone", failing("SyncBrakeEngaged", 1)),
    ("DeviceSyncCredentials", "an expired secret", failing("SyncCredentialsRejected", 1)),
    ("DeviceSyncSecretExpiry", "two weeks", failing("SyncSecretDaysToExpiry", 14)),
    ("NotificationErrors", "the forwarder fails", failing("Errors", 1, namespace=LAMBDA)),
    ("NotificationErrors", "it cannot be invoked", failing("DeliveryErrors", 1, namespace=LOGS)),
]


@pytest.mark.parametrize(
    ("name", "failure", "samples"), FAILED, ids=[f"{name}: {what}" for name, what, _ in FAILED]
)
def test_an_alarm_fires_for_its_failure(
    defined: dict[str, dict[str, Any]], name: str, failure: str, samples: Series
) -> None:
    """After a day of its metrics, or without any before."""
    assert state(of(name, defined), samples, periods=DAY + 3) == "ALARM", failure


def test_each_alarm_has_its_failure() -> None:
    """None is left out."""
    assert {name for name, *_ in FAILED} == {definition.name for definition in DEFINITIONS}


HARMLESS: list[tuple[str, str, Series]] = [
    ("EveryoneDenied", "four denials", denials(4)),
    ("EveryoneDenied", "others get in", denials(50, allowed=1)),
    ("RecordsLost", "the record is of the next period", unrecorded(1, 1)),
    ("RecordsLost", "few of many are of the next period", unrecorded(12, 100, 96)),
    (
        "RecordsLost",
        "each invocation failed",
        {(LAMBDA, n): [[1.0] * 4] * 3 for n in ("Invocations", "Errors")},
    ),
    ("MassTermination", "one device after another", failing("TerminatedByPolicies", 4)),
    ("MassTermination", "newer connections win", failing("Terminated", 40)),
]


@pytest.mark.parametrize(
    ("name", "what", "samples"), HARMLESS, ids=[f"{name}: {what}" for name, what, _ in HARMLESS]
)
def test_an_alarm_stays_quiet_for_what_is_harmless(
    defined: dict[str, dict[str, Any]], name: str, what: str, samples: Series
) -> None:
    """Data that looks like the failure."""
    assert state(of(name, defined), samples, periods=DAY) == "OK", what


@pytest.mark.parametrize(
    ("shadow_mode", "policies", "metrics"),
    [
        (False, PERMIT, {"ShadowMode", "ShadowDenied"}),
        (False, PERMIT + '@id("try") @shadow forbid (principal, action, resource);', {"ShadowMode"}),
        (True, PERMIT, None),
    ],
    ids=["enforcing", "a policy in shadow mode", "the handler in shadow mode"],
)
def test_shadow_mode_is_unexpected_where_the_template_has_none(
    policies: str, metrics: set[str] | None, *, shadow_mode: bool
) -> None:
    """Shadow mode set by the template is no drift."""
    stack = new_stack()
    handler = full_handler(stack, policies=Policies.from_string(policies), shadow_mode=shadow_mode)
    monitored(stack, handler)
    found = alarms(template(stack)).get("UnexpectedShadowMode")
    watched = (
        None
        if found is None
        else {
            each["MetricStat"]["Metric"]["MetricName"]
            for each in found.get("Metrics", ())
            if "MetricStat" in each
        }
        | ({found["MetricName"]} if "MetricName" in found else set())
    )
    assert watched == metrics
