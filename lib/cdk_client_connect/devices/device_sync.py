"""The construct that keeps a device inventory as a device manager has it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_client_connect.devices.device_source import DeviceSource
from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer
from cdk_client_connect.shared._arguments import Argument, flag, is_whole, require_all, typed, with_attribute
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.shared._key import grant_key
from cdk_client_connect.shared._metrics import record_metric
from cdk_client_connect.shared._support_function import support_function
from cdk_client_connect.shared.function_settings import FunctionSettings, settings_argument
from cdk_client_connect.tables._table import grant
from client_connect_devices.configuration import OPTIONS, REAUTHORIZER, SECRET, SOURCE, TABLE
from client_connect_devices.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import IConstruct

    from cdk_client_connect.shared.metric_keywords import MetricKeywords
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory

_SHORTEST_SCHEDULE_MIN, _LONGEST_SCHEDULE_MIN = 5, 24 * 60
_LONGEST_EVENT_AGE = Duration.hours(6)
# Lambda takes 4 KB of variables.
_LONGEST_SETTINGS = 3000
_MOST_DAYS = 3650


class DeviceSync(Construct):
    """Lists a device manager on a schedule and keeps the device inventory as the manager has it.

    A list is taken as a whole or not at all. A device that is no longer listed counts as noncompliant after ``misses``
    complete lists without it. If too many devices are gone or no longer compliant, none of them is changed until an
    operator accepts it. While the manager is down, the inventory keeps its last state. Items that were imported or
    written by other software are left alone, and the function has no access to the table of waivers.
    Two syncs of one inventory do not overwrite each other. See docs/device-managers.md.

    Args:
        scope: The construct to define it in, in the inventory's account and Region.
        id: Its id in ``scope``.
        inventory: The inventory.
        source: The device manager: ``Intune(...)``, ``JamfPro(...)``, ``Fleet(...)``, ``Iru(...)``,
            ``CrowdStrike(...)``, ``JumpCloud(...)`` or ``JsonSource(...)``.
        schedule: How often it runs: whole minutes from 5 to 1,440. Default: every 15 minutes.
        misses: After how many complete lists in a row without it a device counts as noncompliant: 2 to 100.
            Default: 3.
        forget_after: How long after that its item is deleted, in whole days; ``Duration.days(0)`` for never. Default:
            30 days.
        maximum_changes: How many devices may be gone, or no longer be compliant, within a day, whatever their share:
            0 to 100,000. Default: 5.
        maximum_share: The share of the known devices that may; the greater number counts. More than 0, at most 1, in
            whole percent. Default: 0.1.
        adopt_imported: Whether items that another writer wrote are taken over if the manager lists the device. Default:
            ``False``.
        retired_sources: The names of sources that no sync of the inventory has any more: their part is
            removed from the items; an item without any other source is deleted. Default: none.
        reauthorizer: The re-authorizer to start when a device is no longer compliant, so its open connections end
            within a minute or two. Default: the re-authorizer runs on its own schedule alone.
        timeout: How long a run may take: whole minutes from 1 to 15. Default: 15 minutes.
        memory_size: In MiB: 256 to 10,240. Default: 512, which is enough for 100,000 devices.
        encryption_key: The key of its environment variables and log group. Default: AWS's own.
        function_settings: A VPC, for a manager in a private network, a dead-letter queue and reserved concurrency.
            Default: none.

    Raises:
        InvalidArgument: When an argument is of a wrong type or out of its range, something is in another account or
            Region, or another sync of the inventory has the same name, copies a tag of the same name, or is
            retired by this one.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        inventory: IDeviceInventory,
        source: DeviceSource,
        schedule: Duration | None = None,
        misses: int = 3,
        forget_after: Duration | None = None,
        maximum_changes: int = 5,
        maximum_share: float = 0.1,
        adopt_imported: bool = False,
        retired_sources: Sequence[str] = (),
        reauthorizer: ConnectionReauthorizer | None = None,
        timeout: Duration | None = None,
        memory_size: int = 512,
        encryption_key: kms.IKey | None = None,
        function_settings: FunctionSettings | None = None,
    ) -> None:
        schedule = Duration.minutes(15) if schedule is None else schedule
        timeout = Duration.minutes(15) if timeout is None else timeout
        forget_after = Duration.days(30) if forget_after is None else forget_after
        require_all(
            with_attribute("inventory", inventory, "devices_table", "a DeviceInventory"),
            typed("source", source, DeviceSource, "a source, such as Intune(...)"),
            Argument(
                "schedule",
                schedule,
                _is_minutes(schedule, _SHORTEST_SCHEDULE_MIN, _LONGEST_SCHEDULE_MIN),
                f"a Duration of whole minutes from {_SHORTEST_SCHEDULE_MIN} to {_LONGEST_SCHEDULE_MIN}",
            ),
            Argument("misses", misses, is_whole(misses, 2, 100), "a whole number from 2 to 100"),
            Argument(
                "forget_after",
                forget_after,
                _is_days(forget_after),
                f"a Duration of whole days up to {_MOST_DAYS}; of 0 days for never",
            ),
            Argument(
                "maximum_changes",
                maximum_changes,
                is_whole(maximum_changes, 0, 100_000),
                "a whole number from 0 to 100,000",
            ),
            Argument(
                "maximum_share",
                maximum_share,
                _is_percentage(maximum_share),
                "a number from 0.01 to 1, in whole percent",
            ),
            flag("adopt_imported", adopt_imported),
            Argument(
                "retired_sources",
                retired_sources,
                _are_other_names(retired_sources, source),
                "a list of names of sources, without the name of this one",
            ),
            typed(
                "reauthorizer",
                reauthorizer,
                ConnectionReauthorizer,
                "a ConnectionReauthorizer or None",
                optional=True,
            ),
            Argument(
                "timeout", timeout, _is_minutes(timeout, 1, 15), "a Duration of whole minutes from 1 to 15"
            ),
            Argument(
                "memory_size",
                memory_size,
                is_whole(memory_size, 256, 10_240),
                "a number of MiB from 256 to 10240",
            ),
            with_attribute("encryption_key", encryption_key, "key_arn", "a kms.Key or None", optional=True),
            settings_argument(function_settings),
        )
        others: list[IConstruct] = [inventory.devices_table, source.secret]
        if reauthorizer is not None:
            others.append(reauthorizer)
        require_same_environment(
            scope, others, because="a sync reads and writes in its own account and Region; define it there"
        )
        _require_own_name_and_tags(scope, inventory, source, retired_sources)

        super().__init__(scope, id)
        self._inventory = inventory
        self._source = source
        self._schedule = schedule
        self._retired_sources = tuple(retired_sources)
        options = {
            "misses": misses,
            "forget_after_days": int(forget_after.to_days()),
            "brake_floor": maximum_changes,
            "brake_percent": round(maximum_share * 100),
            "adopt_imported": adopt_imported,
            "retired_sources": sorted(retired_sources),
        }
        self._function = support_function(
            self,
            package="client_connect_devices",
            handler="client_connect_devices.handler.handler",
            description="Keeps the device inventory of a Client VPN handler as a device manager has it",
            timeout=timeout,
            memory_size=memory_size,
            as_package=True,
            environment={
                SOURCE: _settings(self, source),
                OPTIONS: json.dumps(options, sort_keys=True),
                SECRET: source.secret.secret_arn,
                TABLE: inventory.devices_table.table_name,
                **({} if reauthorizer is None else {REAUTHORIZER: reauthorizer.alias.function_arn}),
            },
            encryption_key=encryption_key,
            settings=function_settings,
        )
        # The next run does all that this one would have done.
        age = min(schedule, _LONGEST_EVENT_AGE, key=Duration.to_seconds)
        self._function.configure_async_invoke(retry_attempts=0, max_event_age=age)
        self._allow(reauthorizer)
        self._schedule_rule = events.Rule(
            self,
            "Schedule",
            description="Syncs a device manager with a device inventory",
            schedule=events.Schedule.rate(schedule),
            targets=[targets.LambdaFunction(self._function, retry_attempts=0, max_event_age=age)],
        )

    @property
    def inventory(self) -> IDeviceInventory:
        """The inventory."""
        return self._inventory

    @property
    def source(self) -> DeviceSource:
        """The device manager."""
        return self._source

    @property
    def schedule(self) -> Duration:
        """How often it runs."""
        return self._schedule

    @property
    def retired_sources(self) -> tuple[str, ...]:
        """The names of sources whose part it removes."""
        return self._retired_sources

    @property
    def schedule_rule(self) -> events.Rule:
        """The rule that runs it."""
        return self._schedule_rule

    @property
    def function(self) -> lambda_.Function:
        """The function; ``{"acceptChanges": N}`` as its event releases the brake once, for at most N devices."""
        return self._function

    def metric(self, metric_name: str, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return a metric of the records of runs, such as ``DevicesListed``; docs/device-managers.md lists them.

        Args:
            metric_name: Its name.
            **options: As the CDK's ``cloudwatch.MetricOptions``. Default: the maximum over 5 minutes.
        """
        return record_metric(self._function.function_name, metric_name, cloudwatch.Stats.MAXIMUM, options)

    def _allow(self, reauthorizer: ConnectionReauthorizer | None) -> None:
        grant(self._inventory.devices_table, self._function, "Scan", "GetItem", "UpdateItem", "DeleteItem")
        _grant_secret(self._source.secret, self._function)
        if reauthorizer is not None:
            # In the role's own policy, which the function waits for, whatever the feature flags.
            self._function.grant_principal.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[reauthorizer.alias.function_arn]
                )
            )


def _grant_secret(secret: secretsmanager.ISecret, grantee: iam.IGrantable) -> None:
    """Allow reading a secret, and what that takes of its key; the CDK's grant allows describing it too."""
    # The ARN of a secret that is imported by its name lacks the six characters at its end.
    arn = secret.secret_full_arn or f"{secret.secret_arn}-??????"
    iam.Grant.add_to_principal(
        grantee=grantee, actions=["secretsmanager:GetSecretValue"], resource_arns=[arn]
    )
    if secret.encryption_key is not None:
        grant_key(secret, secret.encryption_key, grantee, "kms:Decrypt", service="secretsmanager")


def _settings(scope: Construct, source: DeviceSource) -> str:
    settings = source.settings
    text = json.dumps(settings, sort_keys=True)
    if len(text) > _LONGEST_SETTINGS:
        raise InvalidArgument(
            f"the settings of the source have {len(text)} characters; a function takes {_LONGEST_SETTINGS} of "
            "them: copy fewer tags"
        )
    return Stack.of(scope).to_json_string(settings) if Token.is_unresolved(settings) else text


def _require_own_name_and_tags(
    scope: Construct, inventory: IDeviceInventory, source: DeviceSource, retired: Sequence[str]
) -> None:
    """Check that no other sync of the inventory writes, or removes, what this one writes.

    Raises:
        InvalidArgument: When one does.
    """
    others = [
        each
        for each in scope.node.root.node.find_all()
        if isinstance(each, DeviceSync)
        and each.inventory.devices_table.table_arn == inventory.devices_table.table_arn
    ]
    for other in others:
        if other.source.source_name == source.source_name:
            raise InvalidArgument(
                f'device sync {other.node.path} has the same inventory and the same name "{source.source_name}", '
                "so each would take the other's devices for missing; give one of the sources another name"
            )
        if source.source_name in other.retired_sources or other.source.source_name in retired:
            raise InvalidArgument(
                f"device sync {other.node.path} has the same inventory, and one of both names the other in "
                "retired_sources, so it would remove what the other writes; name only sources that no sync has any more"
            )
        if both := sorted(set(other.source.tags or ()) & set(source.tags or ())):
            raise InvalidArgument(
                f'device sync {other.node.path} copies the tag "{both[0]}" into the same inventory; give one of them '
                "another name"
            )


def _are_other_names(names: object, source: object) -> bool:
    own = source.source_name if isinstance(source, DeviceSource) else None
    return isinstance(names, list | tuple) and all(
        isinstance(name, str) and re.fullmatch(NAME, name) and name != own for name in names
    )


def _is_minutes(duration: object, least: int, most: int) -> bool:
    if not isinstance(duration, Duration) or duration.is_unresolved():
        return False
    minutes = duration.to_milliseconds() / 60_000
    return minutes == int(minutes) and least <= minutes <= most


def _is_days(duration: object) -> bool:
    if not isinstance(duration, Duration) or duration.is_unresolved():
        return False
    days = duration.to_milliseconds() / 86_400_000
    return days == int(days) and 0 <= days <= _MOST_DAYS


def _is_percentage(share: object) -> bool:
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        return False
    return abs(share * 100 - round(share * 100)) < 1e-9  # noqa: PLR2004 - 0.29 * 100 is not quite 29
