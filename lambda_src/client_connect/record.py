"""The decision record: one line of JSON per invocation, with its metrics in it.

``record_log`` writes it. An ``_aws`` key makes the line an embedded metric, so neither a library nor an API call is
needed.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
import re

from client_connect import record_log
from client_connect.light_typing import TYPE_CHECKING, NamedTuple
from client_connect.printable import printable_json
from client_connect.request import EndpointNotAnswered, InvalidRequest, endpoint_id_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from client_connect.engine.authorizer import Decision
    from client_connect.facts import Facts
    from client_connect.waiver import Waiver

METRIC_NAMESPACE = "ClientConnect"
UNKNOWN_ENDPOINT = "unknown"
# AWS's ids have 17 hexadecimal digits.
ENDPOINT_ID = re.compile(r"cvpn-endpoint-[0-9a-f]{1,32}")
_MAX_ENDPOINT_LENGTH = 256
_MAX_EVENT_LENGTH = 4096
_REPLAYED = ("request", "facts")
_UNITS = {
    **dict.fromkeys(("Allowed", "Denied", "Errors", "ShadowDenied"), "Count"),
    "DecisionTime": "Milliseconds",
}
# Counted only when they happen: a metric that is not sent costs nothing.
_PROBLEM_METRICS = {
    "inventory": "InventoryErrors",
    "waivers": "WaiverErrors",
    "blocks": "BlockErrors",
    "registry": "RegistryErrors",
    "openConnections": "OpenConnectionsErrors",
    "customFacts": "CustomFactsErrors",
}
# In place of an error: any client of another endpoint causes it, and shall not move what is watched of the handler.
_NOT_ANSWERED = "NotAnswered"
_BLOCKED = "Blocked"
# Shadow mode is counted while it is on, so an alarm can report it where it should be off.
_SHADOW_MODE = "ShadowMode"


def metric_definition(
    units: Mapping[str, str], *, dimensions: Sequence[str] = ("EndpointId", "FunctionName")
) -> dict[str, Any]:
    """Return what makes keys of a record metrics, once by each of the dimensions."""
    return {
        "Namespace": METRIC_NAMESPACE,
        "Dimensions": [[dimension] for dimension in dimensions],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
    }


def as_logged(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as a line of a log may hold them.

    Where ``request`` or ``facts`` have characters that are escaped in it, ``requestJson`` or ``factsJson`` has them
    without loss, because a replay reads them.
    """
    logged: dict[str, Any] = {name: printable_json(value) for name, value in fields.items()}
    for name in _REPLAYED:
        if name in fields and logged[name] != fields[name]:
            logged[f"{name}Json"] = json.dumps(fields[name])
    return logged


def endpoint_dimension(endpoint_id: str, *, answered: Collection[str] | None = None) -> str:
    """Return the value of the dimension ``EndpointId``; CloudWatch charges for each value.

    Args:
        endpoint_id: What a request says. It is the value if it may be that of an endpoint.
        answered: The endpoints that are answered; any other has the value ``unknown``. Default: all are answered.
    """
    is_value = ENDPOINT_ID.fullmatch(endpoint_id) if answered is None else endpoint_id in answered
    return endpoint_id if is_value else UNKNOWN_ENDPOINT


def used_waivers(waived: Collection[str], waivers: Sequence[Waiver]) -> list[Waiver]:
    """Return the waivers that kept policies from applying; a policy that honors another one's does not say which."""
    known = {waiver.policy_id for waiver in waivers}
    return [each for each in waivers if each.policy_id in waived or not known.issuperset(waived)]


_METRICS = metric_definition(_UNITS)
_NO_PROBLEMS: Mapping[str, str] = {}


class Record(NamedTuple):
    """The record of one invocation.

    Attributes:
        allow: The answer to the client.
        error: Whether something went wrong, which makes it a record of level ERROR.
        shadow_denied: Whether a connection was allowed only because of shadow mode.
        fields: The request and the decision, or the error and the event.
        problems: Why a source of facts or the registry was unavailable, by its name.
        exception: What was thrown, for its stack trace.
        answered: Whether the handler is for this endpoint; else it is counted apart, not among the errors.
    """

    allow: bool
    error: bool
    shadow_denied: bool
    fields: dict[str, Any]
    problems: Mapping[str, str] = _NO_PROBLEMS
    exception: BaseException | None = None
    answered: bool = True

    @classmethod
    def of_decision(  # noqa: PLR0913 - one keyword per part of a record
        cls,
        facts: Facts,
        decision: Decision,
        *,
        allow: bool,
        policies: str,
        waivers: Sequence[Waiver] = (),
        long_waivers: Sequence[Waiver] = (),
        problems: Mapping[str, str] | None = None,
    ) -> Record:
        """Describe a decision completely enough to replay it later."""
        fields: dict[str, Any] = {
            "endpoint": facts.request.endpoint_id,
            "policies": policies,
            "decision": decision.to_record(),
        }
        if decision.waived:
            used = used_waivers(decision.waived, waivers)
            fields["waiversUsed"] = [waiver.to_record() for waiver in used]
        if long_waivers:
            fields["waiversTooLong"] = [waiver.to_record() for waiver in long_waivers]
        if facts.block is not None:
            fields["block"] = facts.block.to_record()
        if problems:
            fields["unavailable"] = dict(problems)
        # Last, because groups and tags may be many: of a long line, Logs Insights finds the first values only.
        fields |= {"request": facts.request.to_event(), "facts": facts.to_record()}
        return cls(
            allow=allow,
            error=bool(decision.errors),
            shadow_denied=allow and bool(decision.shadow_denied or not decision.allowed),
            fields=fields,
            problems=problems or _NO_PROBLEMS,
        )

    @classmethod
    def of_error(cls, event: object, error: BaseException, *, allow: bool) -> Record:
        """Describe what went wrong, with the event as it came, as text."""
        fields = {
            "endpoint": (endpoint_id_of(event) or UNKNOWN_ENDPOINT)[:_MAX_ENDPOINT_LENGTH],
            "error": {"type": type(error).__name__, "detail": str(error)},
            "event": _json(event)[:_MAX_EVENT_LENGTH],
        }
        # The detail says what a request lacks; for all other errors it helps to know where they were raised.
        exception = None if isinstance(error, InvalidRequest) else error
        return cls(
            allow=allow,
            error=True,
            shadow_denied=allow,
            fields=fields,
            exception=exception,
            answered=not isinstance(error, EndpointNotAnswered),
        )

    def write(  # noqa: PLR0913 - one keyword for each thing that a record says of the invocation
        self,
        *,
        now: datetime,
        milliseconds: float,
        function_name: str,
        function_version: str | None = None,
        request_id: str | None = None,
        endpoints: Collection[str] | None = None,
        shadow_mode: bool = False,
    ) -> None:
        """Log the record, with its metrics by endpoint, if it is one of these, and by function.

        Args:
            now: The time of the decision.
            milliseconds: How long it took.
            function_name: The function's name.
            function_version: The version of the function that decided.
            request_id: The id of Lambda's invocation.
            endpoints: The endpoints that the handler answers. Default: all.
            shadow_mode: Whether the whole handler is in shadow mode.
        """
        metrics = {
            "Allowed": int(self.allow),
            "Denied": int(not self.allow),
            "Errors": int(self.error and self.answered),
            "ShadowDenied": int(self.shadow_denied),
            "DecisionTime": round(milliseconds, 3),
        }
        rare = {_PROBLEM_METRICS[name]: 1 for name in self.problems}
        if not self.answered:
            rare[_NOT_ANSWERED] = 1
        if shadow_mode:
            rare[_SHADOW_MODE] = 1
        if "block" in self.fields:
            rare[_BLOCKED] = 1
        dimensions = {
            "EndpointId": endpoint_dimension(self.fields["endpoint"], answered=endpoints),
            "FunctionName": function_name,
        }
        definition = metric_definition(_UNITS | dict.fromkeys(rare, "Count")) if rare else _METRICS
        level = logging.ERROR if self.error else logging.WARNING if self.problems else logging.INFO
        version = {} if function_version is None else {"functionVersion": printable_json(function_version)}
        record_log.log.write(
            level,
            "connection allowed" if self.allow else "connection denied",
            {
                "at": now.isoformat(timespec="milliseconds"),
                "allow": self.allow,
                **printable_json(dimensions),
                **metrics,
                **rare,
                **version,
                "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [definition]},
                **as_logged(self.fields),
            },
            exception=self.exception,
            request_id=request_id,
        )


def _json(event: object) -> str:
    try:
        return json.dumps(event, default=repr)
    except (TypeError, ValueError, RecursionError) as error:
        return f"not JSON: {type(error).__name__}: {error}"
