"""How the alarms of a monitoring differ from their defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._arguments import is_number_token


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """The differences of one alarm from its defaults.

    Attributes:
        threshold: In the alarm's own unit, which docs/operations.md names; 0 or more. Default: the alarm's.
        evaluation_periods: How many periods in a row the threshold must be crossed; 1 or more. CloudWatch looks back
            one day: at most 288 periods of 5 minutes; seven days where a period is an hour, as for certificates: at
            most 168. Default: the alarm's.
        enabled: Whether the alarm is defined at all. Default: ``True``.

    Raises:
        InvalidArgument: When a number is out of its range.
    """

    threshold: float | None = None
    evaluation_periods: int | None = None
    enabled: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        threshold = self.threshold
        if threshold is not None and not (
            is_number_token(threshold) or (_is_number(threshold) and threshold >= 0)
        ):
            raise InvalidArgument(f"threshold={self.threshold!r} must be a number, 0 or more")
        periods = self.evaluation_periods
        if is_number_token(periods):
            raise InvalidArgument(
                "evaluation_periods is a token, whose value only the deployment knows; it must be a whole number, "
                "because CloudWatch looks back a limited time"
            )
        if periods is not None and not (_is_number(periods) and periods == int(periods) and periods >= 1):
            raise InvalidArgument(f"evaluation_periods={periods!r} must be a whole number, 1 or more")
        if not isinstance(self.enabled, bool):
            raise InvalidArgument(f"enabled={self.enabled!r} must be True or False")

    @staticmethod
    def off() -> AlarmSettings:
        """Leave the alarm out."""
        return AlarmSettings(enabled=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringAlarms:
    """Settings of the alarms that shall differ from their defaults; what each means is in docs/operations.md.

    Examples:
        >>> MonitoringAlarms(
        ...     handler_throttles=AlarmSettings(threshold=5), idp_certificate_expiry=AlarmSettings.off()
        ... )

    Attributes:
        handler_errors: The function failed.
        handler_throttles: Lambda refused to run the function.
        handler_latency: An invocation took nearly all of the function's time. Threshold in milliseconds;
            default: 80 percent of the function's timeout.
        handler_timeouts: Client VPN gave up waiting.
        execution_errors: Client VPN could not have the function executed.
        invalid_responses: Client VPN did not understand the function's answer.
        service_errors: Client VPN itself failed to ask the function.
        spillover: Connections found no provisioned environment.
        decision_errors: Connections could not be decided soundly.
        everyone_denied: Connections were denied while none was allowed. Threshold in denials within 5 minutes.
        records_lost: The handler decided connections that are not recorded.
        unexpected_shadow_mode: The handler is in shadow mode, but the app says that it is not.
        denial_burst: More denials than usual. Threshold in standard deviations above the usual level.
        authorization_policy_denials: An endpoint's own authorization policy denies more connections than usual.
            Threshold in standard deviations above the usual level.
        authorization_policy_terminations: An endpoint's own authorization policy ended many sessions at once.
        crl_expiry: The certificate revocation list expires. Threshold in days.
        idp_certificate_expiry: The SAML identity provider's certificate expires. Threshold in days.
        certificate_expiry: A certificate in ACM expires: the server's, or its authority's. Threshold in days.
        inventory_errors: The device inventory could not be read.
        waiver_errors: A waiver is malformed, so it is no waiver.
        registry_errors: Connections could not be recorded, or looked up in the registry.
        open_connections_errors: EC2 did not say which connections are open, so limits of connections let pass.
        cap_exceeded: The policies deny more open connections than the re-authorizer may terminate.
        mass_termination: The re-authorizer ended many open connections that the policies deny.
        undecided: The re-authorizer could not decide some open connections.
        termination_failures: EC2 did not terminate connections that are denied.
        reauthorizer_incomplete: Some endpoints of the re-authorizer do not exist.
        reauthorizer_errors: Runs of the re-authorizer failed.
        reauthorizer_stopped: The re-authorizer has not seen all open connections for a while.
        device_sync_stopped: A device sync has not been complete for a while.
        device_sync_brake: A device sync holds changes back, because too many devices are missing or noncompliant.
        device_sync_credentials: A device manager refuses the credentials of its sync.
        device_sync_secret_expiry: The credentials of a device sync expire. Threshold in days.
        notification_errors: Decisions were not announced, wherever on the way that failed.

    Raises:
        InvalidArgument: When one is no ``AlarmSettings``, or one whose threshold is in standard deviations has the
            threshold 0.
    """

    handler_errors: AlarmSettings = AlarmSettings()
    handler_throttles: AlarmSettings = AlarmSettings()
    handler_latency: AlarmSettings = AlarmSettings()
    handler_timeouts: AlarmSettings = AlarmSettings()
    execution_errors: AlarmSettings = AlarmSettings()
    invalid_responses: AlarmSettings = AlarmSettings()
    service_errors: AlarmSettings = AlarmSettings()
    spillover: AlarmSettings = AlarmSettings()
    decision_errors: AlarmSettings = AlarmSettings()
    everyone_denied: AlarmSettings = AlarmSettings()
    records_lost: AlarmSettings = AlarmSettings()
    unexpected_shadow_mode: AlarmSettings = AlarmSettings()
    denial_burst: AlarmSettings = AlarmSettings()
    authorization_policy_denials: AlarmSettings = AlarmSettings()
    authorization_policy_terminations: AlarmSettings = AlarmSettings()
    crl_expiry: AlarmSettings = AlarmSettings()
    idp_certificate_expiry: AlarmSettings = AlarmSettings()
    certificate_expiry: AlarmSettings = AlarmSettings()
    inventory_errors: AlarmSettings = AlarmSettings()
    waiver_errors: AlarmSettings = AlarmSettings()
    registry_errors: AlarmSettings = AlarmSettings()
    open_connections_errors: AlarmSettings = AlarmSettings()
    cap_exceeded: AlarmSettings = AlarmSettings()
    mass_termination: AlarmSettings = AlarmSettings()
    undecided: AlarmSettings = AlarmSettings()
    termination_failures: AlarmSettings = AlarmSettings()
    reauthorizer_incomplete: AlarmSettings = AlarmSettings()
    reauthorizer_errors: AlarmSettings = AlarmSettings()
    reauthorizer_stopped: AlarmSettings = AlarmSettings()
    device_sync_stopped: AlarmSettings = AlarmSettings()
    device_sync_brake: AlarmSettings = AlarmSettings()
    device_sync_credentials: AlarmSettings = AlarmSettings()
    device_sync_secret_expiry: AlarmSettings = AlarmSettings()
    notification_errors: AlarmSettings = AlarmSettings()

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in _names():
            if not isinstance(settings := getattr(self, name), AlarmSettings):
                raise InvalidArgument(
                    f"{name}={settings!r} must be AlarmSettings(...), or AlarmSettings.off()"
                )
        for name in ("denial_burst", "authorization_policy_denials"):
            if getattr(self, name).threshold == 0:
                raise InvalidArgument(f"{name} has the threshold 0, but a band has a width; give more than 0")

    @staticmethod
    def none() -> MonitoringAlarms:
        """Leave all alarms out."""
        return MonitoringAlarms(**{name: AlarmSettings.off() for name in _names()})


def _names() -> list[str]:
    return [field.name for field in fields(MonitoringAlarms)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
