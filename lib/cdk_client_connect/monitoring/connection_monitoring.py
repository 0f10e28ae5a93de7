"""The construct that watches a handler and its endpoints."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from aws_cdk import Stack
from constructs import Construct

from cdk_client_connect.devices.device_sync import DeviceSync
from cdk_client_connect.endpoint._endpoints import read_added, read_endpoints, require_no_circle
from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler._imported_handler import handler_key
from cdk_client_connect.handler.i_client_connect_handler import WANTED, IClientConnectHandler
from cdk_client_connect.monitoring._alarm_definitions import (
    define_alarms,
    is_reminder,
    let_publish,
    of_endpoints,
)
from cdk_client_connect.monitoring._certificates import certificates_of, read_certificates
from cdk_client_connect.monitoring._connection_log_metrics import define_connection_log_metrics
from cdk_client_connect.monitoring._dashboard import Content, define_dashboard
from cdk_client_connect.monitoring._log_class import require_standard_class
from cdk_client_connect.monitoring._notifications import define_notifications, require_permits
from cdk_client_connect.monitoring._queries import define_queries
from cdk_client_connect.monitoring._targets import MonitoringTargets
from cdk_client_connect.monitoring.monitoring_alarms import MonitoringAlarms
from cdk_client_connect.monitoring.notifications import Notifications
from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer
from cdk_client_connect.shared._arguments import (
    Argument,
    flag,
    key_argument,
    require_all,
    typed,
    with_attribute,
)
from cdk_client_connect.shared._claims import MONITORING, claim, claimant_of
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.shared.function_settings import FunctionSettings, settings_argument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sns as sns

    from cdk_client_connect.endpoint._endpoints import AnyEndpoint
    from cdk_client_connect.monitoring._queries import Log


class ConnectionMonitoring(Construct):
    """Alarms, a dashboard, saved queries and announcements of decisions for a handler and its endpoints.

    It only reads metrics and logs: nothing of it is on the way of a decision. The meaning of each part, and how to
    turn it off, is in docs/operations.md. One monitoring for each handler.

    Sources: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/monitoring-cloudwatch.html
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html

    Args:
        scope: The construct to define it in, in the handler's account and Region.
        id: Its id in ``scope``.
        handler: The handler.
        endpoints: The endpoints that ask it: constructs, or ids of endpoints defined elsewhere; none for the
            handler alone. Of ids that are tokens the position in the list is the name.
        connection_log_group: Where the endpoints log their connections. ``None``: they do not, and nothing of
            such a log is defined.
        reauthorizer: What ends the handler's open connections that are denied; no other handler's. Default: the one in
            the same stack, if there is one, whichever is defined first.
        device_syncs: What keeps the handler's device inventory as device managers have it. Default: nothing.
        certificates: The ARNs of further certificates in ACM, by names that you choose, such as the server certificate
            of an endpoint that is defined elsewhere. The certificates of ``endpoints`` in this app are always watched.
            Default: no others.
        alarm_topic: Where alarms are sent, and that they are over; in the same account and Region. Default:
            nowhere; they are on the dashboard.
        alarms: What alarms do otherwise than by default. Default: all alarms as they are.
        notifications: Where denials are announced, and allowed connections where ``Notifications`` say so. They take
            one of the two subscriptions that CloudWatch Logs allows for the handler's log. Default: denials, on the
            account's default event bus.
        dashboard: Whether there is a dashboard. Default: ``True``.
        saved_queries: Whether the Logs Insights queries are saved, in a folder named after the function.
            Default: ``True``.
        encryption_key: The key of the log group and environment variables of the function that announces denials.
            Default: the handler's.
        function_settings: A VPC, a dead-letter queue and reserved concurrency of that function. Default: none.

    Raises:
        InvalidArgument: When an argument is of a wrong type, an endpoint is given twice, the re-authorizer is
            another handler's, the handler has a monitoring already, something is in another account or Region, an
            endpoint is in a stack that waits for the stack of the monitoring, or a log group is not of the class
            ``STANDARD``, the only one with metrics and subscriptions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: IClientConnectHandler,
        endpoints: Sequence[ec2.IClientVpnEndpoint | ec2.CfnClientVpnEndpoint | str],
        connection_log_group: logs.ILogGroup | None,
        reauthorizer: ConnectionReauthorizer | None = None,
        device_syncs: Sequence[DeviceSync] = (),
        certificates: Mapping[str, str] | None = None,
        alarm_topic: sns.ITopic | None = None,
        alarms: MonitoringAlarms | None = None,
        notifications: Notifications | None = None,
        dashboard: bool = True,
        saved_queries: bool = True,
        encryption_key: kms.IKey | None = None,
        function_settings: FunctionSettings | None = None,
    ) -> None:
        alarms = MonitoringAlarms() if alarms is None else alarms
        notifications = Notifications.event_bridge() if notifications is None else notifications
        require_all(
            typed("handler", handler, IClientConnectHandler, WANTED),
            with_attribute(
                "connection_log_group",
                connection_log_group,
                "log_group_name",
                "a logs.LogGroup or None",
                optional=True,
            ),
            typed(
                "reauthorizer",
                reauthorizer,
                ConnectionReauthorizer,
                "a ConnectionReauthorizer or None",
                optional=True,
            ),
            Argument("device_syncs", device_syncs, _are_syncs(device_syncs), "a list of DeviceSync"),
            with_attribute("alarm_topic", alarm_topic, "topic_arn", "an sns.Topic or None", optional=True),
            typed("alarms", alarms, MonitoringAlarms, "MonitoringAlarms(...)"),
            typed(
                "notifications",
                notifications,
                Notifications,
                "Notifications.event_bridge(...), .sns(...) or .none()",
            ),
            flag("dashboard", dashboard),
            flag("saved_queries", saved_queries),
            key_argument(encryption_key),
            settings_argument(function_settings),
        )
        if reauthorizer is not None and reauthorizer.handler is not handler:
            raise InvalidArgument(
                f"reauthorizer {reauthorizer.node.path} decides as {reauthorizer.handler.node.path} does, but "
                f"{handler.node.path} is watched; give that one's re-authorizer"
            )
        reauthorizer = reauthorizer or _reauthorizer_beside(scope, handler)
        for sync in device_syncs:
            _require_inventory_of(handler, sync)
        decisions = _log_group_of(handler)
        named = read_endpoints(endpoints)
        given = read_certificates({} if certificates is None else certificates)
        _require_usable(scope, endpoints, handler)
        _require_only(handler)
        targets = (connection_log_group, alarm_topic, notifications.bus, notifications.topic)
        require_same_environment(
            scope,
            [target for target in targets if target is not None],
            because="a monitoring reads, and announces, in its own account and Region; give one there, and take it "
            "further from there",
        )
        read = (
            decisions,
            connection_log_group,
            None if reauthorizer is None else reauthorizer.log_group,
        )
        require_standard_class(log_group for log_group in read if log_group is not None)

        require_permits(notifications, handler.policies)
        super().__init__(scope, id)
        log_groups: dict[Log, logs.ILogGroup] = {"decisions": decisions}
        if connection_log_group is not None:
            log_groups["connections"] = connection_log_group
            define_connection_log_metrics(connection_log_group)
        if reauthorizer is not None:
            log_groups["reauthorizations"] = reauthorizer.log_group
        self._handler = handler
        announcing = define_notifications(
            self,
            handler.function_name,
            decisions,
            notifications,
            encryption_key=encryption_key or handler.encryption_key,
            settings=function_settings,
            log_retention=handler.support_log_retention,
        )
        self._forwarder = None if announcing is None else announcing.forwarder
        self._watched = MonitoringTargets(
            handler=handler,
            endpoints=named,
            announcing=announcing,
            reauthorizer=reauthorizer,
            device_syncs=tuple(device_syncs),
            certificates=given | certificates_of(endpoints, named, given, Stack.of(self)),
        )
        self._alarm_settings = alarms
        self._alarm_topic = alarm_topic
        if alarm_topic is not None:
            let_publish(alarm_topic)
        self._alarms = define_alarms(self, self._watched, alarms, alarm_topic)
        self._log_groups = log_groups
        self._dashboard = define_dashboard(self, self._content) if dashboard else None
        self._saves_queries = saved_queries
        if saved_queries:
            define_queries(self, handler.function_name, log_groups)
        claim(self, MONITORING, handler_key(handler))

    def add_endpoint(self, endpoint: AnyEndpoint) -> None:
        """Watch another endpoint that asks the handler: define its alarms and show it on the dashboard.

        Args:
            endpoint: A construct, or the id of an endpoint that is defined elsewhere in the same account and Region.

        Raises:
            InvalidArgument: When it is none, is there already, is in another account or Region, or waits for the
                stack of the monitoring.
        """
        added = read_added(endpoint, self._watched.endpoints)
        _require_usable(self, [endpoint], self._handler)
        before = self._watched.certificates
        used = certificates_of([endpoint], [added], before, Stack.of(self))
        alone = replace(self._watched, endpoints=(added,), certificates=used, device_syncs=())
        self._alarms |= define_alarms(
            self, alone, self._alarm_settings, self._alarm_topic, wanted=of_endpoints
        )
        self._watched = replace(
            self._watched, endpoints=(*self._watched.endpoints, added), certificates={**before, **used}
        )

    def watch_reauthorizer(self, reauthorizer: ConnectionReauthorizer) -> None:
        """Watch the handler's re-authorizer, which was defined later; one in another stack is left to the caller."""
        if self._watched.reauthorizer is not None or Stack.of(reauthorizer) is not Stack.of(self):
            return
        require_standard_class([reauthorizer.log_group])
        before, self._watched = self._alarms, replace(self._watched, reauthorizer=reauthorizer)
        self._alarms = before | define_alarms(
            self,
            self._watched,
            self._alarm_settings,
            self._alarm_topic,
            wanted=lambda definition, metrics: (
                definition.name not in before and not of_endpoints(definition, metrics)
            ),
        )
        self._log_groups["reauthorizations"] = reauthorizer.log_group
        if self._saves_queries:
            define_queries(self, self._handler.function_name, {"reauthorizations": reauthorizer.log_group})

    def _content(self) -> Content:
        alarms = [alarm for id_, alarm in self._alarms.items() if not is_reminder(id_)]
        return Content(watched=self._watched, alarms=alarms, log_groups=self._log_groups)

    @property
    def handler(self) -> IClientConnectHandler:
        """The handler that it watches."""
        return self._handler

    @property
    def alarms(self) -> Mapping[str, cloudwatch.IAlarm]:
        """The alarms by name; those of an endpoint are named such as ``CrlExpiry-Vpn-Endpoint``."""
        return MappingProxyType(self._alarms)

    @property
    def alarm_settings(self) -> MonitoringAlarms:
        """The differences of alarms from their defaults."""
        return self._alarm_settings

    @property
    def dashboard(self) -> cloudwatch.Dashboard | None:
        """The dashboard, if there is one."""
        return self._dashboard

    @property
    def notification_function(self) -> lambda_.IFunction | None:
        """The function that announces decisions, if there is one."""
        return self._forwarder


def _reauthorizer_beside(scope: Construct, handler: IClientConnectHandler) -> ConnectionReauthorizer | None:
    """Return the handler's re-authorizer, if it is in the stack of the monitoring."""
    registry = handler.connection_registry
    found = None if registry is None else registry.reauthorizer
    is_beside = (
        isinstance(found, ConnectionReauthorizer)
        and found.handler is handler
        and Stack.of(found) is Stack.of(scope)
    )
    return cast("ConnectionReauthorizer", found) if is_beside else None


def _are_syncs(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, DeviceSync) for each in value)


def _require_inventory_of(handler: IClientConnectHandler, sync: DeviceSync) -> None:
    """Check that a sync writes what the handler reads.

    Raises:
        InvalidArgument: When it writes another inventory.
    """
    inventory = handler.device_inventory
    if inventory is None or inventory.devices_table.table_arn != sync.inventory.devices_table.table_arn:
        raise InvalidArgument(
            f"device sync {sync.node.path} writes inventory {sync.inventory.node.path}, which {handler.node.path} does "
            "not read; give the syncs of the handler's device_inventory"
        )


def _require_usable(
    scope: Construct, endpoints: Sequence[AnyEndpoint], handler: IClientConnectHandler
) -> None:
    """Refuse constructs with metrics elsewhere, and endpoints that the stack cannot refer to."""
    constructs = [endpoint for endpoint in endpoints if not isinstance(endpoint, str)]
    require_same_environment(
        scope,
        [handler, *constructs],
        because="its metrics and logs are there alone; define the monitoring there",
    )
    require_no_circle(scope, endpoints, handler, handler.function_arn)


def _require_only(handler: IClientConnectHandler) -> None:
    other = claimant_of(handler, MONITORING, handler_key(handler))
    if other is not None:
        raise InvalidArgument(
            f"handler {handler.node.path} has the monitoring {other.node.path} already, and a second one would "
            "announce each denial twice and define each alarm twice; give that one all endpoints, by endpoints or "
            "add_endpoint"
        )


def _log_group_of(handler: IClientConnectHandler) -> logs.ILogGroup:
    if handler.log_group is None:
        raise InvalidArgument(
            f"handler {handler.node.path} is imported without its log group, which is what a monitoring reads; import "
            "it by ClientConnectHandler.from_attributes(..., log_group=logs.LogGroup.from_log_group_name(...))"
        )
    return handler.log_group
