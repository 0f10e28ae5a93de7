"""The event of a connection in one entry of a log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import tzinfo

    from client_connect_tools.replay.reading.contents import Content

What = Literal[
    "allowed",
    "let in by shadow mode",
    "denied",
    "blocked",
    "denied by an error",
    "endpoint not answered",
    "terminated",
    "would be terminated",
    "could not be terminated",
    "kept by a waiver",
    "not connected",
    "signing in",
    "ended by the native policy",
    "session ended",
]
_FIRST_YEAR, _LAST_YEAR = 1970, 9990
DENIALS: frozenset[What] = frozenset({"denied", "blocked", "denied by an error", "endpoint not answered"})
CUTS: frozenset[What] = frozenset({"terminated", "ended by the native policy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a connection.

    Attributes:
        at: When, in UTC.
        what: What.
        connection: The connection's id.
        user: Whose; empty where it is not told.
        device: The common name of the certificate; likewise.
        zone: The zone of the handler's clock, where the entry says it.
        policies: The ids of the policies that decided.
        message: What the user read; empty where the entry does not say it.
        because: Why, besides policies.
        waivers: Waivers that were used, as recorded.
        request: The request, as recorded.
        facts: The other facts that policies saw, as recorded.
        source: Which log it is from.
        entry: The entry itself.
    """

    at: datetime
    what: What
    connection: str = ""
    user: str = ""
    device: str = ""
    zone: tzinfo | None = None
    policies: tuple[str, ...] = ()
    message: str = ""
    because: str = ""
    waivers: tuple[dict[str, Any], ...] = ()
    request: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    entry: dict[str, Any] = field(default_factory=dict)


def event_of(content: Content) -> Event | None:
    """Read an entry; nothing when it is about no connection.

    Raises:
        ValueError: When it does, but not when or whose.
    """
    event = _event(content)
    if event is not None and not _FIRST_YEAR <= event.at.year <= _LAST_YEAR:
        raise ValueError("a time that no clock shows")
    return event


def _event(content: Content) -> Event | None:
    entry = content.content
    if content.kind == "decision":
        return _decision(entry)
    if content.kind == "error":
        return _error(entry)
    if content.kind == "re-authorizer":
        return _reauthorization(entry)
    return _connection_log(entry) if content.kind == "connection log" else None


def _decision(entry: dict[str, Any]) -> Event:
    decision = _object(entry.get("decision"))
    allowed = decision.get("allowed") is True
    answered = entry["allow"] if isinstance(entry.get("allow"), bool) else allowed
    what: What = "denied"
    if answered:
        what = "allowed" if allowed else "let in by shadow mode"
    elif "block" in entry or "client-connect:blocked" in _texts(decision.get("determining")):
        what = "blocked"
    elif decision.get("errors"):
        what = "denied by an error"
    return _recorded(
        entry,
        what,
        because="; ".join((_block(entry), *_texts(decision.get("errors")))).strip("; "),
        message="" if answered else _text(decision.get("message")),
    )


def _error(entry: dict[str, Any]) -> Event:
    error = _object(entry.get("error"))
    try:
        request = _object(json.loads(_text(entry.get("event"))))
    except (ValueError, RecursionError):
        request = {}
    what: What = "denied by an error"
    if entry.get("allow") is True:
        what = "let in by shadow mode"
    elif error.get("type") == "EndpointNotAnswered":
        what = "endpoint not answered"
    because = f"{_text(error.get('type'))}: {_text(error.get('detail'))}"
    return _recorded(entry | {"request": request}, what, because=because)


def _reauthorization(entry: dict[str, Any]) -> Event:
    reason = _text(entry.get("reason"))
    if reason == "waiver":
        return _recorded(entry, "kept by a waiver")
    what: What = "terminated"
    if entry.get("failure"):
        what = "could not be terminated"
    elif entry.get("dryRun") is True:
        what = "would be terminated"
    reasons = {
        "connection-limit": "the user had too many connections",
        "blocked": _block(entry) or "blocked",
        "policies": "",
    }
    because = "; ".join(text for text in (reasons.get(reason, reason), _text(entry.get("failure"))) if text)
    return _recorded(entry, what, because=because, of_policies=reason == "policies")


def _recorded(
    entry: dict[str, Any], what: What, *, because: str = "", message: str = "", of_policies: bool = True
) -> Event:
    request, facts = _exact(entry, "request"), _exact(entry, "facts")
    told, decision = _object(entry.get("told")), _object(entry.get("decision"))
    return Event(
        at=_instant(entry.get("at")),
        what=what,
        connection=_text(request.get("connection-id")) or _text(entry.get("connection")),
        user=_text(request.get("username")) or _text(told.get("username")),
        device=_text(request.get("common-name")) or _text(told.get("commonName")),
        zone=_zone(facts.get("timeZone")) if "decision" in entry else None,
        policies=_texts(decision.get("determining")) if of_policies else (),
        message=message,
        because=because,
        waivers=tuple(each for each in _list(entry.get("waiversUsed")) if isinstance(each, dict)),
        request=request,
        facts=facts,
        source="re-authorizer" if _is_reauthorization(entry) else "handler",
        entry=entry,
    )


def _is_reauthorization(entry: dict[str, Any]) -> bool:
    return "reason" in entry


def _connection_log(log: dict[str, Any]) -> Event | None:
    if log.get("connection-log-type") == "connection-reset":
        return _logged(log, *_end(log), names=("connection-end-time", "connection-last-update-time"))
    names = ("connection-start-time", "connection-last-update-time", "connection-end-time")
    status = log.get("connection-attempt-status")
    if status == "successful":
        return _logged(log, "allowed", "", names=names)
    if status == "waiting-for-assertion":
        return _logged(log, "signing in", "", names=names)
    if status != "failed":
        return None
    reason = _text(log.get("connection-attempt-failure-reason"))
    is_ours = reason == "client-connect-failed"
    return _logged(log, "denied" if is_ours else "not connected", "" if is_ours else reason, names=names)


def _end(log: dict[str, Any]) -> tuple[What, str]:
    evaluation = _object(log.get("authorization-policy-evaluation"))
    is_cut = evaluation.get("evaluation-type") == "periodic" and evaluation.get("result") in ("deny", "error")
    is_shadow = evaluation.get("shadow-mode") in (True, "true", "enabled")
    if is_cut and not is_shadow and log.get("connection-attempt-status") == "NA":
        return "ended by the native policy", _text(evaluation.get("reason"))
    return "session ended", ""


def _logged(log: dict[str, Any], what: What, because: str, *, names: tuple[str, ...]) -> Event:
    times = [text for name in names if (text := _known(log.get(name)))]
    if not times:
        raise ValueError("a connection log without a time")
    return Event(
        at=datetime.fromisoformat(times[0]).replace(tzinfo=UTC),
        what=what,
        connection=_known(log.get("connection-id")),
        user=_known(log.get("username")),
        device=_known(log.get("common-name")),
        because=because,
        request={"platform": _known(log.get("device-type")), "public-ip": _known(log.get("device-ip"))},
        source="connection log",
        entry=log,
    )


def _block(entry: dict[str, Any]) -> str:
    block = _object(entry.get("block"))
    if not block:
        return ""
    until = _text(block.get("until"))
    by = _text(block.get("by"))
    text = f"block of {_text(block.get('holder'))} until {until or 'it is removed'}: {_text(block.get('reason'))}"
    return text + (f" (by {by})" if by else "")


def _exact(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a record, without loss where the log had to escape it."""
    text = entry.get(f"{name}Json")
    if isinstance(text, str):
        try:
            return _object(json.loads(text))
        except (ValueError, RecursionError):
            pass
    return _object(entry.get(name))


def _instant(value: object) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time that does not exist") from error


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name != "UTC" else UTC
    except (ValueError, LookupError, OSError):
        return UTC


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, _list(value)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _known(value: object) -> str:
    return "" if value in ("NA", "-") else _text(value)
