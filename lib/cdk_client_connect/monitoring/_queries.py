"""Logs Insights queries, saved in the account and shown on the dashboard.

Lists are unnested, so each policy counts where several decide together. Logs Insights finds the first 200
fields of a line, and a user may have as many groups: so a record has them last. Active Directory takes a user's name
in any case of the letters, and a record has it as it came.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Unnest.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Parse.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from aws_cdk import aws_logs as logs
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

Log = Literal["decisions", "connections", "reauthorizations"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        name: Its name.
        log: The log that it reads.
        lines: Its commands.
        also: Other logs that it reads, where they are.
    """

    name: str
    log: Log
    lines: tuple[str, ...]
    also: tuple[Log, ...] = ()

    @property
    def text(self) -> str:
        """The query as Logs Insights takes it."""
        return "\n| ".join(self.lines)


_DENIED = 'filter message = "connection denied"'
_PARSED = "fields jsonParse(@message) as record"
_WHO = "request.username, `request.common-name`, `request.public-ip`, request.platform, `request.platform-version`"
_WAIVER = "waiver.policyId, waiver.holder, waiver.until, waiver.approvedBy, waiver.reason"

DENIALS_BY_POLICY = Query(
    "Denials by policy",
    "decisions",
    (
        _DENIED,
        _PARSED,
        "unnest record.decision.determining into policy",
        "stats count(*) as denials, count_distinct(request.username) as users by policy",
        "sort denials desc",
        "limit 50",
    ),
)
DENIALS_BY_REASON = Query(
    "Denials by reason",
    "decisions",
    (
        _DENIED,
        "stats count(*) as denials by error.type, decision.message",
        "sort denials desc",
        "limit 50",
    ),
)
DENIALS_BY_USER = Query(
    "Denials by user",
    "decisions",
    (
        _DENIED,
        "fields at, tolower(request.username) as user",
        "stats count(*) as denials, latest(at) as last by user",
        "sort denials desc",
        "limit 50",
    ),
)
DENIALS_BY_DEVICE = Query(
    "Denials by device",
    "decisions",
    (
        _DENIED,
        "stats count(*) as denials, latest(at) as last by `request.common-name`",
        "sort denials desc",
        "limit 50",
    ),
)
USER_HISTORY = Query(
    "History of a user",
    "decisions",
    (
        # A record of an error has the event as Client VPN sent it.
        r'parse event /"username"\s*:\s*"(?<unreadable>[^"]*)"/',
        "fields coalesce(request.username, username, told.username, unreadable) as user",
        'filter tolower(user) = "alice"',
        (
            "fields @timestamp, coalesce(message, `connection-log-type`) as what, "
            "`connection-attempt-status` as attempt, decision.determining.0 as policy, "
            "coalesce(error.type, reason, `connection-attempt-failure-reason`) as why, decision.message"
        ),
        (
            "fields coalesce(`request.common-name`, `common-name`, told.commonName) as device, "
            "coalesce(`request.public-ip`, `device-ip`) as address, "
            "coalesce(`request.connection-id`, connection, `connection-id`) as id"
        ),
        "sort @timestamp desc",
        "limit 200",
    ),
    also=("connections", "reauthorizations"),
)
ERRORS = Query(
    "Errors",
    "decisions",
    (
        'filter level = "ERROR"',
        "fields at, error.type, error.detail, decision.errors.0, request.username, `request.common-name`",
        "sort @timestamp desc",
        "limit 50",
    ),
)
UNAVAILABLE_SOURCES = Query(
    "Unavailable sources",
    "decisions",
    (
        (
            "fields at, unavailable.inventory, unavailable.waivers, unavailable.registry, "
            "unavailable.openConnections, unavailable.customFacts, message"
        ),
        (
            "filter ispresent(unavailable.inventory) or ispresent(unavailable.waivers) "
            "or ispresent(unavailable.registry) or ispresent(unavailable.openConnections) "
            "or ispresent(unavailable.customFacts)"
        ),
        "sort @timestamp desc",
        "limit 50",
    ),
)
SLOWEST_DECISIONS = Query(
    "Slowest decisions",
    "decisions",
    (
        "filter ispresent(DecisionTime)",
        f"fields at, DecisionTime, message, {_WHO}",
        "sort DecisionTime desc",
        "limit 20",
    ),
)
SHADOW_DENIALS = Query(
    "Shadow denials",
    "decisions",
    (
        "filter ShadowDenied = 1",
        f"fields at, decision.shadowDenied.0, decision.determining.0, decision.message, {_WHO}",
        "sort @timestamp desc",
        "limit 200",
    ),
)
SHADOW_DENIALS_BY_POLICY = Query(
    "Shadow denials by policy",
    "decisions",
    (
        "filter ShadowDenied = 1",
        _PARSED,
        "unnest record.decision.shadowDenied into policy",
        "stats count(*) as denials, count_distinct(request.username) as users by policy",
        "sort denials desc",
        "limit 50",
    ),
)
# The whole handler is in shadow mode: what decided would have denied.
SHADOW_MODE_DENIALS_BY_POLICY = Query(
    "Denials that shadow mode allowed by policy",
    "decisions",
    (
        "filter ShadowDenied = 1",
        _PARSED,
        "filter record.decision.allowed != 1",
        "unnest record.decision.determining into policy",
        "stats count(*) as denials, count_distinct(request.username) as users by policy",
        "sort denials desc",
        "limit 50",
    ),
)
WAIVERS_USED = Query(
    "Waivers used",
    "decisions",
    (
        "filter ispresent(waiversUsed.0.policyId)",
        _PARSED,
        "unnest record.waiversUsed into waiver",
        f"stats count(*) as connections by {_WAIVER}",
        "sort connections desc",
        "limit 50",
    ),
)
WAIVED_CONNECTIONS = Query(
    "Connections let in by waivers",
    "decisions",
    (
        "filter ispresent(waiversUsed.0.policyId)",
        _PARSED,
        "unnest record.waiversUsed into waiver",
        f"fields at, {_WHO}, {_WAIVER}, waiver.grantedBy, waiver.grantedAt, `request.connection-id`",
        "sort @timestamp desc",
        "limit 1000",
    ),
)
_FAILED = 'filter `connection-attempt-status` = "failed"'
FAILURES_BY_REASON = Query(
    "Failed connections by reason",
    "connections",
    (
        _FAILED,
        "stats count(*) as connections, latest(`connection-start-time`) as last by `connection-attempt-failure-reason`",
        "sort connections desc",
        "limit 50",
    ),
)
FAILED_CONNECTIONS = Query(
    "Failed connections",
    "connections",
    (
        _FAILED,
        "fields @timestamp, `connection-attempt-failure-reason`, username, `common-name`, `device-ip`, `connection-id`",
        "sort @timestamp desc",
        "limit 200",
    ),
)

# The results of the endpoint's own authorization policy. AWS documents the names of these fields and their values, but
# not whether a flag or the status of a token is a string or something else, so these are read from the line as it is.
# That also finds them behind the evaluation context, whose fields may be more than Logs Insights finds.
_DENIED_BY_POLICY = r'filter @message like /"result"\s*:\s*"(?:deny|error)"/'
_IN_SHADOW_MODE = r'@message like /"shadow-mode"\s*:\s*(?:true|"true"|"enabled")/'
_RESULT = r'parse @message /"result"\s*:\s*"(?<result>[^"]*)"/'
_REASON = r'parse @message /"reason"\s*:\s*"(?<reason>policy[^"]*)"/'
_TOKENS = r'parse @message /"device-token-status"\s*:\s*(?<tokens>\{(?:[^{}]|\{[^{}]*\})*\})/'
_CLIENT = "username, `common-name`, `device-ip`, `connection-id`"

POLICY_SHADOW_DENIALS = Query(
    "Authorization policy shadow denials",
    "connections",
    (
        _DENIED_BY_POLICY,
        f'filter `connection-attempt-status` = "successful" or {_IN_SHADOW_MODE}',
        _RESULT,
        _REASON,
        _TOKENS,
        f"fields @timestamp, result, reason, tokens, {_CLIENT}",
        "sort @timestamp desc",
        "limit 200",
    ),
)
POLICY_SHADOW_DENIALS_BY_REASON = Query(
    "Authorization policy shadow denials by reason",
    "connections",
    (
        _DENIED_BY_POLICY,
        f'filter `connection-attempt-status` = "successful" or {_IN_SHADOW_MODE}',
        _RESULT,
        _REASON,
        _TOKENS,
        "stats count(*) as connections, count_distinct(`common-name`) as devices by result, reason, tokens",
        "sort connections desc",
        "limit 50",
    ),
)
POLICY_DENIALS = Query(
    "Authorization policy denials",
    "connections",
    (
        'filter `connection-attempt-failure-reason` = "authorization-policy-deny"',
        _RESULT,
        _REASON,
        _TOKENS,
        f"fields @timestamp, result, reason, tokens, {_CLIENT}",
        "sort @timestamp desc",
        "limit 200",
    ),
)
POLICY_TERMINATIONS = Query(
    "Sessions that the authorization policy ended",
    "connections",
    (
        'filter `connection-log-type` = "connection-reset" and `connection-attempt-status` = "NA"',
        r'filter @message like /"evaluation-type"\s*:\s*"periodic"/',
        _DENIED_BY_POLICY,
        f"filter not ({_IN_SHADOW_MODE})",
        _RESULT,
        _REASON,
        _TOKENS,
        f"fields @timestamp, result, reason, tokens, {_CLIENT}",
        "sort @timestamp desc",
        "limit 200",
    ),
)
TOKEN_FAILURES = Query(
    "Device token failures",
    "connections",
    (
        _TOKENS,
        # The reasons are the only values with a hyphen.
        r'filter tokens like /"failed"|[a-z]-[a-z]/',
        "stats count(*) as evaluations, count_distinct(`common-name`) as devices by tokens",
        "sort evaluations desc",
        "limit 50",
    ),
)

_ENDED = 'filter message = "connection was terminated"'
ENDED_BY_POLICY = Query(
    "Connections ended by policy",
    "reauthorizations",
    (
        _ENDED,
        _PARSED,
        "unnest record.decision.determining into policy",
        "stats count(*) as connections, count_distinct(request.username) as users, latest(at) as last by policy",
        "sort connections desc",
        "limit 50",
    ),
)
ENDED = Query(
    "Connections ended",
    "reauthorizations",
    (
        _ENDED,
        "fields at, reason, decision.determining.0, request.username, `request.common-name`, connection",
        "sort @timestamp desc",
        "limit 200",
    ),
)

SAVED = (
    DENIALS_BY_POLICY,
    DENIALS_BY_REASON,
    DENIALS_BY_USER,
    DENIALS_BY_DEVICE,
    USER_HISTORY,
    ERRORS,
    UNAVAILABLE_SOURCES,
    SLOWEST_DECISIONS,
    SHADOW_DENIALS,
    SHADOW_DENIALS_BY_POLICY,
    WAIVERS_USED,
    WAIVED_CONNECTIONS,
    FAILURES_BY_REASON,
    FAILED_CONNECTIONS,
    POLICY_SHADOW_DENIALS,
    POLICY_SHADOW_DENIALS_BY_REASON,
    POLICY_DENIALS,
    POLICY_TERMINATIONS,
    TOKEN_FAILURES,
    ENDED_BY_POLICY,
    ENDED,
)


def define_queries(scope: Construct, folder: str, log_groups: Mapping[Log, logs.ILogGroup]) -> None:
    """Save the queries of the logs that are there, in a folder of the account's saved queries.

    A query that reads other logs, too, and is saved already, is given those that are there now.
    """
    parts = cast("Construct", scope.node.try_find_child("Queries")) or Construct(scope, "Queries")
    for query in SAVED:
        id_ = query.name.title().replace(" ", "")
        names = [log_groups[log].log_group_name for log in (query.log, *query.also) if log in log_groups]
        if query.log in log_groups:
            logs.CfnQueryDefinition(
                parts,
                id_,
                name=f"{folder}/{query.name}",
                query_string=query.text,
                log_group_names=names,
            )
        elif names:
            defined = cast("logs.CfnQueryDefinition", parts.node.find_child(id_))
            defined.log_group_names = [*(defined.log_group_names or []), *names]
