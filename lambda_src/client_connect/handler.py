"""The function that Lambda calls, and the only place that catches.

Whatever goes wrong while this code runs, the client gets a valid denial with a message that helps, and the
log gets one record that says why. In shadow mode it gets a valid permission instead: shadow never blocks.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from time import perf_counter

from client_connect import bundled_files
from client_connect.engine.authorizer import Authorizer, Decision
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, may_read
from client_connect.light_typing import TYPE_CHECKING
from client_connect.record import Record
from client_connect.request import ConnectionRequest, EndpointNotAnswered, is_probe, schema_version_of
from client_connect.response import response
from client_connect.settings import (
    ERROR_DENIAL,
    Settings,
    read_shadow_mode,
    takes_snapshot,
)
from client_connect.sources.collected_facts import NoSources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from client_connect.facts import Facts
    from client_connect.sources.collected_facts import CollectedFacts
    from client_connect.sources.fact_sources import FactSources

    class LambdaContext(Protocol):
        """The part of Lambda's context object that the handler reads."""

        function_name: str

        def get_remaining_time_in_millis(self) -> int:
            """Return the milliseconds until Lambda ends the invocation."""


# The time that the answer may still need when the decision begins.
MINIMUM_TIME_LEFT_MS = 200

# How long the inventory, the registry and extra facts may take, all together; EC2, where a limit of connections
# would deny; and writing to the registry.
GATHERING_S = 2.5
COUNTING_S = 1.5
REGISTERING_S = 0.5


class TimeNearlyUsedUp(Exception):
    """Too little of the function's time is left to decide."""


class ConnectHandler:
    """Answers connection requests; one is made at cold start.

    Args:
        decide: The decision, usually ``Authorizer.decide``.
        settings: What the construct configured.
        policies: The digest of the policies, for the records.
        sources: What the handler asks in addition to the request. Default: nothing.
        authorizer: What decides, to be kept when all else is made again. Default: none.
    """

    def __init__(
        self,
        decide: Callable[[Facts], Decision],
        settings: Settings,
        *,
        policies: str = "",
        sources: FactSources | NoSources | None = None,
        authorizer: Authorizer | None = None,
    ) -> None:
        self._decide = decide
        self._settings = settings
        self._policies = policies
        self._sources = sources or NoSources(settings.time_zone, endpoints=settings.endpoints)
        self._recorder = self._sources.recorder()
        self._authorizer = authorizer

    def renew(self) -> None:
        """Make everything again but the policies, which take longest and never change. Never raises."""
        vars(self).update(vars(start(self._authorizer)))

    def __call__(self, event: object, context: LambdaContext | None = None) -> dict[str, Any]:
        """Answer one invocation. Never raises."""
        started = perf_counter()
        if is_probe(event):
            from client_connect.probe import answer_probe  # noqa: PLC0415 - no connection needs it

            return answer_probe(event, lambda asked: self._probed(asked, context), context)
        try:
            return self._answer(event, context, started)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the engine is not an Exception
            return self._refuse(event, context, started, error)

    def _answer(self, event: object, context: LambdaContext | None, started: float) -> dict[str, Any]:
        _require_time(context)
        request = ConnectionRequest.from_event(event)
        self._require_answered(request)
        collected = self._sources.collect(request, seconds=min(GATHERING_S, _seconds_left(context)))
        collected, decision = self._decided(collected, context)
        facts = collected.facts
        allow = self._allows(decision)
        record = Record.of_decision(
            facts,
            decision,
            allow=allow,
            policies=self._policies,
            waivers=collected.waivers,
            long_waivers=collected.long_waivers,
            problems=_together(collected.problems, self._register(facts, decision, context, allow=allow)),
        )
        self._write(record, context, started, facts.now)
        return response(
            allow=allow,
            message=decision.denial_message(self._settings.default_message, facts),
            statuses=decision.statuses,
            schema_version=facts.request.schema_version,
        )

    def _probed(self, asked: object, context: LambdaContext | None) -> dict[str, Any]:
        """Decide a request without recording or registering it."""
        request = ConnectionRequest.from_event(asked)
        collected = self._sources.collect(request, seconds=min(GATHERING_S, _seconds_left(context)))
        collected, decision = self._decided(collected, context)
        return {
            "policies": self._policies,
            "text": bundled_files.policies(),
            "allow": self._allows(decision),
            "decision": decision.to_record(),
            "unavailable": dict(collected.problems),
        }

    def _allows(self, decision: Decision) -> bool:
        """Whether the client is let in: in shadow mode each but one that is blocked."""
        return decision.allowed or (self._settings.shadow_mode and not decision.blocked)

    def _require_answered(self, request: ConnectionRequest) -> None:
        endpoints = self._settings.endpoints
        if endpoints is not None and request.endpoint_id not in endpoints:
            raise EndpointNotAnswered("the endpoint is not one of the endpoints= of this handler")

    def _decided(
        self, collected: CollectedFacts, context: LambdaContext | None
    ) -> tuple[CollectedFacts, Decision]:
        """Decide, and before a number of connections denies, make sure of it."""
        decision = self._decide(collected.facts)
        is_denied = not decision.allowed or bool(decision.shadow_denied)
        if not (collected.others and is_denied):
            return collected, decision
        if self._decide(collected.facts._replace(active_connections=0)) == decision:
            return collected, decision  # the number does not matter
        seconds = min(COUNTING_S, _seconds_left(context))
        verified = self._sources.verify_count(collected, seconds=seconds)
        return verified, self._decide(verified.facts)

    def _register(
        self, facts: Facts, decision: Decision, context: LambdaContext | None, *, allow: bool
    ) -> Mapping[str, str]:
        if not allow or self._recorder is None:
            return {}
        seconds = min(REGISTERING_S, _seconds_left(context))
        return self._recorder.record(facts, decision, policies=self._policies, seconds=seconds)

    def _refuse(
        self, event: object, context: LambdaContext | None, started: float, error: BaseException
    ) -> dict[str, Any]:
        allow = self._settings.shadow_mode
        with contextlib.suppress(Exception):  # a log that is broken too must not cost the client its answer
            self._write(Record.of_error(event, error, allow=allow), context, started, datetime.now(UTC))
        return response(allow=allow, message=ERROR_DENIAL, schema_version=schema_version_of(event))

    def _write(self, record: Record, context: LambdaContext | None, started: float, now: datetime) -> None:
        record.write(
            now=now,
            milliseconds=(perf_counter() - started) * 1000,
            function_name=getattr(context, "function_name", "local"),
            function_version=getattr(context, "function_version", None),
            request_id=getattr(context, "aws_request_id", None),
            endpoints=self._settings.endpoints,
            shadow_mode=self._settings.shadow_mode,
        )


def start(authorizer: Authorizer | None = None) -> ConnectHandler:
    """Make the handler of this process; one that refuses everybody when it cannot be made.

    Args:
        authorizer: What decides. Default: what is made of the policies in the bundle.
    """
    settings = Settings()
    try:
        # First and alone, because shadow mode must not block when another setting is wrong.
        settings = Settings(shadow_mode=read_shadow_mode())
        settings = Settings.from_environment()
        if authorizer is None:
            policies = bundled_files.policies()
            authorizer = Authorizer(
                policies, custom=bundled_files.custom_schema(), networks=bundled_files.networks(policies)
            )
        sources = _sources(settings, authorizer)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - an error here would cost the client our message
        return ConnectHandler(_raising(error), settings)
    digest = authorizer.policies.digest
    return ConnectHandler(
        authorizer.decide, settings, policies=digest, sources=sources, authorizer=authorizer
    )


def _sources(settings: Settings, authorizer: Authorizer) -> FactSources | NoSources:
    if not settings.has_sources:
        return NoSources(settings.time_zone, authorizer.networks, settings.endpoints)
    from client_connect.sources.fact_sources import configured_sources  # noqa: PLC0415 - who has none does not import it

    counts_connections = may_read(authorizer.policies.reads, ACTIVE_CONNECTIONS)
    return configured_sources(settings, authorizer, counts_connections=counts_connections)


def _together(problems: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return all problems; of one source, both."""
    return dict(problems) | {
        name: f"{problems[name]}; {problem}" if name in problems else problem
        for name, problem in others.items()
    }


def _raising(error: BaseException) -> Callable[[Facts], Decision]:
    def decide(_facts: Facts) -> Decision:
        raise error.with_traceback(None)  # or each invocation would add to it, and keep its event alive

    return decide


def _require_time(context: LambdaContext | None) -> None:
    if context is not None and (left := context.get_remaining_time_in_millis()) < MINIMUM_TIME_LEFT_MS:
        raise TimeNearlyUsedUp(f"{left} ms are left, fewer than {MINIMUM_TIME_LEFT_MS}")


def _seconds_left(context: LambdaContext | None) -> float:
    """Return how long a wait may take and still leave time to answer."""
    if context is None:
        return GATHERING_S
    return max(0.0, (context.get_remaining_time_in_millis() - MINIMUM_TIME_LEFT_MS) / 1000)


handler: ConnectHandler = start()
if takes_snapshot():
    from client_connect.restoring import after_restore

    after_restore(handler.renew)
