"""The monitoring: events of denials, saved queries, the metric filter and the alarms."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance import policies
from acceptance.claims import Claim, Observation
from acceptance.log_events import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acceptance.sandbox import Sandbox

_QUEUE_SECONDS = 300.0
_QUERY_SECONDS = 120.0
_POLL_SECONDS = 2.0
_RUNNING = ("Scheduled", "Running")
# Alarms that the run itself causes: it denies most of its clients.
_CAUSED = ("Denial", "Denied", "ReauthorizerStopped")
_DENIALS_QUERY = "Denials by reason"
_FAILED = "client-connect-failed"


def _received(sandbox: Sandbox, output: str, until: Callable[[list[Any]], bool]) -> list[Any]:
    """Return what has arrived in a queue, when it is complete or the time is over."""
    sqs, url = sandbox.place.client("sqs"), sandbox.outputs[output]
    found: list[Any] = []
    deadline = time.monotonic() + _QUEUE_SECONDS
    while not until(found) and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        for message in answer.get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def _denials(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the events of denials, when that of the denied client is among them."""
    return _received(sandbox, "DenialQueueUrl", lambda events: policies.DENIED in _devices(events))


def _devices(events: list[Any]) -> set[str]:
    return {event["detail"]["request"]["common-name"] for event in events}


def _queries(sandbox: Sandbox) -> dict[str, Any]:
    """Run each saved query of the run's logs, and return its end and its number of rows."""
    ours = {value for name, value in sandbox.outputs.items() if name.endswith("LogName")}
    return {
        query["name"].rpartition("/")[2]: _ran(sandbox, query)
        for query in _definitions(sandbox)
        if ours.intersection(query.get("logGroupNames", []))
    }


def _definitions(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    logs = sandbox.place.client("logs")
    token: dict[str, str] = {}
    while True:
        answer = logs.describe_query_definitions(maxResults=1000, **token)
        yield from answer["queryDefinitions"]
        if "nextToken" not in answer:
            return
        token = {"nextToken": answer["nextToken"]}


def _ran(sandbox: Sandbox, query: dict[str, Any]) -> dict[str, Any]:
    logs, now = sandbox.place.client("logs"), int(time.time())
    try:
        started = logs.start_query(
            logGroupNames=query["logGroupNames"],
            queryString=query["queryString"],
            startTime=now - 7200,
            endTime=now,
        )
    except ClientError as error:
        return {"status": str(error), "rows": 0}
    deadline = time.monotonic() + _QUERY_SECONDS
    while True:
        answer = logs.get_query_results(queryId=started["queryId"])
        if answer["status"] not in _RUNNING or time.monotonic() > deadline:
            return {"status": answer["status"], "rows": len(answer["results"])}
        time.sleep(_POLL_SECONDS)


def _filters(sandbox: Sandbox) -> dict[str, int]:
    """Return how many lines of the connection log each of its metric filters counts."""
    logs, group = sandbox.place.client("logs"), sandbox.outputs["ConnectionLogName"]
    lines = [json.dumps(line) for line in lines_of(sandbox.place, group, until=bool)]
    return {
        each["filterName"]: len(
            logs.test_metric_filter(filterPattern=each["filterPattern"], logEventMessages=lines[:50])[
                "matches"
            ]
        )
        for each in logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    }


def _alarms(sandbox: Sandbox) -> dict[str, Any]:
    """Return the alarms' states, and which of them told the topic when they were put into the state ALARM."""
    cloudwatch, names = sandbox.place.client("cloudwatch"), _alarm_names(sandbox)
    found = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    states = {each["AlarmName"]: each["StateValue"] for each in found}
    for name in names:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="the acceptance run asks")
    messages = _received(sandbox, "AlarmQueueUrl", lambda told: set(names) <= _told(told))
    return {"states": states, "told": sorted(_told(messages).intersection(names))}


def _alarm_names(sandbox: Sandbox) -> list[str]:
    pages = sandbox.place.client("cloudformation").get_paginator("list_stack_resources")
    return [
        each["PhysicalResourceId"]
        for page in pages.paginate(StackName=sandbox.stack)
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]


def _told(messages: list[Any]) -> set[str]:
    """Return the alarms that messages of the topic are about."""
    return {json.loads(message["Message"])["AlarmName"] for message in messages if "Message" in message}


def _announced(denials: list[dict[str, Any]]) -> str | None:
    return None if policies.DENIED in _devices(denials) else f"no event of the denied client in {denials}"


def _all_run(queries: dict[str, Any]) -> str | None:
    if _DENIALS_QUERY not in queries:
        return f"the query {_DENIALS_QUERY} is not among {sorted(queries)}"
    ends = {name: query["status"] for name, query in queries.items() if query["status"] != "Complete"}
    if ends:
        return f"queries that did not complete: {ends}"
    return None if queries[_DENIALS_QUERY]["rows"] else f"{_DENIALS_QUERY} found none of the denials"


def _counts(filters: dict[str, int]) -> str | None:
    if len(filters) != 1:
        return f"the connection log has {len(filters)} metric filters, not 1"
    return (
        None
        if all(count > 0 for count in filters.values())
        else f"the filter counts no line of the connection log: {filters}"
    )


def _quiet(alarms: dict[str, Any]) -> str | None:
    loud = [
        name
        for name, state in alarms["states"].items()
        if state == "ALARM" and not any(cause in name for cause in _CAUSED)
    ]
    if not alarms["states"]:
        return "the stack has no alarms"
    return f"alarms that nothing has caused: {', '.join(loud)}" if loud else None


def _all_told(alarms: dict[str, Any]) -> str | None:
    silent = sorted(alarms["states"].keys() - set(alarms["told"]))
    return f"alarms that the topic did not get: {', '.join(silent)}" if silent else None


OBSERVATIONS = (
    Observation(name="denials", title="Waiting for events of denials", observe=_denials, needs_aws=True),
    Observation(name="queries", title="Running the saved queries", observe=_queries, needs_aws=True),
    Observation(name="filters", title="Testing the metric filter", observe=_filters, needs_aws=True),
)
# After the deployments, which an alarm would stop.
ALARMS = Observation(name="alarms", title="Putting the alarms into ALARM", observe=_alarms, needs_aws=True)
CLAIMS = (
    Claim(
        name="denial-announced",
        page="docs/operations.md",
        sentence="Within seconds of a denial there is an event on the account's default event bus",
        proof="the event of the denied client reaches a queue by a rule",
        reads=("denials",),
        problem=_announced,
        needs_aws=True,
    ),
    Claim(
        name="queries-run",
        page="docs/operations.md",
        sentence="| Denials by reason | what denied clients were told, or which error denied them;",
        proof="every saved query is started and completes, and this one finds the denials of the run",
        reads=("queries",),
        problem=_all_run,
        needs_aws=True,
    ),
    Claim(
        name="failures-counted",
        page="docs/operations.md",
        sentence="With a connection log there is the metric `FailedConnections` in the namespace `ClientConnect`, by "
        "`EndpointId` and `Reason`.",
        proof="CloudWatch tests the metric filter on lines of the connection log, and it matches those of denials",
        reads=("filters",),
        problem=_counts,
        needs_aws=True,
    ),
    Claim(
        name="alarms-quiet",
        page="docs/operations.md",
        sentence="No data is no alarm, but for `ReauthorizerStopped` and `DeviceSyncStopped`",
        proof="no alarm is on but those of denials, which the run causes",
        reads=("alarms",),
        problem=_quiet,
        needs_aws=True,
    ),
    Claim(
        name="alarms-told",
        page="docs/operations.md",
        sentence="Each alarm is sent to `alarm_topic` when it begins and when it is over.",
        proof="every alarm is put into the state ALARM, and the topic's message about it reaches a queue",
        reads=("alarms",),
        problem=_all_told,
        needs_aws=True,
    ),
    Claim(
        name="failure-reason",
        page="docs/operations.md",
        sentence="`client-connect-failed` (the handler denied it)",
        proof="the connection log has this reason for the denied client",
        reads=("connectionLog",),
        problem=lambda attempts: _reason(attempts[policies.DENIED]),
        needs_aws=True,
    ),
)


def _reason(attempt: dict[str, Any]) -> str | None:
    reason = attempt.get("connection-attempt-failure-reason")
    return None if reason == _FAILED else f"the reason of the denied client is {reason}"
