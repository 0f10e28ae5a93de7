"""The function that ends open connections which are denied today: run on a schedule and after each deployment.

It is in the handler's bundle, so it decides with the same policies. The handler does not import it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from client_connect import bundled_files
from client_connect.engine.authorizer import Authorizer
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, may_read
from client_connect.probe import answer_probe
from client_connect.reauthorizer.client_vpn import ClientVpn
from client_connect.reauthorizer.deadline import Deadline
from client_connect.reauthorizer.evaluation import Evaluator
from client_connect.reauthorizer.records import Records
from client_connect.reauthorizer.run import Reauthorizer
from client_connect.reauthorizer.settings import ReauthorizerSettings
from client_connect.reauthorizer.state import ReauthorizerState
from client_connect.request import is_probe
from client_connect.settings import (
    CONNECTIONS_TABLE,
    Settings,
    read_shadow_mode,
)
from client_connect.sources.connection_registry import ConnectionTable
from client_connect.sources.dynamodb import Tables
from client_connect.sources.fact_sources import FactSources, configured_sources

if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """The part of Lambda's context object that is read."""

        function_name: str

        def get_remaining_time_in_millis(self) -> int:
            """Return the milliseconds until Lambda ends the invocation."""


# No one waits for an answer here, so a throttled table is asked more often than the handler may.
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The state that runs of this process share.

    Attributes:
        settings: What the construct configured.
        authorizer: Has the policies of the bundle.
        tables: DynamoDB.
        registry_name: The name of the registry's table.
        sources: The inventory, the registry and extra facts.
        shared_certificates: Whether several devices use the same client certificate.
    """

    settings: ReauthorizerSettings
    authorizer: Authorizer
    tables: Tables
    registry_name: str
    sources: FactSources
    shared_certificates: bool = False

    @classmethod
    @cache
    def from_environment(cls) -> Dependencies:
        """Make them of the environment variables and the bundle.

        Raises:
            Exception: When a variable or the policies are wrong. The next run tries again.
        """
        shared = Settings.from_environment()
        if shared.connections_table is None:
            raise LookupError(f"{CONNECTIONS_TABLE} is not set")
        policies = bundled_files.policies()
        authorizer = Authorizer(
            policies, custom=bundled_files.custom_schema(), networks=bundled_files.networks(policies)
        )
        settings = ReauthorizerSettings.from_environment()
        tables = Tables(rounds=_ROUNDS)
        return cls(
            # A handler in shadow mode denies only who is blocked, so no one else may be disconnected either.
            settings=replace(
                settings,
                dry_run=settings.dry_run or read_shadow_mode(),
                ends_blocked=not settings.dry_run,
                shared_certificates=shared.shared_certificates,
            ),
            authorizer=authorizer,
            tables=tables,
            registry_name=shared.connections_table,
            sources=configured_sources(shared, authorizer, counts_connections=False, tables=tables),
            shared_certificates=shared.shared_certificates,
        )

    def reauthorizer(self, deadline: Deadline, records: Records, vpn: ClientVpn) -> Reauthorizer:
        """Return what runs once."""
        registry = ConnectionTable(self.tables, name=self.registry_name)
        policies = self.authorizer.policies
        return Reauthorizer(
            self.settings,
            policies=policies.digest,
            vpn=vpn,
            registry=registry,
            state=ReauthorizerState(self.tables, name=self.registry_name),
            evaluator=Evaluator(
                self.authorizer,
                self.sources,
                registry=registry,
                unknown=self.settings.unknown_connections,
                certificate_endpoints=self.settings.certificate_endpoints,
                shared_certificates=self.shared_certificates,
            ),
            records=records,
            deadline=deadline,
            counts_connections=may_read(policies.reads, ACTIVE_CONNECTIONS),
        )


def handler(event: object, context: Context) -> dict[str, Any]:
    """Run once, whatever the event; but only say which policies it has, when it is a probe.

    Returns:
        How it ended.

    Raises:
        Exception: When the run failed, so Lambda counts it.
    """
    if is_probe(event):
        return answer_probe(event, lambda _: _probed(), context)
    started = perf_counter()
    request_id: str | None = getattr(context, "aws_request_id", None)
    version: str | None = getattr(context, "function_version", None)
    records = Records(
        function_name=context.function_name,
        policies="",
        dry_run=False,
        request_id=request_id,
        function_version=version,
    )
    reauthorizer = None
    try:
        dependencies = Dependencies.from_environment()
        records = Records(
            function_name=context.function_name,
            policies=dependencies.authorizer.policies.digest,
            dry_run=dependencies.settings.dry_run,
            request_id=request_id,
            function_version=version,
        )
        deadline = Deadline(context.get_remaining_time_in_millis)
        reauthorizer = dependencies.reauthorizer(deadline, records, ClientVpn(deadline))
        outcome = reauthorizer.run()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        done = None if reauthorizer is None else reauthorizer.outcome
        records.of_error(error, done, milliseconds=(perf_counter() - started) * 1000)
        raise
    records.of_run(outcome, milliseconds=(perf_counter() - started) * 1000)
    return {"run": outcome.state}


def _probed() -> dict[str, Any]:
    policies = Dependencies.from_environment().authorizer.policies
    return {"policies": policies.digest, "text": bundled_files.policies()}
