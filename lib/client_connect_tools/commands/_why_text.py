"""The history of a user or device for a help desk to read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect.settings import ERROR_DENIAL
from client_connect_tools.output.local_times import local_time
from client_connect_tools.replay.event import CUTS, DENIALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from client_connect_tools.replay.event import Event, What

_LET_IN = ("allowed", "let in by shadow mode")
_VERBS: dict[What, str] = {
    "allowed": "allowed",
    "let in by shadow mode": "let in only because of shadow mode",
    "denied": "denied",
    "blocked": "denied because of a block",
    "denied by an error": "denied because of an error",
    "endpoint not answered": "denied: the handler does not answer this endpoint",
    "terminated": "connection ended by the re-authorizer",
    "would be terminated": "the re-authorizer would end the connection (dry run)",
    "could not be terminated": "the re-authorizer could not end the connection",
    "kept by a waiver": "connection stays only because of a waiver",
    "not connected": "not connected",
    "signing in": "went to the identity provider, and did not come back",
    "ended by the native policy": "connection ended by Client VPN's own authorization policy",
    "session ended": "session ended",
}

_NOT_ANSWERED = "the user read Client VPN's own message, and the handler has no record; see the alarm"
# The meaning of Client VPN's reasons, and where to look next.
_REASONS = {
    "client-connect-handler-throttled": f"Lambda refused to run the handler: {_NOT_ANSWERED} HandlerThrottles",
    "client-connect-handler-timed-out": f"the handler did not answer in time: {_NOT_ANSWERED} HandlerTimeouts",
    "client-connect-handler-other-execution-error": (
        f"Client VPN could not run the handler: {_NOT_ANSWERED} ExecutionErrors"
    ),
    "client-connect-handler-invalid-response": (
        f"Client VPN did not understand the answer: {_NOT_ANSWERED} InvalidResponses"
    ),
    "client-connect-handler-service-error": f"Client VPN itself failed: {_NOT_ANSWERED} ServiceErrors",
    "authorization-policy-deny": "the endpoint's own authorization policy denied it; the handler did not",
}


def verdict(who: str, events: Sequence[Event], zone: tzinfo, now: datetime) -> str:
    """Return what happened, in one sentence."""
    denials = [event for event in events if event.what in DENIALS]
    allowed = [event for event in events if event.what in _LET_IN]
    last = next((event for event in reversed(events) if event.what in CUTS or event in denials), None)
    later = next((event for event in reversed(allowed) if last is None or event.at >= last.at), None)
    failed = next((event for event in reversed(events) if event.what == "not connected"), None)
    if failed is not None and failed.at >= max(
        (each.at for each in (last, later) if each), default=failed.at
    ):
        return (
            f"{who} could not connect {_when(failed, zone, now)}: Client VPN says {failed.because}"
            f" (denied by the handler: {_times(len(denials)) if denials else 'never'})."
        )
    if events[-1].what == "signing in":
        return f"{who} went to the identity provider {_when(events[-1], zone, now)}, and did not come back."
    if last is None:
        if later is None:
            return f"{who} was neither let in nor denied by the handler."
        text = f"{who} was let in {_times(len(allowed))}, most recently {_when(later, zone, now)}"
        shadow = sum(event.what == "let in by shadow mode" for event in allowed)
        return (
            f"{text}, {_times(shadow)} only because of shadow mode."
            if shadow
            else f"{text}, and never denied."
        )
    if last.what in CUTS:
        text = f"{who}'s connection was ended {_when(last, zone, now)}{_by(last)}"
        text += f"; denied {_times(len(denials))} before" if denials else ""
    else:
        text = f"{who} was denied {_times(len(denials))}{_span(denials, zone, now)}{_by(last)}"
        text += f': "{last.message}"' if last.message else ""
    end = "" if later is None else f"; let in since, {_when(later, zone, now)}"
    return f"{text}{end}" + ("" if f"{text}{end}".endswith('."') else ".")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _span(denials: list[Event], zone: tzinfo, now: datetime) -> str:
    days = [_local(event, zone).date() for event in denials]
    last = _local(denials[-1], zone)
    if days[0] == days[-1]:
        day = "today" if days[0] == now.astimezone(last.tzinfo).date() else f"on {days[0]}"
        return f" {day}, at {last:%H:%M}" if len(days) == 1 else f" {day}, most recently at {last:%H:%M}"
    return f" from {days[0]} to {days[-1]}, most recently {_when(denials[-1], zone, now)}"


def _when(event: Event, zone: tzinfo, now: datetime) -> str:
    local = _local(event, zone)
    day = "today" if local.date() == now.astimezone(local.tzinfo).date() else f"on {local:%Y-%m-%d}"
    return f"{day} at {local:%H:%M}"


def _by(event: Event) -> str:
    if event.policies and event.what != "blocked":
        return f" by {', '.join(event.policies)}"
    if event.what == "ended by the native policy":
        return " by Client VPN's own authorization policy"
    return f" ({event.because or _VERBS[event.what]})" if event.what != "denied" or event.because else ""


def _local(event: Event, zone: tzinfo) -> datetime:
    return event.at.astimezone(zone)


def time_text(event: Event, zone: tzinfo) -> str:
    """Return the local time, and that in UTC unless it is the same."""
    return local_time(event.at, zone)


def what_text(event: Event) -> str:
    """Return the event, and its policies or reason."""
    text = _VERBS[event.what]
    if event.policies and event.what != "blocked":
        link = ", denied by" if event.source == "re-authorizer" else " by"
        text += f"{link} {', '.join(event.policies)}"
    elif event.what == "denied" and not event.because:
        text += ": no permit applied"
    return f"{text}: {event.because}" if event.because else text


def details(event: Event) -> Iterator[str]:
    """Yield what else is known of an event, a line each."""
    if event.what in ("denied", "blocked") and event.source == "handler":
        yield (
            f'the user read: "{event.message}"'
            if event.message
            else "the user read the handler's default message"
        )
    elif event.what in ("denied by an error", "endpoint not answered"):
        yield f'the user read: "{ERROR_DENIAL}"'
    elif event.what == "not connected":
        yield _REASONS.get(event.because, "the reason is Client VPN's own; the handler did not deny it")
    if from_ := _from(event):
        yield from_
    if device := _device(event.facts):
        yield device
    used = {str(each.get("policyId")) for each in event.waivers}
    for each in event.waivers:
        yield (
            f"waiver used: {each.get('policyId')} until {each.get('until')}, {each.get('reason')} "
            f"(approved by {each.get('approvedBy')})"
        )
    waivers = event.facts.get("waivers")
    if rest := [str(id_) for id_ in waivers if str(id_) not in used] if isinstance(waivers, list) else []:
        yield f"waivers not needed: {', '.join(rest)}"
    unavailable = event.entry.get("unavailable")
    if isinstance(unavailable, dict):
        yield from (f"unavailable then: {name} ({why})" for name, why in unavailable.items())


def _from(event: Event) -> str:
    request = event.request
    platform = " ".join(str(request[name]) for name in ("platform", "platform-version") if request.get(name))
    address = request.get("public-ip")
    parts = [
        f"user {event.user}" if event.user else "",
        f"device {event.device}" if event.device else "",
        platform,
    ]
    parts += [f"from {address}"] if address else []
    return ", ".join(part for part in parts if part)


def _device(facts: dict[str, Any]) -> str:
    device = facts.get("device")
    if not isinstance(device, dict):
        state = facts.get("inventory")
        return {
            "unknown": "the device is not in the inventory",
            "unavailable": "the inventory was unavailable",
        }.get(str(state), "")
    compliant = device.get("compliant")
    parts = [
        "compliant"
        if compliant is True
        else "not compliant"
        if compliant is False
        else "compliance not known"
    ]
    if seen := device.get("lastSeen"):
        parts.append(f"last seen {seen}")
    return f"the inventory says: {', '.join(parts)}"


def as_json(event: Event, zone: tzinfo) -> dict[str, Any]:
    """Return an event for programs."""
    return {
        "at": event.at.astimezone(UTC).isoformat(),
        "local": _local(event, zone).isoformat(),
        "what": event.what,
        "policies": list(event.policies),
        "message": event.message,
        "because": event.because,
        "user": event.user,
        "device": event.device,
        "connection": event.connection,
        "waiversUsed": list(event.waivers),
        "facts": event.facts,
        "request": event.request,
        "source": event.source,
    }
