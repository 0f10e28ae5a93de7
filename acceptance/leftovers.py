"""The resources that runs have created: found by its tag and its names, and removed.

Nothing else is touched: a stack must have both the prefix and the tag, a certificate, table or log group the tag, and a
log group without tags, which Lambda makes by itself, the name of a run's function, with the run in it.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from acceptance.naming import FUNCTION_PREFIX, STACK_PREFIX, TAG, run_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acceptance.place import Place

_STACK_SECONDS = 3600.0
_IN_USE_SECONDS = 900.0
_POLL_SECONDS = 5.0
_POLL_SECONDS_HERE = 0.2
_STACK = "stack"
_GONE, _DELETE_FAILED = "DELETE_COMPLETE", "DELETE_FAILED"
# States while CloudFormation works on a stack, and deletes it all the same. In others that must have ended first; in
# the emulator too, which would go on creating.
_DELETABLE = ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS")
# Being created by a change set, a stack has no tags yet.
_NOT_TAGGED_YET = "REVIEW_IN_PROGRESS"
_MADE_BY_LAMBDA = (f"/aws/lambda/{FUNCTION_PREFIX}", f"/aws/lambda/{STACK_PREFIX}")
# CloudFormation's names begin with that of the stack; the emulator's do not.
_LOG_PREFIXES = (STACK_PREFIX, f"/aws/cloudformation/{STACK_PREFIX}", *_MADE_BY_LAMBDA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that a run has created.

    Attributes:
        kind: Such as ``log group``.
        name: Its name or ARN.
        run: The run.
    """

    kind: str
    name: str
    run: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def find(place: Place, run: str | None = None) -> list[Leftover]:
    """Return what runs have left, stacks first; of one run only, where it is given.

    Raises:
        ClientError: When AWS refuses to list it.
    """
    found = [*_stacks(place), *_certificates(place), *_tables(place), *_log_groups(place)]
    return found if run is None else [each for each in found if each.run == run or run in each.name]


def remove(
    place: Place, leftovers: list[Leftover], report: Callable[[str], None] = lambda _line: None
) -> list[str]:
    """Remove leftovers, stacks with all that they have first; return what could not be removed, with the reasons."""
    stacks = [each for each in leftovers if each.kind == _STACK]
    problems = [problem for each in stacks if (problem := _removal_problem(place, each, report))]
    there = find(place) if stacks else leftovers
    others = [each for each in leftovers if each.kind != _STACK and each in there]
    return problems + [problem for each in others if (problem := _removal_problem(place, each, report))]


def _removal_problem(place: Place, leftover: Leftover, report: Callable[[str], None]) -> str | None:
    report(f"Removing {leftover}")
    try:
        _REMOVERS[leftover.kind](place, leftover.name)
    except (BotoCoreError, ClientError, WaiterError, StackNotDeleted) as error:
        return f"{leftover}: {error}"
    return None


class StackNotDeleted(Exception):
    """CloudFormation did not delete a stack; the message says its state, and why."""


def delete_stack(place: Place, name: str) -> None:
    """Delete a stack and wait until it is gone; an update that goes on is cancelled first.

    Raises:
        StackNotDeleted: When it cannot be deleted, or not in time.
        ClientError: When AWS refuses.
    """
    cloudformation = place.client("cloudformation")
    deadline = time.monotonic() + _STACK_SECONDS
    asked: set[str] = set()
    while (stack := _stack(cloudformation, name)) is not None and stack["StackStatus"] != _GONE:
        status = stack["StackStatus"]
        if status == _DELETE_FAILED and asked:
            raise StackNotDeleted(f"{status}: {stack.get('StackStatusReason', 'without a reason')}")
        if time.monotonic() > deadline:
            raise StackNotDeleted(f"it is still in state {status} after {_STACK_SECONDS:.0f} s")
        if status not in asked:
            asked.add(status)
            _urge(place, name, status)
        time.sleep(_poll_seconds(place))


def _urge(place: Place, name: str, status: str) -> None:
    """Do what brings a stack in this state nearer to its end; while CloudFormation goes back, that is nothing."""
    cloudformation = place.client("cloudformation")
    if status == "UPDATE_IN_PROGRESS":
        with contextlib.suppress(ClientError):  # it has ended meanwhile
            cloudformation.cancel_update_stack(StackName=name)
    elif not status.endswith("_IN_PROGRESS") or (status in _DELETABLE and place.is_aws):
        cloudformation.delete_stack(StackName=name)


def _poll_seconds(place: Place) -> float:
    return _POLL_SECONDS if place.is_aws else _POLL_SECONDS_HERE


def _stack(cloudformation: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - boto3's
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    found: dict[str, Any] = stack
    return found


def _run_of(tags: list[dict[str, str]]) -> str | None:
    return next((each["Value"] for each in tags if each["Key"] == TAG), None)


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]


def _stacks(place: Place) -> Iterator[Leftover]:
    for stack in _pages(place.client("cloudformation"), "describe_stacks", "Stacks"):
        name = stack["StackName"]
        ours = name.startswith(STACK_PREFIX) and stack["StackStatus"] != _GONE
        run = _run_of(stack.get("Tags", []))
        if run is None and stack["StackStatus"] == _NOT_TAGGED_YET:
            run = run_in(name)
        if ours and run:
            yield Leftover(kind=_STACK, name=name, run=run)


def _certificates(place: Place) -> Iterator[Leftover]:
    acm = place.client("acm")
    for certificate in _pages(acm, "list_certificates", "CertificateSummaryList"):
        arn = certificate["CertificateArn"]
        run = _run_of(acm.list_tags_for_certificate(CertificateArn=arn).get("Tags", []))
        if run is not None:
            yield Leftover(kind="certificate", name=arn, run=run)


def _tables(place: Place) -> Iterator[Leftover]:
    dynamodb = place.client("dynamodb")
    for name in _pages(dynamodb, "list_tables", "TableNames"):
        if name.startswith(STACK_PREFIX):
            arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
            run = _run_of(dynamodb.list_tags_of_resource(ResourceArn=arn).get("Tags", []))
            if run is not None:
                yield Leftover(kind="table", name=name, run=run)


def _log_groups(place: Place) -> Iterator[Leftover]:
    """Return log groups: tagged ones of the stacks, and those that Lambda has made for their functions."""
    logs = place.client("logs")
    for prefix in _LOG_PREFIXES:
        for group in _pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
            name = group["logGroupName"]
            arn = group["arn"].removesuffix(":*")
            run = logs.list_tags_for_resource(resourceArn=arn).get("tags", {}).get(TAG)
            if run is None and name.startswith(_MADE_BY_LAMBDA):
                run = run_in(name)
            if run:
                yield Leftover(kind="log group", name=name, run=run)


def _delete_certificate(place: Place, arn: str) -> None:
    """Delete a certificate; ACM notices only after minutes that an endpoint uses it no longer."""
    deadline = time.monotonic() + _IN_USE_SECONDS
    while True:
        try:
            place.client("acm").delete_certificate(CertificateArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException" or time.monotonic() > deadline:
                raise
            time.sleep(_poll_seconds(place))
        else:
            return


def _delete_table(place: Place, name: str) -> None:
    dynamodb = place.client("dynamodb")
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1 if place.is_aws else 0, "MaxAttempts": 300}
    )


_REMOVERS: dict[str, Callable[[Place, str], object]] = {
    _STACK: delete_stack,
    "certificate": _delete_certificate,
    "table": _delete_table,
    "log group": lambda place, name: place.client("logs").delete_log_group(logGroupName=name),
}
